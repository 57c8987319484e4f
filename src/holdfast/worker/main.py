"""The worker: loads one model in its restored environment and predicts for its parent.

Run by path, by the environment's interpreter: `python -I main.py --fd N --model P --folder F`. The
socket is inherited, so that nobody else can connect to it. Nothing of Holdfast is installed here:
the files beside this one are imported under a name of their own, which no model can mean.

Each request is a frame `{"op": …}` and gets one frame back:

    load      {}                                   signature, flavors, seconds
    predict   {"payload": …, "params"?, "output"?} {"payload": …, "seconds": {…}}
    observe   {}                                   what has been imported: see observe.py
    describe  {}                                   interpreter and packages: see observe.py
    prepare   {"payload"?, "threads", "batch"}     how the model is best asked: see scoring.py
    score     {"payload": …, "rows": […]}          predictions of several requests: see scoring.py
    invoke    {"content_type": …}                  one of any form: see invocations.py
    stop      {}                                   {}; then the process ends

In place of an answer there may be `{"error": …}`: see failures.py.

Standard library only, and Python 3.8 upwards.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, Union

PROTOCOL = 1
_PACKAGE = "_holdfast_worker"

Buffers = List[Any]
Reply = Tuple[Union[Dict[str, Any], bytes], Buffers]


def _sibling(name: str) -> Any:
    """A module beside this file, without touching `sys.path` or any name a model could import."""
    if _PACKAGE not in sys.modules:
        folder = Path(__file__).resolve().parent
        spec = importlib.util.spec_from_file_location(
            _PACKAGE, str(folder / "__init__.py"), submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None:
            raise ImportError(str(folder))
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[_PACKAGE])
    return importlib.import_module(_PACKAGE + "." + name)


_failures = _sibling("failures")


class Loaded:
    """The one model of this process, and where it lies."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.model: Any = None
        self._scorer: Any = None

    def load(self) -> dict[str, Any]:
        """Load the model, once; what it says about itself.

        `seconds` are those of importing MLflow and of loading the model.
        """
        start = time.perf_counter()
        pyfunc = _import_mlflow()
        imported = time.perf_counter()
        if self.model is None:
            # The environment has been checked against the seal: MLflow's own comparison with
            # requirements.txt is slower and says less.
            self.model = pyfunc.load_model(self.path, suppress_warnings=True)
        seconds = {"import": imported - start, "load": time.perf_counter() - imported}
        return {**_about(self.model), "seconds": seconds}

    def predict(self, header: dict[str, Any], buffers: Buffers) -> Reply:
        """Decode, predict, encode; the answer as a payload or as a file."""
        if self.model is None:
            self.load()
        start = time.perf_counter()
        data, params = self._input(header, buffers)
        decoded = time.perf_counter()
        answer = self.model.predict(data, params=params) if params else self.model.predict(data)
        predicted = time.perf_counter()
        payload, out = _output(answer, header.get("output"))
        seconds = {
            "decode": decoded - start,
            "predict": predicted - decoded,
            "encode": time.perf_counter() - predicted,
        }
        return {"payload": payload, "seconds": seconds}, out

    def prepare(self, header: dict[str, Any], buffers: Buffers) -> dict[str, Any]:
        """Find the shortest way to the model."""
        if self.model is None:
            self.load()
        self._scorer = _sibling("scoring").Scorer(self.model, header, buffers)
        found: dict[str, Any] = self._scorer.found
        return found

    def score(self, header: dict[str, Any], buffers: Buffers) -> Reply:
        """Predict for the rows of several requests."""
        if self._scorer is None:
            raise _failures.WireError("score wants to be prepared")
        reply: Reply = self._scorer.score(header, buffers)
        return reply

    def invoke(self, header: dict[str, Any], buffers: Buffers) -> Reply:
        """Answer a request as MLflow's scoring server does."""
        if self.model is None:
            self.load()
        reply: Reply = _sibling("invocations").invoke(self.model, self.path, header, buffers)
        return reply

    def _input(self, header: dict[str, Any], buffers: Buffers) -> tuple[Any, Any | None]:
        payload, params = header.get("payload"), header.get("params")
        if not isinstance(payload, dict) or not isinstance(params, (dict, type(None))):
            raise _failures.WireError("predict wants a payload, and params as an object")
        if payload.get("kind") != "file":
            return _decode(payload, buffers), params
        files = _sibling("files")
        try:
            data, found = files.read(payload.get("format"), buffers, self.model.metadata)
            params = {**found, **(params or {})}
            files.check_params(params, self.model.metadata)
        except files.FileError as error:
            raise _failures.InputError(str(error)) from error
        return data, params or None


def serve(sock: socket.socket, path: str) -> bool:
    """Answer requests until the parent says stop; false where it is gone without."""
    frames = _sibling("frames")
    loaded = Loaded(path)
    frames.send(sock, {"ready": True, "pid": os.getpid(), "protocol": PROTOCOL})
    while True:
        try:
            header, buffers = frames.receive(sock)
        except (frames.EndOfStream, ConnectionError):
            return False
        except frames.FrameError as error:
            # Where the next frame begins cannot be known.
            frames.send(sock, {"error": _failures.describe(_failures.WireError(str(error)))})
            return False
        reply, out = _answer(loaded, header, buffers)
        del buffers
        try:
            frames.send(sock, reply, out)
        # Found before the first byte was sent: what the model says of itself is not JSON.
        except frames.FrameError as error:
            frames.send(sock, {"error": _failures.describe(_failures.AnswerError(str(error)))})
        del out
        if header.get("op") == "stop":
            return True


def _answer(loaded: Loaded, header: dict[str, Any], buffers: Buffers) -> Reply:
    try:
        operation = _OPERATIONS.get(str(header.get("op")), _unknown)
        return operation(loaded, header, buffers)
    # Whatever the model raises, SystemExit too, is an answer; the process goes on.
    except BaseException as error:  # noqa: BLE001
        return {"error": _failures.describe(error)}, []


def _unknown(_: Loaded, __: dict[str, Any], ___: Buffers) -> Reply:
    raise _failures.WireError(f"the operation is not known; this worker speaks protocol {PROTOCOL}")


_OPERATIONS: dict[str, Callable[[Loaded, dict[str, Any], Buffers], Reply]] = {
    "load": lambda loaded, *_: (loaded.load(), []),
    "predict": Loaded.predict,
    "observe": lambda loaded, *_: (_sibling("observe").observe(loaded.path, _PACKAGE), []),
    "describe": lambda *_: (_sibling("observe").describe(), []),
    "prepare": lambda loaded, header, buffers: (loaded.prepare(header, buffers), []),
    "score": Loaded.score,
    "invoke": Loaded.invoke,
    "stop": lambda *_: ({}, []),
}


def _import_mlflow() -> Any:
    import logging
    import warnings

    # What MLflow says about itself would push the model's own last words out of the log.
    warnings.filterwarnings("ignore", module=r"mlflow\b")
    import mlflow.pyfunc

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return mlflow.pyfunc


def _about(model: Any) -> dict[str, Any]:
    import json

    import mlflow

    metadata = model.metadata
    signature = metadata.signature.to_dict() if metadata.signature is not None else {}
    parsed = {
        side: json.loads(text, parse_constant=str) if isinstance(text, str) else text
        for side, text in signature.items()
    }
    flavors = {
        name: {key: value for key, value in flavor.items() if isinstance(value, (str, int, float))}
        for name, flavor in (metadata.flavors or {}).items()
    }
    return {
        "signature": parsed or None,
        "flavors": json.loads(json.dumps(flavors, default=str)),
        "mlflow": mlflow.__version__,
    }


def _decode(payload: dict[str, Any], buffers: Buffers) -> Any:
    codec = _sibling("payload")
    try:
        return codec.decode(payload, buffers)
    except codec.PayloadError as error:
        raise _failures.WireError(str(error)) from error


def _output(answer: Any, file_format: Any) -> Reply:
    files, codec = _sibling("files"), _sibling("payload")
    try:
        if file_format is None:
            reply: Reply = codec.encode(answer)
            return reply
        data = files.write(file_format, answer)
    except files.FileError as error:
        raise _failures.InputError(str(error)) from error
    except codec.PayloadError as error:
        raise _failures.AnswerError(f"the answer cannot be sent exactly: {error}") from error
    return {"kind": "file", "format": file_format, "buffers": [0]}, [data]


def _end(folder: str | None) -> None:
    """End this process, its children and its folder, which nobody else is there to do."""
    import shutil

    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    # We lead our own group (the parent started us so), else this would end the parent's.
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _die_with_parent(sock: socket.socket, folder: str | None) -> None:
    """End this process and its children when the parent is gone, even in the middle of a model."""
    import select

    def watch() -> None:
        poll = select.poll()
        poll.register(sock.fileno(), 0)  # asks for nothing, so that only a hang-up is reported
        poll.poll()
        _end(folder)

    threading.Thread(target=watch, name="holdfast-parent-watch", daemon=True).start()
    # A child that the model forks must not keep the line open once we are gone.
    os.register_at_fork(after_in_child=sock.close)


class _Forgiving(io.TextIOWrapper):
    """What a model prints: the last lines are in the log when the process dies, whatever they hold.

    Where the log has no room, they are lost; a model that prints does not fail for that.
    """

    def __init__(self, stream: Any) -> None:
        encoding = stream.encoding
        super().__init__(stream.detach(), encoding, "backslashreplace", line_buffering=True)

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def _limit_memory(limit: int) -> None:
    """No more than `limit` bytes of private memory: Linux counts the data, others address space."""
    import resource

    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    resource.setrlimit(kind, (limit, limit))


def main() -> None:
    """Run the worker with the arguments of this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", help="temporary; removed when the parent is gone")
    parser.add_argument("--memory-limit", type=int)
    options = parser.parse_args()
    sock = socket.socket(fileno=options.fd)
    # A program that the model starts must not hold the line open either.
    sock.set_inheritable(False)
    sys.stdout, sys.stderr = _Forgiving(sys.stdout), _Forgiving(sys.stderr)
    if options.memory_limit is not None:
        _limit_memory(options.memory_limit)
    # A model sees the arguments of a plain script.
    sys.argv = sys.argv[:1]
    # Run by path, our folder is the first on sys.path unless -I or -P kept it away.
    folder = str(Path(__file__).resolve().parent)
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    _die_with_parent(sock, options.folder)
    if not serve(sock, options.model):
        _end(options.folder)


if __name__ == "__main__":
    main()
