from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.tags import sys_tags

from holdfast.environment.python import _search_path, choose_python, read_facts
from holdfast.errors import ToolError

VERSION = platform.python_version()


def test_facts_are_those_of_the_interpreter(tmp_path):
    facts = read_facts(Path(sys.executable), tmp_path)
    assert facts["version"] == VERSION
    assert facts["implementation"] == sys.implementation.name
    assert facts["abi"] == sysconfig.get_config_var("SOABI")
    assert facts["build"] == sys.version
    assert facts["markers"] == default_environment()
    assert Path(facts["executable"]).resolve() == Path(sys.executable).resolve()


def test_facts_are_asked_for_once(tmp_path, monkeypatch):
    first = read_facts(Path(sys.executable), tmp_path)
    monkeypatch.setattr(subprocess, "run", None)
    assert read_facts(Path(sys.executable), tmp_path) == first


def test_facts_are_asked_for_again_when_the_program_changes(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec " + sys.executable + ' "$@"\n')
    program.chmod(0o755)
    assert read_facts(program, tmp_path)["version"] == VERSION
    program.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(ToolError, match="does not say what Python it is"):
        read_facts(program, tmp_path)


def test_a_program_that_is_no_python(tmp_path):
    with pytest.raises(ToolError):
        read_facts(Path("/bin/ls"), tmp_path)
    with pytest.raises(ToolError, match="there is no Python"):
        read_facts(tmp_path / "gone", tmp_path)


def test_the_target_has_the_tags_of_the_interpreter(tmp_path):
    target = choose_python(VERSION, remembered=tmp_path).target()
    assert list(target.tags) == list(sys_tags())


def test_a_real_interpreter_no_shim_and_no_virtual_environment(tmp_path):
    chosen = choose_python(VERSION, remembered=tmp_path)
    assert chosen.exact
    assert not chosen.path.is_symlink()
    assert not chosen.path.parent.parent.joinpath("pyvenv.cfg").exists()
    assert "shims" not in chosen.path.parts


def test_an_exact_release_is_found_once(tmp_path, monkeypatch):
    first = choose_python(VERSION, remembered=tmp_path)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert choose_python(VERSION, remembered=tmp_path) == first


def test_shims_in_front_do_not_hide_what_is_here(tmp_path, monkeypatch):
    shims = tmp_path / "shims"
    shims.mkdir()
    shim = shims / "python{}.{}".format(*platform.python_version_tuple()[:2])
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
    assert choose_python(VERSION, remembered=tmp_path).exact


def test_a_pyenv_that_cannot_be_read_is_passed_over(tmp_path, monkeypatch):
    tmp_path.joinpath("versions").write_text("no folder")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert list(_search_path())


def test_downloads_that_are_off_or_fail_name_the_command(tmp_path, monkeypatch):
    with pytest.raises(ToolError) as caught:
        choose_python("3.98.1", offline=True, remembered=tmp_path)
    assert caught.value.hint.startswith("`uv python install 3.98.1`")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    with pytest.raises(ToolError, match="downloads are off"):
        choose_python("3.98.1", remembered=tmp_path)
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS")
    said = []
    with pytest.raises(ToolError, match="is not on this machine"):
        choose_python("3.98.1", remembered=tmp_path, on_progress=said.append)
    assert said == ["downloading Python 3.98.1"]
