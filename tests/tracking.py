"""A real MLflow server on loopback, with a database and the artifacts that it hands through."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit import surroundings


@contextmanager
def tracking_server(folder: Path) -> Iterator[str]:
    """MLflow's own server; its database and artifacts lie below `folder`. Yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
    ]
    env = surroundings(MLFLOW_DISABLE_TELEMETRY="true")
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while not _answers(url):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.3)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - ours
            return True
    except OSError:
        return False
