"""The docs build as a site, without a warning."""

from __future__ import annotations

import re
import shutil

import pytest
import tomli

import holdfast
from holdfast.uv import uv_program
from kit import EXCLUDE_NEWER, REPOSITORY, run, surroundings


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path):
    for name in ("docs", "src"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.copy(REPOSITORY / "mkdocs.yml", tmp_path)
    project = tomli.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [word for one in project["dependency-groups"]["docs"] for word in ("--with", one)]
    ran = run(
        [str(uv_program()), "tool", "run", *wanted, "zensical", "build", "--strict"],
        cwd=tmp_path,
        env=surroundings(UV_EXCLUDE_NEWER=EXCLUDE_NEWER),
    )
    assert ran.code == 0, ran
    api = (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
    for name in set(holdfast.__all__) - {"__version__"}:
        assert re.search(rf'<h2 id="holdfast\.[\w.]*{name}"', api), name
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="(https?:[^"]*)'
        assert not re.findall(loaded, page.read_text(encoding="utf-8")), page
    assert not list((tmp_path / "site").glob("*.py"))
