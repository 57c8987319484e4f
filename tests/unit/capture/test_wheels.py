from __future__ import annotations

import pytest

from holdfast.capture.wheels import build_wheels
from holdfast.errors import ToolError

PYPROJECT = """[project]
name = "mine"
version = "1.0"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# A build backend that needs nothing, and tells each build from the others.
BACKEND = """
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.write("mine.py")
        wheel.writestr("mine-1.0.dist-info/METADATA", "Name: mine\\nVersion: 1.0\\n")
        wheel.writestr("when", os.urandom(8))
    return name
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "mine.py").write_text("scale = 1\n")
    return folder


def test_code_that_rests_is_built_once(code):
    first = build_wheels({"mine": code})["mine"]
    assert (first.name, first.version) == ("mine", "1.0")
    (code / ".venv").mkdir()
    (code / ".venv" / "pyvenv.cfg").write_text("")
    (code / "mlruns").mkdir()
    (code / "mlruns" / "meta.yaml").write_text("")
    (code / "uv.lock").write_text("")
    assert build_wheels({"mine": code})["mine"] == first
    (code / "mine.py").write_text("scale = 2\n")
    changed = build_wheels({"mine": code})["mine"]
    assert changed.sha256 != first.sha256
    assert first.path.is_file()
    (code / "mine.py").write_text("scale = 1\n")
    assert build_wheels({"mine": code})["mine"] == first


def test_a_build_that_fails_says_why(code):
    (code / "backend.py").write_text("raise RuntimeError('this backend is broken')\n")
    with pytest.raises(ToolError, match="this backend is broken") as caught:
        build_wheels({"mine": code})
    assert f"uv build --wheel {code}" in caught.value.hint


def test_nothing_to_build(code):
    assert build_wheels({}) == {}
