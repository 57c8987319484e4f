"""A server while it is measured: started, asked, weighed, ended. Only one runs at a time."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from servers import Protocol, Server, free_port
from stand import Model, Stand, surroundings

_PATIENCE = 90.0


class WrongError(Exception):
    """A server does not come up, or answers something else than the model."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that has given a right answer.

    Attributes:
        port: Of the loopback interface.
        process: What was started; its children belong to the server, too.
        seconds: From the start of the command to the first right answer.
    """

    port: int
    process: subprocess.Popen[bytes]
    seconds: float


@contextmanager
def running(stand: Stand, server: Server, model: Model) -> Iterator[Running]:
    """`server` with `model`, once its answers to one row and to a thousand are right.

    Raises:
        WrongError: It ends, is not there in time, or answers wrongly; with the end of its log.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        launch = server.launch(stand, model, port, folder)
        path = os.pathsep.join((str(stand.programs(server.environment)), os.environ["PATH"]))
        env = surroundings(
            PATH=path,
            PYTHONWARNINGS="ignore",
            BENTOML_DO_NOT_TRACK="1",
            MLFLOW_DISABLE_TELEMETRY="1",
            **launch.variables,
        )
        with (folder / "log").open("wb") as log:
            begun = time.perf_counter()
            process = subprocess.Popen(
                launch.command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            _wait(process, port, server.protocol, model)
            taken = time.perf_counter() - begun
            _check(port, server.protocol, model.rows, model.answers)
            yield Running(port, process, taken)
        except WrongError as error:
            said = (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise WrongError(f"{server.name}, {model.name}: {error}\n{said}") from None
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes], port: int, protocol: Protocol, model: Model) -> None:
    """Until one row is answered rightly."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise WrongError(f"ended with {process.returncode}")
        with suppress(OSError, http.client.HTTPException):
            status, _ = ask(port, protocol, model.rows[:1])
            if status == http.HTTPStatus.OK:
                _check(port, protocol, model.rows[:1], model.answers[:1])
                return
        time.sleep(0.02)
    raise WrongError(f"no answer in {_PATIENCE:.0f} s")


def ask(port: int, protocol: Protocol, rows: list[list[float]]) -> tuple[int, bytes]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"content-type": "application/json"}
        connection.request("POST", protocol.path, protocol.body(rows), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _check(port: int, protocol: Protocol, rows: list[list[float]], right: list[object]) -> None:
    status, body = ask(port, protocol, rows)
    if status != http.HTTPStatus.OK:
        raise WrongError(f"{status} for {len(rows)} rows: {body[:500]!r}")
    said = protocol.answers(json.loads(body))
    if list(said) != right:
        raise WrongError(f"wrong for {len(rows)} rows: {str(said)[:200]}, not {str(right)[:200]}")


def weigh(process: subprocess.Popen[bytes]) -> float:
    """Megabytes of a process and all below it: shared pages counted once (PSS)."""
    total = 0
    for pid in family(process.pid):
        with suppress(OSError):  # it has just ended
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1e3


def family(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(
                int(folder.name)
            )
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to all that was started, and SIGKILL to what does not go in ten seconds."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    until = time.monotonic() + 10
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
