"""The worker: loads one model in its restored environment and predicts for its parent.

Run by path, by the environment's interpreter: `python -I main.py --fd N --model P --folder F`. The
socket is inherited, so that nobody else can connect to it. Nothing of Holdfast is installed here:
the files beside this one are imported under a name of their own, which no model can mean.

Each request is a frame `{"op": …}` and gets one frame back, an answer or `{"error": {…}}`:

    load      {}                                   signature, flavors, seconds
    predict   {"payload": …, "params"?, "output"?} {"payload": …, "seconds": {…}}
    observe   {}                                   what has been imported: see observe.py
    describe  {}                                   interpreter and packages: see observe.py
    stop      {}                                   {}; then the process ends

An error is `{"kind", "type", "message", "missing", "traceback"}`; its kind is "input" where the
data does not fit the model, "model" where the model failed, "wire" where the message was not
understood. `missing` names the module that was not there, where that is why.

Standard library only, and Python 3.8 upwards.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

PROTOCOL = 1
_PACKAGE = "_holdfast_worker"
_LAST_LINES = 12
_LONGEST_MESSAGE = 4000
_LONGEST_NAME = 200

Buffers = List[Any]
Reply = Tuple[Dict[str, Any], Buffers]


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


class InputError(Exception):
    """What the parent sent does not fit the model."""


class WireError(Exception):
    """What the parent sent is not a request."""


class AnswerError(Exception):
    """What the model answers has no exact form on the wire."""


class Loaded:
    """The one model of this process, and where it lies."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.model: Any = None

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

    def _input(self, header: dict[str, Any], buffers: Buffers) -> tuple[Any, Any | None]:
        payload, params = header.get("payload"), header.get("params")
        if not isinstance(payload, dict) or not isinstance(params, (dict, type(None))):
            raise WireError("predict wants a payload, and params as an object")
        if payload.get("kind") != "file":
            return _decode(payload, buffers), params
        files = _sibling("files")
        try:
            data, found = files.read(payload.get("format"), buffers, self.model.metadata)
            params = {**found, **(params or {})}
            files.check_params(params, self.model.metadata)
        except files.FileError as error:
            raise InputError(str(error)) from error
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
            frames.send(sock, {"error": _describe_error(WireError(str(error)))})
            return False
        reply, out = _answer(loaded, header, buffers)
        del buffers
        try:
            frames.send(sock, reply, out)
        # Found before the first byte was sent: what the model says of itself is not JSON.
        except frames.FrameError as error:
            frames.send(sock, {"error": _describe_error(AnswerError(str(error)))})
        del out
        if header.get("op") == "stop":
            return True


def _answer(loaded: Loaded, header: dict[str, Any], buffers: Buffers) -> Reply:
    operations: dict[Any, Callable[[], Reply]] = {
        "load": lambda: (loaded.load(), []),
        "predict": lambda: loaded.predict(header, buffers),
        "observe": lambda: (_sibling("observe").observe(loaded.path, _PACKAGE), []),
        "describe": lambda: (_sibling("observe").describe(), []),
        "stop": lambda: ({}, []),
    }
    try:
        return operations.get(str(header.get("op")), _unknown)()
    # Whatever the model raises, SystemExit too, is an answer; the process goes on.
    except BaseException as error:  # noqa: BLE001
        return {"error": _describe_error(error)}, []


def _unknown() -> Reply:
    raise WireError(f"the operation is not known; this worker speaks protocol {PROTOCOL}")


def _describe_error(error: BaseException) -> dict[str, Any]:
    ours = isinstance(error, (InputError, WireError, AnswerError))
    trace = [] if ours else traceback.format_exception(type(error), error, error.__traceback__)
    lines = "".join(trace).splitlines()
    return {
        "kind": _kind_of(error),
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": _text_of(error)[:_LONGEST_MESSAGE],
        "missing": _missing_module(error)[:_LONGEST_NAME],
        "traceback": "\n".join(lines[-_LAST_LINES:])[-_LONGEST_MESSAGE:],
    }


def _text_of(error: BaseException) -> str:
    try:
        text = str(error)
        # MLflow puts the whole of the data before what is wrong with it.
        inner = error.__cause__ or error.__context__
        return str(inner) if inner and text.startswith("Failed to enforce schema of data") else text
    # An exception is the model's code too.
    except Exception as second:  # noqa: BLE001
        return f"(its message could not be had: {type(second).__name__})"


def _missing_module(error: BaseException) -> str:
    """The module that `error`, or what led to it, says is not there."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        if isinstance(found, ModuleNotFoundError):
            return str(found.name or "")
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return ""


def _kind_of(error: BaseException) -> str:
    if isinstance(error, WireError):
        return "wire"
    return "input" if isinstance(error, InputError) or _raised_by_schema(error) else "model"


def _raised_by_schema(error: BaseException) -> bool:
    """Whether MLflow's own check of the data raised, before any code of the model ran.

    The type is not enough: a model may raise MlflowException, and the check may fail with others.
    """
    mlflow = sys.modules.get("mlflow")
    folder = str(Path(getattr(mlflow, "__file__", None) or os.devnull).parent) + os.sep
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        ours = code.co_filename == __file__ or code.co_filename.endswith("contextlib.py")
        if ours:
            continue
        if not code.co_filename.startswith(folder):
            return False
        if code.co_name.startswith(
            ("_validate_prediction_input", "_enforce_", "_validate_model_input")
        ):
            return True
    return False


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
        raise WireError(str(error)) from error


def _output(answer: Any, file_format: Any) -> Reply:
    files, codec = _sibling("files"), _sibling("payload")
    try:
        if file_format is None:
            reply: Reply = codec.encode(answer)
            return reply
        data = files.write(file_format, answer)
    except files.FileError as error:
        raise InputError(str(error)) from error
    except codec.PayloadError as error:
        raise AnswerError(f"the answer cannot be sent exactly: {error}") from error
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
    stream: Any
    for stream in (sys.stdout, sys.stderr):
        # The last lines must be in the log when the process dies, whatever characters they have.
        stream.reconfigure(errors="backslashreplace", line_buffering=True)
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
