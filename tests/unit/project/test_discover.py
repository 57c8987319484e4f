from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from holdfast.errors import InputError
from holdfast.project.discover import find_project, project_above

PLAIN = '[project]\nname = "p"\nversion = "1"\n'


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    """No script, no environment of a project's, a working directory with nothing above."""
    monkeypatch.delenv("HOLDFAST_PROJECT", raising=False)
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace())
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path


def write(folder, text=PLAIN, *, lock=False):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    if lock:
        (folder / "uv.lock").write_text("version = 1\n")
    return folder


def test_upwards_from_a_nested_folder(somewhere):
    root = write(somewhere / "project", lock=True)
    nested = root / "a" / "b"
    nested.mkdir(parents=True)
    found = project_above(nested)
    assert (found.root, found.folder, found.name, found.version) == (root, root, "p", "1")
    assert found.lockfile == root / "uv.lock"


def test_a_member_has_the_lock_and_uv_settings_of_its_workspace(somewhere):
    root = write(somewhere / "w", '[tool.uv]\nindex = [{ url = "https://i" }]\n', lock=True)
    member = write(root / "packages" / "m")
    found = project_above(member)
    assert (found.root, found.folder, found.name) == (root, member, "p")
    assert found.uv_settings == {"index": [{"url": "https://i"}]}
    (root / "uv.toml").write_text("offline = true\n")
    assert project_above(member).uv_settings == {"offline": True}


def test_a_lock_without_a_project_beside_it_is_nobodys(somewhere):
    (somewhere / "uv.lock").write_text("")
    project = write(somewhere / "project")
    assert project_above(project).root == project


def test_the_script_then_the_working_directory_then_the_environment(somewhere, monkeypatch):
    assert find_project() is None
    ours = write(somewhere / "ours")
    monkeypatch.setattr(sys, "prefix", str(ours / ".venv"))
    assert find_project().folder == ours
    here = write(somewhere / "cwd")
    assert find_project().folder == here
    script = write(somewhere / "scripts") / "train.py"
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(script)))
    assert find_project().folder == script.parent
    # A program of the environment's, pytest say, is no script of anybody's project.
    tool = ours / ".venv" / "bin" / "pytest"
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(tool)))
    assert find_project().folder == here


def test_a_working_directory_that_is_gone(somewhere, monkeypatch):
    (somewhere / "cwd").rmdir()
    assert find_project() is None
    ours = write(somewhere / "ours")
    monkeypatch.setattr(sys, "prefix", str(ours / ".venv"))
    assert find_project().folder == ours


def test_a_project_that_is_named(somewhere, monkeypatch):
    write(somewhere / "cwd")
    named = write(somewhere / "named")
    monkeypatch.setenv("HOLDFAST_PROJECT", str(named))
    assert find_project().folder == named
    monkeypatch.setenv("HOLDFAST_PROJECT", str(somewhere))
    with pytest.raises(InputError, match=r"no pyproject\.toml is there or above"):
        find_project()


@pytest.mark.parametrize("text", ["= nonsense", "a = 1\na = 2\n"])
def test_a_project_that_is_not_toml(somewhere, text):
    with pytest.raises(InputError, match="is not TOML"):
        project_above(write(somewhere / "p", text))


def test_a_project_that_is_not_text(somewhere):
    folder = write(somewhere / "p")
    (folder / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not TOML"):
        project_above(folder)


BLOCK = '# /// script\n# dependencies = ["six"]\n# [tool.holdfast]\n# extras = ["a"]\n# ///\n'


def run_as(monkeypatch, script, prefix):
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(script)))
    monkeypatch.setattr(sys, "prefix", str(prefix))


def test_a_script_that_says_what_it_needs(somewhere, monkeypatch):
    script = somewhere / "cwd" / "train.py"
    script.write_text(BLOCK)
    run_as(monkeypatch, script, sys.base_prefix)
    found = find_project()
    assert (found.script, found.name, found.root) == (script, "train.py", script.parent)
    assert found.lockfile == script.parent / "train.py.lock"
    assert found.lock_command == "uv lock --script train.py"
    assert found.pyprojects[1]["tool"]["holdfast"] == {"extras": ["a"]}
    script.write_text(BLOCK.replace("[tool", "tool"))
    with pytest.raises(InputError, match=r"script metadata of .* is not TOML"):
        find_project()


def test_a_script_in_a_project_is_what_it_was_run_as(somewhere, monkeypatch):
    monkeypatch.delenv("UV_PROJECT_ENVIRONMENT", raising=False)
    root = write(somewhere / "project", lock=True)
    script = root / "train.py"
    script.write_text(BLOCK)
    of_uv = somewhere / "cache" / "environments-v2" / "train-4a01ac3377f03d0b"
    run_as(monkeypatch, script, of_uv)
    assert find_project().script == script
    run_as(monkeypatch, script, root / ".venv")
    assert find_project().script is None
    (root / "train.py.lock").write_text("")
    assert find_project().script is None
    run_as(monkeypatch, script, somewhere / "any")
    assert find_project().script == script
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", "../any")
    assert find_project().script is None


def test_a_folder_that_mlflow_was_told_of_counts_most(somewhere, monkeypatch):
    told = write(somewhere / "told", lock=True)
    monkeypatch.setenv("HOLDFAST_PROJECT", str(write(somewhere / "named")))
    assert find_project(str(told)).folder == told
    with pytest.raises(InputError, match="uv_project_path is 'nowhere'"):
        find_project("nowhere")


@pytest.mark.parametrize(
    ("text", "file", "tool"),
    [
        (PLAIN, "", ""),
        (PLAIN, "poetry.lock", "Poetry"),
        (f"{PLAIN}[tool.pdm]\n", "", "PDM"),
        ('[tool.poetry]\nname = "p"\n', "", "Poetry"),
    ],
)
def test_what_manages_a_project(somewhere, text, file, tool):
    folder = write(somewhere / "p", text)
    if file:
        (folder / file).touch()
    assert project_above(folder).other_tool == tool
