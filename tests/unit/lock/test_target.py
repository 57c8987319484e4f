"""A target takes of a lock what that Python would."""

import pytest
from uv_export import environment

from holdfast.errors import LockError
from holdfast.lock.pylock import from_dict
from holdfast.lock.target import Target, select

LINUX = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "linux_x86_64"]


def target(version="3.11.7", platforms=LINUX, **facts):
    minor = "".join(version.split(".")[:2])
    return Target.from_facts(
        {
            "implementation": "cpython",
            "version": version,
            "abi": f"cpython-{minor}-x86_64-linux-gnu",
            "libc": "glibc-2.36",
            "markers": environment(version, "linux", "x86_64", "cpython"),
            **facts,
        },
        platforms,
    )


def tags(one):
    return {str(tag) for tag in one.tags}


def test_tags_of_cpython():
    found = tags(target())
    assert {"cp311-cp311-manylinux_2_28_x86_64", "cp39-abi3-linux_x86_64", "py3-none-any"} <= found
    assert not {tag for tag in found if "cp312" in tag or "win" in tag}


def test_the_best_tag_comes_first():
    assert str(target().tags[0]) == "cp311-cp311-manylinux_2_28_x86_64"


def test_a_free_threaded_python_takes_no_abi3():
    found = tags(target("3.13.0", free_threaded=True))
    assert "cp313-cp313t-linux_x86_64" in found
    assert "cp313-cp313-linux_x86_64" not in found
    assert not {tag for tag in found if "-abi3-" in tag}


def test_tags_of_pypy():
    found = tags(target("3.10.14", implementation="pypy", abi="pypy310-pp73"))
    assert {"pp310-pypy310_pp73-linux_x86_64", "pp310-none-any", "py3-none-any"} <= found
    assert not {tag for tag in found if tag.startswith("cp")}


def file(name):
    return {"url": f"https://x/{name}", "hashes": {"sha256": name}}


def lock(*packages, **more):
    return from_dict({"lock-version": "1.0", "created-by": "x", "packages": list(packages), **more})


PACKAGES = [
    {"name": "z", "version": "1", "index": "https://x/simple", "wheels": [
        file("z-1-cp311-cp311-manylinux_2_17_x86_64.whl"),
        file("z-1-cp311-cp311-manylinux_2_28_x86_64.whl"),
        file("z-1-cp312-cp312-manylinux_2_28_x86_64.whl"),
    ]},
    {"name": "a", "version": "1", "sdist": file("a-1.tar.gz"), "wheels": [
        file("a-1-cp312-cp312-win32.whl"),
    ]},
    {"name": "b", "vcs": {"type": "git", "url": "https://x/b", "commit-id": "c0ffee"}},
    {"name": "c", "archive": file("c.zip")},
    {"name": "d", "directory": {"path": "libs/d"}},
    {"name": "e", "version": "1", "wheels": [
        {"path": "w/e-1-py3-none-any.whl", "hashes": {"sha256": "e"}},
    ]},
    {"name": "f", "version": "1", "marker": "sys_platform == 'win32'", "wheels": [
        file("f-1-py3-none-any.whl"),
    ]},
]  # fmt: skip


def test_one_file_of_every_package():
    found = {one.name: one for one in select(lock(*PACKAGES), target())}
    assert list(found) == ["a", "b", "c", "d", "e", "z"]
    assert [found[name].kind for name in "abcdez"] == [
        "sdist", "vcs", "archive", "directory", "wheel", "wheel",
    ]  # fmt: skip
    assert found["z"].filename == "z-1-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert found["z"].index == "https://x/simple"
    assert (found["b"].filename, found["b"].sha256) == ("c0ffee", None)
    assert (found["d"].location, found["d"].filename) == ("libs/d", "d")
    assert (found["e"].location, found["e"].sha256) == ("w/e-1-py3-none-any.whl", "e")
    assert found["c"].filename == "c.zip"


@pytest.mark.parametrize(
    ("pylock", "message"),
    [
        (lock(PACKAGES[0], **{"requires-python": ">=3.12"}), "'>=3.12'"),
        (lock(PACKAGES[0], environments=["sys_platform == 'win32'"]), "environments"),
        (lock({**PACKAGES[0], "wheels": PACKAGES[0]["wheels"][2:]}), "'z'"),
        (lock(PACKAGES[5], PACKAGES[5]), "Multiple packages"),
    ],
)
def test_a_lock_that_does_not_cover_the_target(pylock, message):
    with pytest.raises(LockError, match=message):
        select(pylock, target())
