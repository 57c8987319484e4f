"""Invocations: a request in MLflow's scoring protocol, whatever it looks like.

    invoke   {"content_type": "…"} [body]
             {"status": 200, "content_type": "application/json", "rows": n, "seconds": …} [body]

The meaning is that of `mlflow.pyfunc.scoring_server.invocations`, with the parsers and the encoder
of the restored environment's MLflow. It differs where MLflow fails on what is the client's mistake:
that is 400 or 415 here, never 500; and messages hold neither traces nor the whole of the data.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Dict, List, Sequence, Tuple

from . import files
from .failures import WireError, raised_by_schema, text_of
from .jsonable import jsonable, text

_JSON = "application/json"
_CSV = "text/csv"
_PARQUET = "application/vnd.apache.parquet"
_LONGEST = 2000
_BAD = "BAD_REQUEST"
_INVALID = "INVALID_PARAMETER_VALUE"
_UNSUPPORTED = "UNSUPPORTED_MEDIA_TYPE"
_SERVER_ERROR = 500

Reply = Tuple[Dict[str, Any], List[Any]]


class _Refused(Exception):  # noqa: N818 - it is an answer
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def invoke(model: Any, path: str, header: dict[str, Any], buffers: Sequence[Any]) -> Reply:
    """Answer one request.

    Args:
        model: MLflow's `PyFuncModel`.
        path: The model's folder, which no message names.
        header: With the request's `content_type`.
        buffers: The body.

    Raises:
        WireError: There is no body.
        AnswerError: The answer does not fit into JSON.
        MemoryError: What was asked for does not fit into memory.
    """
    if len(buffers) != 1:
        raise WireError("invoke wants a body")
    # What converts data to a model's type hints asks for it.
    os.environ.setdefault("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")
    seconds: dict[str, float] = {}
    rows = 0
    try:
        body, rows = _answer(model, header.get("content_type"), bytes(buffers[0]), seconds)
        status = 200
    except _Refused as refused:
        said = _without_paths(str(refused), path)
        message = said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"
        body = json.dumps({"error_code": refused.code, "message": message})
        status = refused.status
    reply = {"status": status, "content_type": _JSON, "rows": rows, "seconds": seconds}
    return reply, [body.encode("ascii")]


def _answer(
    model: Any, content_type: Any, body: bytes, seconds: dict[str, float]
) -> tuple[str, int]:
    """The answer's body, and how many rows were predicted."""
    start = perf_counter()
    data, params, wrapped = _read(model.metadata, _mime_type(content_type), body)
    decoded = perf_counter()
    answer = _predict(model, data, params)
    predicted = perf_counter()
    values = jsonable(answer)
    written = text({"predictions": values} if wrapped else values)
    seconds["decode"] = decoded - start
    seconds["predict"] = predicted - decoded
    seconds["encode"] = perf_counter() - predicted
    return written, _rows_of(data)


def _rows_of(data: Any) -> int:
    """How many rows an input has; 1 where it is not of rows."""
    if isinstance(data, list) or getattr(data, "ndim", None):
        return len(data)
    columns = list(data.values()) if isinstance(data, dict) else []
    return len(columns[0]) if columns and getattr(columns[0], "ndim", None) else 1


def _mime_type(content_type: Any) -> str:
    if type(content_type) is not str or not content_type:
        raise _Refused(_UNSUPPORTED, f"say what the body is: {_KNOWN}", 415)
    mime_type, *pairs = [part.strip() for part in content_type.split(";")]
    parameters = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    if parameters.pop("charset", "utf-8").lower() != "utf-8":
        raise _Refused(_UNSUPPORTED, "the scoring server only supports UTF-8", 415)
    if parameters:
        names = ", ".join(sorted(parameters))
        raise _Refused(_UNSUPPORTED, f"unrecognized content type parameters: {names}", 415)
    if mime_type not in (_JSON, _CSV, _PARQUET):
        raise _Refused(_UNSUPPORTED, f"expected {_KNOWN}, got {mime_type!r:.200}", 415)
    return mime_type


_KNOWN = f"{_JSON}, {_CSV} or {_PARQUET}"


def _read(metadata: Any, mime_type: str, body: bytes) -> tuple[Any, Any, bool]:
    """The model's input, its parameters, and whether the answer is wrapped in "predictions"."""
    schema = metadata.get_input_schema()
    try:
        if mime_type == _CSV:
            return _read_csv(body, schema), None, True
        if mime_type == _PARQUET:
            return files.read_parquet(body), None, True
        return _read_json(body, metadata, schema)
    except (_Refused, MemoryError):
        raise
    except files.FileError as error:
        raise _Refused(_BAD, str(error)) from error
    # pandas, pyarrow and MLflow have no common root for "this is no such body".
    except Exception as error:
        code = getattr(error, "error_code", _BAD)
        said = text_of(error).split("\nInput: \n")[0]
        name = "" if hasattr(error, "error_code") else f"{type(error).__name__}: "
        raise _Refused(code if code == _INVALID else _BAD, f"{name}{said}") from error


def _read_csv(body: bytes, schema: Any) -> Any:
    import pandas as pd

    kinds = dict(zip(schema.input_names(), schema.pandas_types())) if schema else None
    return pd.read_csv(io.StringIO(body.decode("utf-8")), dtype=kinds)


def _read_json(body: bytes, metadata: Any, schema: Any) -> tuple[Any, Any, bool]:
    document = json.loads(body)
    if not isinstance(document, dict):
        what = f"expected a JSON object with one of {', '.join(files.WRAPPED)}"
        raise _Refused(_BAD, f"{what}, got a {type(document).__name__}")
    if any(name in document for name in files.UNWRAPPED):
        return (*files.split_params(document, metadata), False)
    params = document.get("params")
    found = [name for name in files.WRAPPED if name in document]
    if files.is_from_type_hint(metadata):
        if "inputs" not in document:
            raise _Refused(_INVALID, f"expected a JSON object with inputs, got {_names(document)}")
        return document["inputs"], params, True
    if len(found) != 1:
        what = f"expected a JSON object with exactly one of {', '.join(files.WRAPPED)}"
        raise _Refused(_BAD, f"{what}, got {_names(document)}")
    return files.read_wrapped(found[0], document[found[0]], schema), params, True


def _names(document: dict[str, Any]) -> str:
    return ", ".join(f"{name!r:.60}" for name in list(document)[:20]) or "nothing"


def _predict(model: Any, data: Any, params: Any) -> Any:
    try:
        return model.predict(data) if params is None else model.predict(data, params=params)
    except MemoryError:
        raise
    # Whatever the model raises, SystemExit too, is the answer to this request alone.
    except BaseException as error:
        raise _refusal_of(error) from error


def _refusal_of(error: BaseException) -> _Refused:
    """As MLflow answers it: its own exceptions say what they are, all others are 400.

    Its own have INTERNAL_ERROR where nothing else was said, for wrong input too: so that is 400.
    """
    if raised_by_schema(error):
        code = getattr(error, "error_code", _INVALID)
        return _Refused(code if code == _BAD else _INVALID, text_of(error))
    mlflow = sys.modules.get("mlflow.exceptions")
    kind = getattr(mlflow, "MlflowException", None)
    if kind is not None and isinstance(error, kind):
        status = error.get_http_status_code()
        if status < _SERVER_ERROR:
            return _Refused(str(error.error_code), text_of(error), status)
    return _Refused(_BAD, f"{type(error).__name__}: {text_of(error)}")


def _without_paths(message: str, path: str) -> str:
    """`message` without where things lie on this machine."""
    places = {path, str(Path(path).resolve()), sys.prefix, sys.base_prefix, str(Path.cwd())}
    places.add(os.environ.get("HOME", ""))
    for place in sorted(places, key=len, reverse=True):
        if len(place) > 1:
            message = message.replace(place, "…")
    return message
