"""What is asked of a closure, and what it refuses."""

import pytest
from test_graph import LOCK, changed
from uv_export import GRID, environment

from holdfast.errors import LockError
from holdfast.lock.closure import production_closure
from holdfast.lock.graph import LockGraph

LINUX = environment("3.12.7", "linux", "x86_64", "cpython")
OLD = environment("3.9.18", "linux", "x86_64", "cpython")
WINDOWS = environment("3.12.7", "win32", "AMD64", "cpython")


def names(closure):
    return [one.package.name for one in closure.packages]


def test_every_machine_gets_one_version_of_a_name(project):
    closure = project("forked-by-python").closure()
    for one in GRID:
        python = one["python_full_version"]
        selected = closure.select(one)
        expected = "3.6" if python < "3.11" else "3.7" if python < "3.13" else "3.10"
        assert selected["idna"].version == expected


def test_each_device_gets_the_conflicting_extra_that_is_meant_for_it(project):
    """uv exports both versions without a marker here, and cannot install the result."""
    closure = project("conflicting-members").closure(extras=["both"])
    assert closure.select(LINUX)["idna"].version == "3.6"
    assert closure.select(WINDOWS)["idna"].version == "3.7"


def test_conflicting_extras_are_refused(project):
    with pytest.raises(
        LockError, match=r"conflicting-extras\[cpu\] and conflicting-extras\[gpu\] conflict"
    ):
        project("conflicting-extras").closure(extras=["cpu", "gpu"])
    with pytest.raises(LockError, match="conflicting-extras:new and conflicting-extras:old"):
        project("conflicting-extras").closure(groups=["old", "new"])


def test_what_is_not_in_the_lock_is_named(project):
    with pytest.raises(LockError) as caught:
        project("plain").closure(extras=["gpu"], groups=["prod"])
    assert caught.value.message == "the lock has no extra named 'gpu', no group named 'prod'"
    assert caught.value.hint == "plain has extras: none; groups: none"
    with pytest.raises(LockError, match="no package named 'nobody'"):
        project("plain").closure(roots=["Nobody"])


def test_a_python_or_machine_that_the_lock_is_not_for(project):
    with pytest.raises(LockError, match=r"this lock is for Python >=3\.10, not for 3\.9\.18"):
        project("environments").closure().select(OLD)
    with pytest.raises(LockError, match=r"this lock is for .*sys_platform == 'linux'.* only"):
        project("environments").closure().select(WINDOWS)
    assert "anyio" in project("environments").closure().select(LINUX)


def test_first_party_is_listed_apart(project):
    closure = project("workspace").closure()
    kinds = {one.package.name: one.package.source.kind for one in closure.first_party}
    assert kinds == {
        "workspace-root": "editable",
        "workspace-features": "editable",
        "workspace-columns": "editable",
        "workspace-settings": "virtual",
    }
    assert "workspace-settings" not in {one.package.name for one in closure.on_disk}


def test_extras_are_kept_with_their_edges(project):
    closure = project("cycle").closure()
    right = next(one for one in closure.packages if one.package.name == "cycle-right")
    assert right.extras == ("back",)
    assert [edge.name for edge in right.dependencies] == ["idna", "cycle-left"]


def test_an_extra_without_dependencies_was_not_named_by_the_oldest_locks():
    old = LockGraph.from_dict(changed(["revision"], 0))
    assert production_closure(old, extras=["nowhere"]).packages
    with pytest.raises(LockError, match="no extra named 'nowhere'"):
        production_closure(LockGraph.from_dict(LOCK), extras=["nowhere"])


def test_what_no_machine_wants_is_left_out():
    lock = changed(["package", 0, "dependencies", 2, "marker"], "sys_platform == 'linux'")
    lock["package"][3]["dependencies"] = [
        {"name": "one", "version": "2.0", "marker": "os_name == 'nt'"}
    ]
    del lock["package"][0]["dependencies"][:2]
    closure = production_closure(LockGraph.from_dict(lock))
    assert names(closure) == ["app", "two"]
    assert closure.packages[1].dependencies == ()


def test_a_script_starts_at_what_it_requires():
    """`uv lock --script`: no project, no members, only requirements in the manifest."""
    lock = changed(["package", 0], None)
    lock["manifest"] = {
        "requirements": [{"name": "two"}, {"name": "One", "marker": "sys_platform == 'a'"}]
    }
    for version, fork in ((1, "python_version < '3.12'"), (0, "python_version >= '3.12'")):
        lock["package"][version]["resolution-markers"] = [fork]
    closure = production_closure(LockGraph.from_dict(lock))
    assert [(one.package.name, one.package.version, one.marker) for one in closure.packages] == [
        ("one", "1.0", "python_full_version >= '3.12' and sys_platform == 'a'"),
        ("one", "2.0", "python_full_version < '3.12' and sys_platform == 'a'"),
        ("two", "1!2.0", ""),
    ]
