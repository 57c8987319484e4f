"""Stock `mlflow models serve`, and a server asked as clients ask."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from kit import surroundings
from payload_cells import Payload
from serving import free_port, plain


@dataclass(frozen=True)
class Answer:
    """A status, and the body: of JSON, or else as text."""

    status: int
    document: Any


@contextmanager
def stock(python: Path, model: Path, folder: Path) -> Iterator[Callable[[], str]]:
    """MLflow's own server; what it gives waits until it is ready, and says where."""
    port = free_port()
    log = folder / "stock.log"
    command = [str(python), "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    env = surroundings(PATH=f"{python.parent}{os.pathsep}{os.environ['PATH']}")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "-m", str(model), "-h", "127.0.0.1", "-p", str(port)],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )

    def wait() -> str:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while time.monotonic() < until:
            assert process.poll() is None, log.read_text()
            try:
                if plain.get(f"{url}/ping").status_code == httpx.codes.OK:
                    return url
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(log.read_text())

    try:
        yield wait
    finally:
        # It has a child, the server proper; both may have ended.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(client: httpx.Client, payload: Payload) -> Answer:
    """What a server answers. MLflow's drops the connection after each 500: then once more."""
    headers = {} if payload.content_type is None else {"content-type": payload.content_type}
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for _ in range(3):
        try:
            response = client.post("/invocations", content=payload.body, headers=raw)
        except httpx.TransportError as error:
            failed = error
            continue
        try:
            return Answer(response.status_code, response.json())
        except ValueError:
            return Answer(response.status_code, response.text)
    raise failed
