"""The parent's side of the worker: requests, answers, and what goes wrong, as Holdfast's errors.

    with Worker.start(python, model) as worker:
        worker.load()
        answer, buffers = worker.predict(*payload.encode(frame))

A request never hangs: it is answered, or its time is over, or the process is seen to have died.
"""

from __future__ import annotations

import os
import shlex
import stat
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from holdfast.errors import InputError, ModelError
from holdfast.home import is_trusted
from holdfast.redact import redact_said
from holdfast.worker import frames
from holdfast.worker.process import Launch, Line, Process, why_ended

Header = dict[str, Any]
Buffers = Sequence[bytes | bytearray | memoryview]

START_TIMEOUT = 120.0
TIMEOUT = 300.0
# How long a worker that was told to stop has for what the model does at exit.
_GRACE = 3.0
_PROTOCOL = 1


class Worker:
    """One model in one process of its restored environment. Use as a context manager.

    Requests from several threads are answered one after the other. After a timeout or a crash the
    worker is over, and every further request says so.
    """

    def __init__(self, process: Process, model: Path, limits: frames.Limits) -> None:
        self._process = process
        self._model = model
        self._limits = limits
        self._lock = threading.Lock()
        self._over: str | None = None
        # A worker that nobody closed ends with its last reference, or with this process.
        self._finalizer = weakref.finalize(self, process.end)

    @classmethod
    def start(
        cls,
        python: Path,
        model: Path,
        *,
        pycache: Path | None = None,
        environment: Mapping[str, str] | None = None,
        memory_limit: int | None = None,
        limits: frames.Limits | None = None,
        start_timeout: float = START_TIMEOUT,
    ) -> Worker:
        """Start the process; the model is not loaded yet.

        Args:
            python: The interpreter of the restored environment.
            model: The MLflow model's folder.
            pycache: A folder of the user's own where bytecode is kept between runs; made if it
                is not there. None: bytecode is not written anywhere.
            environment: Variables to start from, None for this process's own. Those of another
                Python (`PYTHON*`, `VIRTUAL_ENV`, `CONDA_*`, `UV_*`) are taken out either way.
            memory_limit: Bytes of private memory that the worker may have; None for no limit.
            limits: The largest answer that is received; None for `frames.Limits()`.
            start_timeout: Seconds until the process must have said that it is ready.

        Raises:
            ModelError: The process does not start.
            InputError: `pycache` is another user's, or others may write to it.
        """
        if pycache is not None:
            _own_folder(pycache)
        process = Process(Launch(python, model, pycache, environment, memory_limit))
        worker = cls(process, model, limits or frames.Limits())
        try:
            hello, _ = worker._exchange(None, (), start_timeout, "starting")
            if hello.get("protocol") != _PROTOCOL:
                worker._fail(f"does not speak protocol {_PROTOCOL}")
        except BaseException:
            worker.kill()
            raise
        return worker

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether it answers no more."""
        return self._over is not None

    def load(self, *, timeout: float = TIMEOUT) -> Header:
        """Load the model: `signature` as JSON or None, `flavors`, `mlflow`, `seconds`.

        Raises:
            ModelError: The model does not load, or not in `timeout` seconds.
        """
        return self._request({"op": "load"}, (), timeout, "loading")[0]

    def predict(
        self,
        header: Header,
        buffers: Buffers,
        *,
        params: Mapping[str, Any] | None = None,
        output: str | None = None,
        timeout: float = TIMEOUT,
    ) -> tuple[Header, list[memoryview]]:
        """Predict for one payload (see payload.py); the answer's payload.

        Args:
            header: The payload's header.
            buffers: Its buffers, which are not copied.
            params: The model's inference parameters, as JSON.
            output: "csv", "json" or "parquet" for an answer that is a file.
            timeout: Seconds for everything, loading included where it has not been done.

        Raises:
            InputError: The data does not fit the model's signature.
            ModelError: The model failed, died or took too long.
        """
        request: Header = {"op": "predict", "payload": header}
        if params is not None:
            request["params"] = dict(params)
        if output is not None:
            request["output"] = output
        answer, out = self._request(request, buffers, timeout, "predicting")
        payload = answer.get("payload")
        if not isinstance(payload, dict):
            self._fail("answered without a payload")
        return payload, out

    def predict_file(
        self,
        data: bytes | memoryview,
        file_format: str,
        output_format: str,
        *,
        params: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> bytes:
        """Predict for a file's bytes; the answers as a file, in the order of its rows.

        Args:
            data: The file.
            file_format: What it is: "csv", "json" or "parquet".
            output_format: What the answer is to be: one of the same.
            params: The model's inference parameters, as JSON.
            timeout: Seconds for everything, loading included where it has not been done.

        Raises:
            InputError: The file cannot be read, or does not fit the model's signature.
            ModelError: The model failed, died or took too long.
        """
        header = {"kind": "file", "format": file_format, "buffers": [0]}
        answer, out = self.predict(
            header, [data], params=params, output=output_format, timeout=timeout
        )
        if answer.get("kind") != "file" or len(out) != 1:
            self._fail("answered without a file")
        return bytes(out[0])

    def observe(self, *, timeout: float = TIMEOUT) -> Header:
        """What has been imported so far: `distributions`, `code` of the model, `strays`."""
        return self._request({"op": "observe"}, (), timeout, "observing")[0]

    def describe(self, *, timeout: float = TIMEOUT) -> Header:
        """The interpreter, the platform and the `packages` of the environment."""
        return self._request({"op": "describe"}, (), timeout, "describing")[0]

    def prepare(
        self,
        header: Header | None,
        buffers: Buffers = (),
        *,
        threads: int,
        batch: bool | None,
        timeout: float = TIMEOUT,
    ) -> Header:
        """Find the shortest way to the model that gives what MLflow gives; see scoring.py.

        Args:
            header: The payload of an input example, None where there is none.
            buffers: Its buffers.
            threads: How many the model may use for a large batch.
            batch: Whether it answers row by row; None for what is known of its flavor.
            timeout: Seconds.

        Returns:
            `way`, `by_row` and `why`.

        Raises:
            ModelError: The model failed, died or took too long.
        """
        request: Header = {"op": "prepare", "threads": threads, "batch": batch}
        if header is not None:
            request["payload"] = header
        return self._request(request, buffers, timeout, "preparing")[0]

    def score(
        self, header: Header, buffers: Buffers, *, rows: int, timeout: float = TIMEOUT
    ) -> tuple[Header, list[memoryview]]:
        """As `predict`, in the way that `prepare` has found.

        Args:
            header: The payload's header.
            buffers: Its buffers, which are not copied.
            rows: How many it has.
            timeout: Seconds.

        Raises:
            InputError: The data does not fit the model's signature.
            ModelError: The model failed, died or took too long.
        """
        request: Header = {"op": "score", "payload": header, "rows": [rows], "exact": True}
        answer, out = self._request(request, buffers, timeout, "predicting")
        payload = answer.get("payload")
        if not isinstance(payload, dict):
            self._fail("answered without a payload")
        return payload, out

    def hand_over(self) -> Process:
        """The process, for somebody who speaks to it in another way and ends it.

        This worker is over; it neither speaks nor ends the process any more.
        """
        with self._lock:
            self._over = self._over or "was handed over"
            self._finalizer.detach()
            return self._process

    def close(self) -> None:
        """Let the process end by itself, or else end it. Safe to call again."""
        with self._lock:
            if self._over is None:
                self._over = "is closed"
                self._stop()
            self._process.end()
            self._finalizer.detach()

    def kill(self) -> None:
        """End the process at once, also while another thread waits for an answer."""
        self._over = self._over or "was stopped"
        self._process.kill()
        with self._lock:
            self._process.end()
        self._finalizer.detach()

    def __enter__(self) -> Worker:  # noqa: PYI034 - typing.Self is 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After Ctrl-C nobody wants to wait for a graceful end.
        if kind is None or issubclass(kind, Exception):
            self.close()
        else:
            self.kill()

    def _request(
        self, header: Header, buffers: Buffers, timeout: float, doing: str
    ) -> tuple[Header, list[memoryview]]:
        with self._lock:
            answer, out = self._exchange(header, buffers, timeout, doing)
        if "error" in answer:
            raise _error(answer["error"], self._model, doing)
        return answer, out

    def _exchange(
        self, header: Header | None, buffers: Buffers, timeout: float, doing: str
    ) -> tuple[Header, list[memoryview]]:
        if self._over is not None:
            raise ModelError(f"the worker of {self._model} {self._over}", hint="start another one")
        line = Line(
            self._process,
            timeout,
            lambda: self._late(timeout, doing),
            lambda: self._died(doing),
        )
        try:
            if header is not None:
                _send(line, header, buffers)
            return frames.receive(line, self._limits)
        except InputError:
            raise
        except (frames.EndOfStream, ConnectionError):
            self._died(doing)
        except frames.FrameError as error:
            self._fail(f"sent what is not an answer: {error}")
        except BaseException:
            # Half a request may be on the line: there is no telling what an answer would be to.
            self._over = self._over or "was interrupted"
            self._process.end()
            raise

    def _late(self, timeout: float, doing: str) -> NoReturn:
        self._over = "ran out of time before"
        lines = self._process.last_lines()
        self._process.end()
        raise ModelError(
            _with_lines(f"{self._model} was stopped: {doing} took over {timeout:g} s", lines),
            hint="allow it more time with a longer timeout, or give it fewer rows at once",
        )

    def _died(self, doing: str) -> NoReturn:
        # A closed line comes a moment before the process is gone.
        self._process.wait(_GRACE)
        lines = self._process.last_lines()
        status = self._process.end()
        self._over = why = self._over or why_ended(status)
        raise ModelError(_with_lines(f"the worker of {self._model} {why} while {doing}", lines))

    def _fail(self, what: str) -> NoReturn:
        self._over = "broke off before"
        self._process.end()
        raise ModelError(f"the worker of {self._model} {what}")

    def _stop(self) -> None:
        try:
            frames.send(self._process.socket, {"op": "stop"})
        except OSError:
            return
        self._process.end(_GRACE)


def _send(line: Line, header: Header, buffers: Buffers) -> None:
    try:
        frames.send(line, header, buffers)
    # Found before the first byte was sent: the worker has not been disturbed.
    except frames.FrameError as error:
        raise InputError(f"the request cannot be sent: {error}") from error


def _error(found: Any, model: Path, doing: str) -> InputError | ModelError:
    """The worker's `{"kind", "type", "message", …}` as one of Holdfast's errors."""
    error = found if isinstance(found, dict) else {}
    kind, name, message, missing, trace = (
        redact_said(str(error.get(key, "")), os.environ)
        for key in ("kind", "type", "message", "missing", "traceback")
    )
    if kind == "input":
        return InputError(
            f"the model cannot be given this: {message}",
            hint=f"`holdfast show {shlex.quote(str(model))}` says what it takes",
        )
    if kind == "wire":
        return ModelError(f"the worker of {model} did not understand: {message}")
    short = name.removeprefix("builtins.").removeprefix("__main__.")
    return ModelError(
        _with_lines(f"{model} failed {doing}: {short}: {message}", trace), missing=missing
    )


def _with_lines(message: str, lines: str) -> str:
    return f"{message}\n\n{lines}" if lines else message


def _own_folder(folder: Path) -> None:
    """Bytecode is code: nobody but us, or root, may have written it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if not is_trusted(found) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise InputError(
            f"{folder} holds compiled code, and others could write to it",
            hint=f"chmod go-w {folder}",
        )
