from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.capture.surroundings import declared_variables, lock_variables
from holdfast.lock.graph import LockGraph
from holdfast.project.discover import Project

PUBLIC, CORP = "https://public.invalid/simple", "https://corp.invalid/simple"


def project(**uv):
    pyproject = {"project": {"name": "p"}, "tool": {"uv": uv}}
    return Project(root=Path(), folder=Path(), pyproject=pyproject, root_pyproject=pyproject)


def graph(*indexes, **options):
    packages = [
        {"name": f"p{number}", "version": "1", "source": {"registry": url}}
        for number, url in enumerate(indexes)
    ]
    return LockGraph.from_dict({"version": 1, "options": options, "package": packages})


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)


def test_an_index_that_only_the_lock_names():
    found = lock_variables(graph(CORP, PUBLIC), project(index=[{"url": CORP, "name": "corp"}]))
    assert found["UV_DEFAULT_INDEX"] == found["UV_INDEX_URL"] == PUBLIC
    assert found["UV_INDEX"] == ""


def test_a_project_that_names_them_all_leaves_no_word_to_the_caller():
    found = lock_variables(graph(CORP), project(index=[{"url": f"{CORP}/", "default": True}]))
    assert found["UV_DEFAULT_INDEX"] == found["UV_INDEX_URL"] == ""


def test_the_callers_credentials_for_the_very_index_stay(monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://ada:s3cret@public.invalid/simple/")
    found = lock_variables(graph(PUBLIC), project())
    assert "UV_DEFAULT_INDEX" not in found


def test_options_are_the_locks_where_the_project_has_none():
    made = graph(**{"resolution-mode": "lowest", "exclude-newer": "2026-01-01T00:00:00Z"})
    found = lock_variables(made, project(**{"exclude-newer": "2026-02-02T00:00:00Z"}))
    assert found["UV_RESOLUTION"] == "lowest"
    assert found["UV_PRERELEASE"] == "if-necessary-or-explicit"
    assert "UV_EXCLUDE_NEWER" not in found


def test_a_build_elsewhere_is_told_of_the_projects_indexes():
    index = [
        {"url": PUBLIC, "default": True},
        {"url": CORP, "name": "corp"},
        {"url": "https://bound.invalid", "explicit": True},
    ]
    expected = {"UV_DEFAULT_INDEX": PUBLIC, "UV_INDEX": f"corp={CORP}"}
    assert declared_variables(project(index=index)) == expected
    assert declared_variables(None) == {}
