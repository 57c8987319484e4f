"""How a worker is started, in words and variables."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from holdfast.worker.process import Launch, clean_environment, why_ended

PYTHON = Path("env/bin/python").absolute()


def test_another_pythons_variables_are_taken_out():
    given = {
        "PYTHONPATH": "x", "PYTHONHOME": "x", "VIRTUAL_ENV": "x", "VIRTUAL_ENV_PROMPT": "x",
        "CONDA_PREFIX": "x", "CONDA_PREFIX_1": "x", "UV_INDEX_URL": "x", "_CE_CONDA": "x",
        "PATH": "a:b", "HOME": "h", "MY_PYTHON": "kept", "OMP_NUM_THREADS": "1", "https_proxy": "p",
    }  # fmt: skip
    assert clean_environment(given, PYTHON) == {
        "PATH": f"{PYTHON.parent}{os.pathsep}a:b",
        "HOME": "h",
        "MY_PYTHON": "kept",
        "OMP_NUM_THREADS": "1",
        "https_proxy": "p",
    }


def test_the_command_line_is_isolated_and_writes_no_bytecode(tmp_path):
    arguments = Launch(PYTHON, tmp_path).arguments(7, "tmp")
    assert arguments[:3] == [str(PYTHON), "-I", "-B"]
    assert arguments[-6:] == ["--fd", "7", "--model", str(tmp_path.resolve()), "--folder", "tmp"]
    arguments = Launch(PYTHON, tmp_path, tmp_path / "c", memory_limit=5).arguments(7, "tmp")
    assert f"pycache_prefix={tmp_path / 'c'}" in arguments
    assert arguments[-2:] == ["--memory-limit", "5"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3, "exited with code 3"),
        (0, "exited with code 0"),
        (-signal.SIGTERM, "was killed by SIGTERM"),
        (-signal.SIGKILL, "was killed by SIGKILL (out of memory?)"),
        (-250, "was killed by signal 250"),
        (None, "ended"),
    ],
)
def test_how_a_process_ended_in_words(status, words):
    assert why_ended(status) == words
