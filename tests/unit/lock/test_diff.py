"""What differs between locks, and between a lock and what is installed."""

from holdfast.lock.diff import Drift, VersionChange, diff, drift


def package(name, version, **more):
    wheel = {"url": "https://x/w.whl", "hashes": {"sha256": f"{name}{version}"}}
    return {
        "name": name,
        "version": version,
        "index": "https://x/simple",
        "wheels": [wheel],
        **more,
    }


def lock(*packages):
    return {"packages": list(packages)}


def test_drift_names_what_is_missing_extra_and_changed():
    locked = {"Flask": "3.0", "numpy": "2.1", "gone": "1", "own": None}
    installed = {"flask": "3.1", "NumPy": "2.1.0", "ruamel_yaml": "0.18", "own": "0.1"}
    assert drift(locked, installed) == Drift(
        missing=(("gone", "1"),),
        extra=(("ruamel-yaml", "0.18"),),
        changed=(VersionChange(name="flask", locked="3.0", installed="3.1"),),
    )


def test_no_drift_is_false():
    assert not drift({"a": "1.0"}, {"A": "1.0.0"})
    assert drift({"a": "1.0+cpu"}, {"a": "1.0"})


def test_versions_that_are_none_of_pep_440_are_compared_as_text():
    assert not drift({"a": "2004d-x"}, {"a": "2004d-x"})
    assert drift({"a": "2004d-x"}, {"a": "2004e-x"})


def test_a_diff_says_what_changed():
    before = lock(package("a", "1"), package("b", "1"), package("c", "1"))
    after = lock(package("a", "1"), package("b", "2"), package("d", "1"))
    found = diff(before, after)

    assert [one.name for one in found.added] == ["d"]
    assert [one.name for one in found.removed] == ["c"]
    (change,) = found.changed
    assert (change.before.version, change.after.version) == ("1", "2")
    assert change.what == ("version", "hashes")
    assert not diff(before, before)


def test_a_change_of_index_or_of_bytes_is_a_change():
    moved = lock(package("a", "1", index="https://y/simple"))
    assert diff(lock(package("a", "1")), moved).changed[0].what == ("source",)
    other = package("a", "1", wheels=[{"url": "https://x/w.whl", "hashes": {"sha256": "0"}}])
    assert diff(lock(package("a", "1")), lock(other)).changed[0].what == ("hashes",)


def test_forks_that_stay_are_no_change():
    before = lock(package("a", "1"), package("a", "2"))
    assert diff(before, lock(package("a", "1"), package("a", "3"))).changed[0].before.version == "2"
    found = diff(before, lock(package("a", "3")))
    assert [one.version for one in found.removed] == ["1", "2"]
    assert [one.version for one in found.added] == ["3"]


def test_git_archive_and_directory_have_a_source():
    vcs = {"name": "g", "vcs": {"type": "git", "url": "https://x/g", "commit-id": "c1"}}
    newer = {"name": "g", "vcs": {"type": "git", "url": "https://x/g", "commit-id": "c2"}}
    archive = {"name": "h", "archive": {"url": "https://x/h.zip", "hashes": {"sha256": "1"}}}
    directory = {"name": "i", "directory": {"path": "libs/i"}}
    found = diff(lock(vcs), lock(newer, archive, directory))
    assert found.changed[0].after.source == "https://x/g@c2"
    assert [one.source for one in found.added] == ["https://x/h.zip", "libs/i"]
