"""The worker as a process: how it is started, listened to and ended. The parent's side.

One process of our own in a session of its own, on a socket that only it inherits; its output goes
to a file without a name, and its working and temporary folder goes with it. Only what was started
here is ever ended here.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from holdfast.errors import ModelError
from holdfast.home import scratch
from holdfast.redact import redact_said

_MAIN = Path(__file__).with_name("main.py")
# What makes a Python, or what it imports, another one than the restored environment's.
_NOT_INHERITED = re.compile(
    r"(PYTHON|CONDA_|_CE_|UV_|VIRTUAL_ENV|_OLD_VIRTUAL_)[A-Z0-9_]*|__PYVENV_LAUNCHER__"
)
_LAST_LINES = 20
_LONGEST_LINE = 500
_TAIL_BYTES = 1 << 16
_LOG_BYTES = 1 << 24
# How often a wait looks whether the process still lives: data itself wakes it at once.
_TICK = 0.2
_PAUSE = 0.005


@dataclass(frozen=True)
class Launch:
    """What a worker is started with.

    Args:
        python: The interpreter of the restored environment.
        model: The MLflow model's folder.
        pycache: Where bytecode is kept between runs; it must be the user's own. None: nowhere,
            since neither environment nor model may be written to.
        environment: Variables to start from, None for this process's own; cleaned either way.
        memory_limit: Bytes of private memory that the worker may have.
    """

    python: Path
    model: Path
    pycache: Path | None = None
    environment: Mapping[str, str] | None = None
    memory_limit: int | None = None

    def arguments(self, fd: int, folder: str) -> list[str]:
        """The command line, for a socket inherited as `fd` and a folder to be removed."""
        bytecode = ["-B"] if self.pycache is None else ["-X", f"pycache_prefix={self.pycache}"]
        limit = [] if self.memory_limit is None else ["--memory-limit", str(self.memory_limit)]
        # -I: nothing of the caller's Python reaches the environment. faulthandler: a crash in
        # compiled code leaves the line of Python it happened under.
        flags = ["-I", *bytecode, "-X", "faulthandler"]
        return [
            *(str(self.python), *flags, str(_MAIN)),
            *("--fd", str(fd), "--model", str(self.model.resolve()), "--folder", folder, *limit),
        ]


def clean_environment(variables: Mapping[str, str], python: Path) -> dict[str, str]:
    """`variables` without those of another Python, with the environment's programs first."""
    kept = {name: text for name, text in variables.items() if not _NOT_INHERITED.fullmatch(name)}
    programs = [str(python.absolute().parent), kept.get("PATH", os.defpath)]
    return {**kept, "PATH": os.pathsep.join(programs)}


class Process:
    """A running worker process. `socket` is the line to it; `end` must be called."""

    def __init__(self, launch: Launch) -> None:
        self._folder = tempfile.mkdtemp(prefix="holdfast-worker-", dir=scratch())
        self._log: IO[bytes] = tempfile.TemporaryFile(dir=scratch())  # noqa: SIM115 - closed in `end`
        # Appending: the log can be cut short while the process writes to it.
        fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
        self.socket, theirs = socket.socketpair()
        self._owner = os.getpid()
        self._ended = False
        _processes.add(self)
        try:
            with theirs:
                self._popen = self._start(launch, theirs.fileno())
        except BaseException:
            self._release()
            raise
        self.socket.settimeout(0)

    def _start(self, launch: Launch, fd: int) -> subprocess.Popen[bytes]:
        variables = os.environ if launch.environment is None else launch.environment
        env = clean_environment(variables, launch.python)
        try:
            return subprocess.Popen(
                launch.arguments(fd, self._folder),
                env={**env, "TMPDIR": self._folder},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(fd,),
                start_new_session=True,
            )
        except OSError as error:
            raise ModelError(
                f"the interpreter {launch.python} cannot be started: {error.strerror}",
                hint="restore the environment again",
            ) from error

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        if self._popen.returncode is not None:
            return False
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._popen.poll() is None
        # Looked at but not reaped: as long as it is there, its group's number is no one else's.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._popen.pid, flags) is None

    def last_lines(self) -> str:
        """The end of what the process wrote to stdout and stderr, without credentials."""
        size = os.fstat(self._log.fileno()).st_size
        tail = os.pread(self._log.fileno(), _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        # Redacted before it is cut: half a URL would not be known for one.
        lines = redact_said(tail.decode("utf-8", "replace"), os.environ).splitlines()
        return "\n".join(line[-_LONGEST_LINE:] for line in lines[-_LAST_LINES:]).strip()

    def trim_log(self) -> None:
        """Keep only the end of a log that has grown large."""
        fd = self._log.fileno()
        size = os.fstat(fd).st_size
        if size > _LOG_BYTES:
            tail = os.pread(fd, _TAIL_BYTES, size - _TAIL_BYTES)
            os.ftruncate(fd, 0)
            os.write(fd, tail)

    def end(self, grace: float = 0.0) -> int | None:
        """End the process and all it started, after `grace` seconds; its exit status.

        Safe to call again, and from any state; afterwards no process, file or folder is left.
        """
        # At the exit of a process forked from ours this is called too: it is not its worker.
        if self._ended or os.getpid() != self._owner:
            return self._popen.returncode
        self._ended = True
        try:
            self.wait(grace)
        finally:
            self.kill()
            self._popen.wait()
            self._release()
        return self._popen.returncode

    def wait(self, seconds: float) -> None:
        """Until the process is over, or `seconds` are."""
        until = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < until:
            time.sleep(_PAUSE)

    def kill(self) -> None:
        """Kill the process and all that it started and that is still in its group."""
        if self._popen.returncode is None:
            try:
                os.killpg(self._popen.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # nobody left; macOS says so of zombies
                self._popen.kill()

    def _release(self) -> None:
        self.socket.close()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _close_in_child() -> None:
    """A process forked from ours must not hold the line open: its end tells the worker of ours."""
    for process in _processes:
        process.socket.close()


_processes: weakref.WeakSet[Process] = weakref.WeakSet()
os.register_at_fork(after_in_child=_close_in_child)


class Line:
    """The socket to a process for one exchange: each wait has a deadline and sees the process die.

    Args:
        process: Whose socket.
        timeout: Seconds for the whole exchange.
        late: Called when they are over; raises.
        gone: Called when the process is found dead; raises.
    """

    def __init__(
        self,
        process: Process,
        timeout: float,
        late: Callable[[], None],
        gone: Callable[[], None],
    ) -> None:
        self._process = process
        self._socket = process.socket
        self._deadline = time.monotonic() + timeout
        self._late = late
        self._gone = gone

    def sendmsg(self, buffers: Sequence[bytes | bytearray | memoryview], /) -> int:
        """As the socket's, when it takes something."""
        while True:
            self._wait(select.POLLOUT)
            try:
                return self._socket.sendmsg(buffers)
            except BlockingIOError:  # woken for nothing
                continue

    def recv_into(self, buffer: memoryview, /) -> int:
        """As the socket's, when there is something."""
        while True:
            self._wait(select.POLLIN)
            try:
                return self._socket.recv_into(buffer)
            except BlockingIOError:
                continue

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        while True:
            left = self._deadline - time.monotonic()
            if poll.poll(max(0.0, min(_TICK, left)) * 1000):
                return
            if left <= 0:
                self._late()
            if not self._process.is_alive() and not poll.poll(0):
                self._gone()
            self._process.trim_log()


def why_ended(status: int | None) -> str:
    """An exit status in words: a code, or the name of the signal."""
    if status is None:
        return "ended"
    if status >= 0:
        return f"exited with code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed by {name}" + (" (out of memory?)" if -status == signal.SIGKILL else "")
