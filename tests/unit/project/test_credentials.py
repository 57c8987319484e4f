from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.project.credentials import with_credentials
from holdfast.project.discover import Project

SOURCES = {"lib": {"git": "https://ada:s3cret@host.invalid/lib", "rev": "main"}}
ASKS = ["other @ git+https://token@host.invalid/other.git@v1#subdirectory=x ; python_version>'3'"]


def project(**tables):
    pyproject = {"project": {"name": "p", "dependencies": ASKS}, "tool": {"uv": tables}}
    return Project(root=Path(), folder=Path(), pyproject=pyproject, root_pyproject=pyproject)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://host.invalid/lib", "https://ada:s3cret@host.invalid/lib"),
        ("https://host.invalid/other.git", "https://token@host.invalid/other.git"),
        ("https://host.invalid/lib2", "https://host.invalid/lib2"),
        ("https://elsewhere.invalid/lib", "https://elsewhere.invalid/lib"),
    ],
)
def test_only_the_url_itself_gets_its_credentials(url, found):
    assert with_credentials(project(sources=SOURCES), url) == found


def test_no_project_has_none():
    assert with_credentials(None, "https://host.invalid/lib") == "https://host.invalid/lib"
