from __future__ import annotations

from pathlib import Path

from holdfast.project.discover import Project
from holdfast.project.indexes import declared_indexes, with_packages

INDEXES = [
    {"name": "corp", "url": "https://ada:secret@corp.example/simple/", "explicit": True},
    {"url": "https://mirror.example/simple", "default": True},
    {"name": "disk", "url": "../wheels", "format": "flat"},
]


def project(sources, index=INDEXES, member=None):
    root = {"tool": {"uv": {"index": index, "sources": sources}}}
    return Project(
        root=Path("/p"), folder=Path("/p"), pyproject=member or root, root_pyproject=root
    )


def test_as_they_are_declared_without_credentials():
    corp, mirror, disk = declared_indexes(project({}))
    assert (corp.name, corp.url, corp.explicit) == ("corp", "https://corp.example/simple/", True)
    assert (mirror.name, mirror.default, mirror.explicit) == ("", True, False)
    assert disk.url == "file:///wheels"


def test_what_sources_bind():
    sources = {
        "Mine_Too": {"index": "corp"},
        "elsewhere": {"git": "https://x"},
        "unknown": {"index": "gone"},
        "torch": [
            {"index": "disk", "marker": "python_version < '3'"},
            {"index": "corp", "marker": "python_version >= '3'"},
        ],
        "odd": {"index": "corp", "marker": "no marker"},
    }
    member = {"tool": {"uv": {"sources": {"theirs": {"index": "disk"}}}}}
    corp, _, disk = declared_indexes(project(sources, member=member))
    assert corp.packages == ("mine-too", "torch")
    assert disk.packages == ("theirs",)


def test_the_lock_knows_better():
    declared = declared_indexes(project({"a": {"index": "corp"}, "b": {"index": "corp"}}))
    bound = with_packages(
        declared,
        {
            "a": "https://mirror.example/simple/",
            "c": "https://corp.example/simple",
            "d": "https://x",
        },
    )
    assert [index.packages for index in bound] == [("b", "c"), ("a",), ()]


def test_no_project():
    assert declared_indexes(None) == ()
