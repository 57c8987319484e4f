from __future__ import annotations

import pytest

from holdfast.capture.edges import with_edges
from holdfast.project.installed import installed_distributions


@pytest.fixture
def installed(tmp_path):
    """Distributions as an installer leaves them: `installed(a=["b", "c[x]; extra == 'y'"])`."""

    def install(**needs):
        for name, lines in needs.items():
            folder = tmp_path / f"{name}-1.dist-info"
            folder.mkdir()
            said = "".join(f"Requires-Dist: {line}\n" for line in lines)
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{said}\nRequires-Dist: no\n"
            (folder / "METADATA").write_text(text)
        return installed_distributions([str(tmp_path)])

    return install


def edges(packages, *arguments):
    found = with_edges(packages, *arguments)
    return {one["name"]: [to["name"] for to in one.get("dependencies", ())] for one in found}


def packages(*names):
    return [{"name": name, "version": "1"} for name in names]


def test_what_holds_here_and_is_there_is_an_edge(installed):
    there = installed(
        a=[
            "b>=1",
            "c; sys_platform == 'never'",
            "d; python_version > '3'",
            "gone",
            "e; extra=='z'",
        ],
        b=[],
        e=[],
    )
    assert edges(packages("a", "b", "c", "d", "e"), there) == {
        "a": ["b", "d"],
        "b": [],
        "c": [],
        "d": [],
        "e": [],
    }


def test_extras_count_when_somebody_who_is_there_asks_for_them(installed):
    there = installed(
        a=["b[fast]"],
        b=[
            "c; extra == 'fast'",
            "d; extra == 'slow'",
            "b[more]; extra == 'fast'",
            "e; extra=='more'",
        ],
        c=[],
        d=[],
        e=[],
    )
    assert edges(packages("a", "b", "c", "d", "e"), there)["b"] == ["b", "c", "e"]
    assert edges(packages("b", "c", "d", "e"), there)["b"] == []
    assert edges(packages("b", "c", "d", "e"), there, ["b[slow]", "-r odd"])["b"] == ["d"]


def test_a_lock_that_says_it_is_believed_and_another_version_says_nothing(installed):
    there = installed(a=["b"], b=["c"], c=[])
    lock = [
        {"name": "a", "version": "1", "dependencies": [{"name": "c"}]},
        {"name": "b", "version": "2"},
        {"name": "c", "version": "1", "marker": "x"},
        {"name": "c", "version": "3", "marker": "y"},
    ]
    assert edges(lock, there) == {"a": ["c"], "b": [], "c": []}
    lock[1]["version"] = "1"
    assert with_edges(lock, there)[1]["dependencies"] == [
        {"name": "c", "version": "1"},
        {"name": "c", "version": "3"},
    ]
