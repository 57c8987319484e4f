"""`holdfast demo`, however Holdfast was installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from holdfast.uv import run_uv
from kit import REPOSITORY, real_python, run, surroundings

# A name that every path in it must survive.
WRITE = """
from pathlib import Path
from holdfast.start.demo import _write_project
_write_project(Path("project"))
"""
FOLDER = "my first démo"


STORY = (
    *("1. ", "accuracy on tumours it has never seen: 0.9", "2. ", "grade        locked"),
    *("own code     tumours 1.0", "3. ", "identical to the bit", "model matches its seal"),
    *("143 answers: ", "4. ", "changed: lib/python3", "_logistic.py (scikit-learn)"),
    *("- predictions      not compared", "model DOES NOT MATCH its seal", "5. "),
    *("env prune --key", "model matches its seal", "uv add holdfast"),
)


def test_it_tells_the_whole_story(tmp_path):
    env = surroundings(
        # Of somebody who has other things to do than a demo.
        HOLDFAST_HOME=str(tmp_path / "not-here"),
        HOLDFAST_OFFLINE="1",
        MLFLOW_REGISTRY_URI="http://127.0.0.1:9",
        MLFLOW_EXPERIMENT_NAME="not-this-one",
    )
    ran = run([sys.executable, "-m", "holdfast", "demo", FOLDER], cwd=tmp_path, env=env)
    assert (ran.code, ran.err) == (0, ""), ran
    rest = ran.out
    for words in STORY:
        assert words in rest, ran.out
        rest = rest[rest.index(words) + len(words) :]
    assert max(len(line) for line in ran.out.splitlines()) < 200

    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]
    made = {path.name for path in (tmp_path / FOLDER).iterdir()}
    assert made == {"answers.csv", "mlflow.db", "mlruns", "model", "rows.csv", "store"}
    check_proposals(ran.out, tmp_path)


def check_proposals(shown: str, where: Path) -> None:
    """What it says to try can be tried."""
    proposed = shown.partition("Try:\n")[2].partition("\n\n")[0]
    assert len(proposed.splitlines()) == 5
    script = proposed.replace("  holdfast ", f"  {sys.executable} -m holdfast ")
    ran = run(["/usr/bin/env", "bash", "-e", "-c", script], cwd=where)
    assert ran.code == 0, ran
    assert "scikit-learn" in ran.out


@pytest.mark.parametrize("place", ["full", "file"])
def test_a_folder_that_it_does_not_take(tmp_path, place):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "of").touch()
    (tmp_path / "file").touch()
    ran = run([sys.executable, "-m", "holdfast", "demo", place], cwd=tmp_path)
    assert (ran.code, ran.out) == (2, ""), ran
    assert "hint: name " in ran.err


@pytest.mark.parametrize("how", ["a wheel", "a folder", "editable"])
def test_its_project_asks_for_the_holdfast_that_is_installed(tmp_path, holdfast_wheel, how):
    python = tmp_path / "venv" / "bin" / "python"
    run_uv(["venv", "--quiet", "--python", real_python(), tmp_path / "venv"])
    what = {"a wheel": [holdfast_wheel], "a folder": [REPOSITORY], "editable": ["-e", REPOSITORY]}
    run_uv(["pip", "install", "--quiet", "--python", python, *what[how]])
    made = run([str(python), "-c", WRITE], cwd=tmp_path)
    assert made.code == 0, made
    project = tmp_path / "project"
    run_uv(["lock", "--quiet", "--python", python], cwd=project)
    lock = (project / "uv.lock").read_text()
    (holdfast,) = (one for one in lock.split("[[package]]") if '\nname = "holdfast"\n' in one)
    source = holdfast.partition("source = ")[2].partition("\n")[0]
    assert (holdfast_wheel.name if how == "a wheel" else "directory = ") in source
