"""PEP 751 out of a closure, and back."""

import pytest
from test_graph import INDEX, LOCK, changed
from uv_export import invented_wheels, to_requirements, tomllib

from holdfast.errors import LockError
from holdfast.lock.closure import production_closure
from holdfast.lock.graph import LockGraph
from holdfast.lock.pylock import FirstPartyWheel, dumps, from_dict, loads, to_pylock

WHEEL = FirstPartyWheel(
    filename="app-0.1.0-py3-none-any.whl",
    path="holdfast/wheels/app-0.1.0-py3-none-any.whl",
    sha256="b" * 64,
    version="0.1.0",
)


NO_HASHES = """
lock-version = "1.0"
created-by = "x"
[[packages]]
name = "a"
wheels = [{ url = "https://x/a-1-py3-none-any.whl", hashes = {} }]
"""


def pylock_of(lock, **options):
    closure = production_closure(LockGraph.from_dict(lock))
    return to_pylock(closure, **{"wheels": {"App": WHEEL}, **options})


def entry(pylock, name):
    return next(package for package in pylock["packages"] if package["name"] == name)


def test_the_whole_of_a_small_lock():
    files = "https://files.example"
    a, b = {"sha256": "a" * 64}, {"sha256": "b" * 64}
    text = dumps(pylock_of(LOCK))
    assert text.startswith('lock-version = "1.0"\ncreated-by = "holdfast"\nrequires-python = ')
    assert tomllib.loads(text)["packages"] == [
        {
            "name": "app",
            "version": "0.1.0",
            "dependencies": [
                {"name": "one", "version": "1.0"},
                {"name": "one", "version": "2.0"},
                {"name": "two"},
            ],
            "wheels": [{"path": "holdfast/wheels/app-0.1.0-py3-none-any.whl", "hashes": b}],
        },
        {
            "name": "one",
            "version": "1.0",
            "marker": "sys_platform == 'linux'",
            "index": "https://index.example/simple",
            "wheels": [{"url": f"{files}/one-1.0-py3-none-any.whl", "size": 10, "hashes": a}],
        },
        {
            "name": "one",
            "version": "2.0",
            "marker": "sys_platform != 'linux'",
            "index": "https://index.example/simple",
            "wheels": [{"url": f"{files}/one-2.0-py3-none-any.whl", "hashes": a}],
        },
        {
            "name": "two",
            "version": "1!2.0",
            "index": "https://index.example/simple",
            "sdist": {
                "name": "two-1!2.0.tar.gz",
                "url": f"{files}/two-1%212.0.tar.gz",
                "size": 20,
                "hashes": a,
            },
        },
    ]


def test_the_requirements_of_a_small_lock():
    assert to_requirements(pylock_of(LOCK)) == (
        "./holdfast/wheels/app-0.1.0-py3-none-any.whl \\\n    --hash=sha256:" + "b" * 64 + "\n"
        "one==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:" + "a" * 64 + "\n"
        "one==2.0 ; sys_platform != 'linux' \\\n    --hash=sha256:" + "a" * 64 + "\n"
        "two==1!2.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"
    )


def test_dumps_does_not_mind_the_order():
    pylock = pylock_of(LOCK)
    turned = {key: pylock[key] for key in reversed(pylock)}
    turned["packages"] = [dict(reversed(one.items())) for one in reversed(pylock["packages"])]
    assert dumps(turned) == dumps(pylock)


def test_credentials_are_nowhere():
    lock = changed(
        ["package", 3, "source"], {"registry": "https://ada:secret@index.example/simple"}
    )
    lock["package"][3]["sdist"]["url"] = (
        "https://ada:secret@files.example/two-1%212.0.tar.gz?token=secret"
    )
    lock["package"][2]["source"] = {"git": "https://ada:secret@git.example/one?tag=v2#" + "c" * 40}
    pylock = pylock_of(lock)
    assert "secret" not in dumps(pylock)
    assert "secret" not in to_requirements(pylock)
    assert entry(pylock, "two")["index"] == "https://index.example/simple"


def test_what_cannot_be_locked_is_named_at_once():
    lock = changed(["package", 1, "wheels", 0, "hash"], None)
    del lock["package"][2]["wheels"]
    with pytest.raises(LockError) as caught:
        pylock_of(lock, wheels={})
    assert caught.value.message.splitlines()[1:] == [
        "app: no wheel was built of this first-party package",
        "one: the lock has no hash of one-1.0-py3-none-any.whl",
        "one: expected an sdist or a wheel, found neither",
    ]


def test_excluded_packages_leave_no_edge_behind():
    pylock = pylock_of(LOCK, exclude=["Two"], created_by="someone")
    assert "two" not in {package["name"] for package in pylock["packages"]}
    assert {"name": "two"} not in entry(pylock, "app")["dependencies"]
    assert pylock["created-by"] == "someone"


def test_a_virtual_package_is_stepped_over(project):
    pylock = project("workspace").pylock()
    assert "workspace-settings" not in {package["name"] for package in pylock["packages"]}
    assert entry(pylock, "workspace-features")["dependencies"] == [
        {"name": "tomli-w"},
        {"name": "workspace-columns"},
    ]


def test_two_sources_of_one_version_are_told_apart():
    lock = changed(["package", 2, "version"], "1.0")
    lock["package"][2]["source"] = {"registry": "https://other.example/simple"}
    lock["package"][2]["wheels"][0]["url"] = "https://other.example/one-1.0-py3-none-any.whl"
    for edge, source in zip(
        lock["package"][0]["dependencies"], (INDEX, lock["package"][2]["source"]), strict=False
    ):
        edge.update({"version": "1.0", "source": source})
    assert entry(pylock_of(lock), "app")["dependencies"][:2] == [
        {"name": "one", "index": "https://index.example/simple"},
        {"name": "one", "index": "https://other.example/simple"},
    ]


@pytest.mark.parametrize("filename", ["two-1.0-1.zip", "two_renamed-1.0.tar.gz", "two-2.0.tar.bz2"])
def test_an_sdist_with_a_name_from_before_pep_625_is_an_archive(filename):
    lock = changed(["package", 3, "sdist", "url"], f"https://files.example/{filename}")
    two = entry(pylock_of(lock), "two")
    assert two["archive"]["url"].endswith(filename)
    assert from_dict(pylock_of(lock))


def test_the_version_is_what_was_built_where_the_project_computes_it(project):
    closure = project("dynamic-version").closure()
    assert (
        entry(to_pylock(closure, wheels=invented_wheels(closure)), "dynamic-version")["version"]
        == "9.9"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("packages = [", "pylock.toml is not TOML"),
        (
            'lock-version = "1.0"\ncreated-by = "x"',
            "pylock.toml: Missing required value in 'packages'",
        ),
        (
            'lock-version = "2.0"\ncreated-by = "x"\npackages = []',
            "pylock.toml: pylock version 2.0",
        ),
        (
            NO_HASHES,
            "in 'packages[0].wheels[0].hashes'",
        ),
    ],
)
def test_what_is_no_pylock_is_refused(text, message):
    with pytest.raises(LockError) as caught:
        loads(text)
    assert message in caught.value.message
