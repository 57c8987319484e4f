"""A deployment's server as a process: started on its own, recognised, told to end.

It belongs to nobody's terminal and outlives who started it. A pid is never trusted alone: it is
that server only where the system says that it was started when ours was.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import ToolError

_LAST_LINES = 15
_TICK = 0.05
# Beyond the seconds that requests have to be answered, for the workers to end.
_GRACE = 15.0
# Where to look first, in the order in which /proc/PID/stat says it, behind the program's name.
_STATE, _BORN = 0, 19
# Who started a server waits for nothing, but has to take its exit code: else it stays a zombie.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready.

    Attributes:
        pid: Of the process, the first of its session.
        born: When it was started, as the system counts.
        said: What it said of itself, as `holdfast serve --json` does.
    """

    pid: int
    born: str
    said: dict[str, Any]


def command(name: str, uri: str, options: Sequence[str]) -> list[str]:
    """The command line of a server of one model."""
    return [sys.executable, "-m", "holdfast", "serve", "--json", *options, "--", f"{name}={uri}"]


def start(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Server:
    """Start a server, and wait until it answers.

    Args:
        words: Its command line.
        folder: Where its log goes, and what it says of itself.
        variables: Its environment.

    Raises:
        ToolError: It ended instead; the message has its last lines.
    """
    log, said = folder / "log", folder / "said"
    with said.open("wb") as out, log.open("ab") as err:
        begins = err.tell()
        process = subprocess.Popen(
            words,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    _children.append(process)
    try:
        return Server(process.pid, born(process.pid), _ready(process, said, log, begins))
    except BaseException:  # an interrupt, too: nothing is left running that nobody knows of
        end(process.pid, born(process.pid), seconds=0)
        raise
    finally:
        said.unlink(missing_ok=True)


def _ready(process: subprocess.Popen[bytes], said: Path, log: Path, begins: int) -> Any:
    """What a server says of itself once it answers: one line."""
    while True:
        ended = process.poll() is not None
        text = said.read_text(encoding="utf-8")
        if text.endswith("\n"):
            return json.loads(text)
        if ended:
            raise ToolError(
                f"the server ended before it was ready:\n{_last_lines(log, begins)}",
                hint=f"all that it said is in {log}",
            )
        time.sleep(_TICK)


def born(pid: int) -> str:
    """When a process was started: the boot, and ticks since; "" where it is not there any more."""
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        if fields[_STATE] not in {"Z", "X"}:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{boot} {fields[_BORN]}"
    return ""


def alive(pid: int, when: str) -> bool:
    """Whether a process is the one that was started then, and still runs."""
    _children[:] = [child for child in _children if child.poll() is None]
    return bool(when) and born(pid) == when


def end(pid: int, when: str, *, seconds: float) -> None:
    """Tell a server to end, and wait until it has.

    Args:
        pid: Of the process.
        when: When it was started; another one with this pid is left alone.
        seconds: That its requests have to be answered; then it is killed.
    """
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Held by the descriptor, the pid cannot become somebody else's from here on.
        if not alive(pid, when):
            return
        _send(process, signal.SIGTERM)
        if not select.select([process], [], [], seconds + _GRACE)[0]:
            _send(process, signal.SIGKILL)
            select.select([process], [], [], _GRACE)
    finally:
        os.close(process)
        alive(pid, when)


def _send(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, number)


def _last_lines(log: Path, begins: int) -> str:
    with log.open("rb") as file:
        file.seek(begins)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_LAST_LINES:])
