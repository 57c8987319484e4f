"""A uv.lock that is not as it should be is refused once, with the path to what is wrong."""

import copy

import pytest
from uv_export import tomllib

from holdfast.errors import LockError
from holdfast.lock.closure import production_closure
from holdfast.lock.graph import LockGraph

HASH = "sha256:" + "a" * 64
INDEX = {"registry": "https://index.example/simple"}
LOCK = {
    "version": 1,
    "revision": 3,
    "requires-python": ">=3.10",
    "package": [
        {
            "name": "app",
            "version": "0.1.0",
            "source": {"editable": "."},
            "dependencies": [
                {"name": "one", "version": "1.0", "marker": "sys_platform == 'linux'"},
                {"name": "one", "version": "2.0", "marker": "sys_platform != 'linux'"},
                {"name": "two", "extra": ["fast"]},
            ],
            "optional-dependencies": {"more": [{"name": "two"}]},
            "dev-dependencies": {"dev": [{"name": "two"}]},
            "metadata": {"provides-extras": ["more", "empty"], "requires-dev": {"none": []}},
        },
        {"name": "one", "version": "1.0", "source": INDEX, "wheels": [
            {"url": "https://files.example/one-1.0-py3-none-any.whl", "hash": HASH, "size": 10}]},
        {"name": "one", "version": "2.0", "source": INDEX, "wheels": [
            {"url": "https://files.example/one-2.0-py3-none-any.whl", "hash": HASH}]},
        {"name": "two", "version": "1!2.0", "source": INDEX, "sdist":
            {"url": "https://files.example/two-1%212.0.tar.gz", "hash": HASH, "size": 20}},
    ],
}  # fmt: skip


def changed(path, value):
    """LOCK, with `value` at `path`; None takes away."""
    lock = copy.deepcopy(LOCK)
    *way, last = path
    table = lock
    for step in way:
        table = table[step]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return lock


def test_what_a_lock_says():
    graph = LockGraph.from_dict(LOCK)
    app, old, new, two = graph.packages

    assert (graph.version, graph.revision, graph.requires_python) == (1, 3, ">=3.10")
    assert [edge.package for edge in app.dependencies] == [1, 2, 3]
    assert app.dependencies[2].extras == ("fast",)
    assert app.optional_dependencies.keys() == {"more", "empty"}
    assert app.dependency_groups.keys() == {"dev", "none"}
    assert app.source.first_party
    assert graph.named("One") == (1, 2)
    assert (old.version, new.version) == ("1.0", "2.0")
    assert two.sdist.filename == "two-1!2.0.tar.gz"
    assert two.sdist.hashes == {"sha256": "a" * 64}
    assert old.wheels[0].size == 10


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["version"], None, "missing required value in 'version'"),
        (["version"], "1", "expected an integer, found a string in 'version'"),
        (["version"], True, "expected an integer, found a boolean in 'version'"),
        (["version"], 2, "expected a uv.lock of version 1, found version 2 in 'version'"),
        (["requires-python"], "text", "expected a version specifier, found 'text' in 'requires-py"),
        (["revision"], [], "expected an integer, found an array in 'revision'"),
        (["package"], {}, "expected an array, found a table in 'package'"),
        (["package", 1], "one", "expected a table, found a string in 'package[1]'"),
        (["package", 1, "name"], None, "missing required value in 'package[1].name'"),
        (["package", 1, "source"], None, "missing required value in 'package[1].source'"),
        (["package", 1, "source"], {"svn": "x"}, "found svn in 'package[1].source'"),
        (["package", 1, "source"], {}, "found nothing in 'package[1].source'"),
        (
            ["package", 1, "source"],
            {"git": "https://x/y"},
            "expected a commit after '#', found none in 'package[1].source.git'",
        ),
        (
            ["package", 3, "version"],
            "one",
            "expected a version, found 'one' in 'package[3].version'",
        ),
        (
            ["package", 1, "wheels", 0, "hash"],
            7,
            "expected a string, found an integer in 'package[1].wheels[0].hash'",
        ),
        (
            ["package", 1, "wheels", 0, "hash"],
            "abc",
            "expected 'algorithm:digest', found 'abc' in 'package[1].wheels[0].hash'",
        ),
        (
            ["package", 1, "wheels", 0, "size"],
            "1",
            "expected an integer, found a string in 'package[1].wheels[0].size'",
        ),
        (["package", 3, "sdist"], [], "expected a table, found an array in 'package[3].sdist'"),
        (
            ["package", 0, "dependencies", 2, "name"],
            "three",
            "named 'three', found no such package in 'package[0].dependencies[2]'",
        ),
        (
            ["package", 0, "dependencies", 0, "version"],
            "3.0",
            "found no such package in 'package[0].dependencies[0]'",
        ),
        (
            ["package", 0, "dependencies", 0, "version"],
            None,
            "found several such packages in 'package[0].dependencies[0]'",
        ),
        (
            ["package", 0, "dependencies", 2, "extra"],
            [1],
            "expected a string, found an integer in 'package[0].dependencies[2].extra[0]'",
        ),
        (
            ["package", 0, "optional-dependencies", "more"],
            1.5,
            "expected an array, found float in 'package[0].optional-dependencies.more'",
        ),
        (
            ["package", 0, "dev-dependencies", "dev", 0],
            1,
            "expected a table, found an integer in 'package[0].dev-dependencies.dev[0]'",
        ),
        (["conflicts"], [[{"extra": "x"}]], "missing required value in 'conflicts[0][0].package'"),
        (["conflicts"], [1], "expected an array, found an integer in 'conflicts[0]'"),
        (["resolution-markers"], "x", "expected an array, found a string in 'resolution-markers'"),
    ],
)
def test_broken(path, value, message):
    with pytest.raises(LockError) as caught:
        LockGraph.from_dict(changed(path, value))
    assert message in caught.value.message
    assert caught.value.hint


def test_a_newer_revision_is_read():
    assert LockGraph.from_dict(changed(["revision"], 99)).revision == 99


def test_a_truncated_lock_is_refused(project):
    """Cut off anywhere between packages, it has edges to nowhere or lacks the projects."""
    locked = project("workspace")
    text = (locked.directory / "uv.lock").read_text()
    for cut in range(0, len(text), 97):
        try:
            table = tomllib.loads(text[:cut])
        except tomllib.TOMLDecodeError:
            continue
        # Without any it is the lock of a script that needs nothing.
        if 0 < len(table.get("package", ())) < len(locked.graph.packages):
            with pytest.raises(LockError):
                production_closure(LockGraph.from_dict(table))
