"""Cores: those of this process, no more than its control group leaves; workers share them out."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.cores import available, pin, quota
from holdfast.units import parse_size


def groups(folder: Path, own: str, **limits: str) -> float:
    (folder / "own").write_text(own)
    for name, text in limits.items():
        group = folder / "root" / name.replace("_", "/").strip("/")
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.max").write_text(text)
    return quota(folder / "own", folder / "root")


def test_the_tightest_limit_above_holds(tmp_path: Path):
    assert groups(tmp_path, "0::/a/b\n", a="150000 100000\n", a_b="max 100000\n") == 1.5


def test_a_container_sees_itself_as_the_root(tmp_path: Path):
    assert groups(tmp_path, "0::/\n", _="50000 100000\n") == 0.5


@pytest.mark.parametrize("text", ["max 100000\n", "nonsense", "1 2 3", ""])
def test_no_limit_is_none(tmp_path: Path, text: str):
    assert groups(tmp_path, "0::/a\n", a=text) == math.inf
    assert quota(tmp_path / "none", tmp_path) == math.inf


def test_at_least_one_and_no_more_than_there_are():
    assert 1 <= available() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has none")
def test_processes_share_the_cores_out():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    sleep = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    processes = [subprocess.Popen(sleep, stdin=subprocess.PIPE) for _ in range(2)]
    try:
        for process in processes:
            pin(process.pid, 1)
        one, two = (os.sched_getaffinity(process.pid) for process in processes)
        assert len(one) == len(two) == 1
        assert one != two
    finally:
        for process in processes:
            process.communicate(timeout=20)
    # One that is gone is nobody's burden.
    pin(processes[0].pid, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("65536", 65536),
        ("64MB", 64_000_000),
        ("64 MiB", 64 << 20),
        ("1.5g", 1_500_000_000),
        ("2KiB", 2048),
        ("10b", 10),
        ("3t", 3 * 10**12),
    ],
)
def test_sizes(text: str, expected: int):
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e9", "1iB", "1 2", "nan", "9" * 16])
def test_no_sizes(text: str):
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)
