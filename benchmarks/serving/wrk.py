"""Load from wrk, one thread of it, over a number of connections."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("post.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a run.

    Attributes:
        rate: Requests a second that were answered, the failed ones not counted.
        p50: Median latency in milliseconds.
        p99: 99th percentile, the same.
        failed: Requests with no answer, or with one of status 400 and more.
    """

    rate: float
    p50: float
    p99: float
    failed: int


def need_wrk() -> None:
    """End with what to do where wrk is not there."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is not on PATH: apt install wrk, brew install wrk, or conda install wrk")


def measure(port: int, path: str, body: bytes, *, connections: int, seconds: float) -> Load:
    """POST `body` for some time."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        how = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
        url = f"http://127.0.0.1:{port}{path}"
        command = ["wrk", *how, "--latency", "-s", str(_SCRIPT), url, "--", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    requests, duration, failed, p50, p99 = (int(word) for word in line.split()[1:])
    # Latencies and the duration are microseconds.
    return Load((requests - failed) / duration * 1e6, p50 / 1e3, p99 / 1e3, failed)
