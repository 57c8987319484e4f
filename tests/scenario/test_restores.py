"""PEERS 19 and 20, as a user meets them: restores at once, restores killed; then it predicts."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.environment.python import choose_python
from holdfast.errors import HoldfastError
from holdfast.seal.digest import digest_folder
from holdfast.seal.grade import Grade
from holdfast.seal.store import read_seal, write_seal
from kit import Holdfast, answers, surroundings
from small import ANSWERS, ROWS


@pytest.fixture
def fresh(small, tmp_path) -> Holdfast:
    """The command line, with a store that has no environment yet."""
    return small.spoilable(tmp_path)


@pytest.fixture
def rows(tmp_path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def start(fresh: Holdfast, model: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "holdfast", "restore", str(model)],
        cwd=fresh.folder,
        env=surroundings(HOLDFAST_HOME=str(fresh.home), **fresh.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_restores_at_once_give_one_environment(small, fresh, rows):
    both = [start(fresh, small.model) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    (folder,) = {out.strip() for out, _ in said}
    assert Path(folder, "bin", "python").exists()
    assert answers(fresh, small.model, rows) == ANSWERS


def test_a_restore_killed_half_way_is_made_good_by_the_next(small, fresh, rows):
    for delay in (0.1, 0.3, 0.5):
        killed = start(fresh, small.model)
        time.sleep(delay)
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=30)
    assert answers(fresh, small.model, rows) == ANSWERS
    assert fresh.receipt(small.model)["matches"]
    # What the killed have left is never taken for finished, and goes with the next tidying.
    assert fresh("env", "prune").code == 0
    assert not list(fresh.home.glob("store/building/*"))


def test_a_seal_without_a_lock_is_resolved_for_its_own_python(fresh, small, tmp_path):
    """Not for the Python that Holdfast happens to run on."""
    try:
        choose_python("3.10.0", offline=True, remembered=tmp_path)
    except HoldfastError:
        pytest.skip("needs a Python older than this one")
    model = Path(shutil.copytree(small.model, tmp_path / "unlocked"))
    (model / "pylock.toml").unlink()
    (model / "requirements.txt").write_text("iniconfig==2.0.0\n", encoding="utf-8")
    seal, _ = read_seal(model)
    python = dataclasses.replace(seal.python, version="3.10.0", abi="", build="")
    files = digest_folder(model)
    write_seal(
        model,
        dataclasses.replace(
            seal, grade=Grade.INFERRED, lock="", wheels=(), python=python, files=files
        ),
    )
    ran = fresh("restore", model, "--json")
    assert ran.code == 0, ran
    assert json.loads(ran.out)["python_version"].startswith("3.10.")
