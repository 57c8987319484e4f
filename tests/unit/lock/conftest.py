"""Real locks of real projects, made by uv when a test first asks for them."""

import shutil
import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from uv_export import PROJECTS, Project, lock


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """`project(name)`: a copy of tests/projects/name, locked."""

    @cache
    def locked(name) -> Project:
        directory = tmp_path_factory.mktemp(name) / name
        shutil.copytree(PROJECTS / name, directory)
        return lock(directory)

    return locked
