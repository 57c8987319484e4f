"""A request to show: the input example that MLflow keeps with a model, as `/invocations` takes it.

Read from the model's folder, never from a loaded model, after its file was compared with the seal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from holdfast.errors import HoldfastError
from holdfast.model import Model, read_mlmodel
from holdfast.seal.digest import inside
from holdfast.serve.pool.pool import Pool
from holdfast.serve.protocol.schema import Schema

ROWS = 5
# Bytes of a file that is read for it, and of a request that is shown.
_LARGEST_FILE = 16 << 20
_LARGEST = 64 << 10


# Files are hashed and read once for a version, not for everybody who looks.
_KNOWN: WeakKeyDictionary[Pool, dict[str, Any] | None] = WeakKeyDictionary()


def example_of(pool: Pool) -> dict[str, Any] | None:
    """The example of the version that a pool serves; see `example_request`."""
    if pool not in _KNOWN:
        _KNOWN[pool] = example_request(pool.restored.model, pool.schema)
    return _KNOWN[pool]


def example_request(model: Model, schema: Schema) -> dict[str, Any] | None:
    """A body of at most five rows that `/invocations` takes; None where the model keeps none.

    Of rows so wide that five are more than 64 KiB there is one, and none if that is more, too.
    Missing values are None: the body can be written as strict JSON.

    Args:
        model: The model, opened.
        schema: Of its inputs.
    """
    body = _kept(model)
    for rows in (ROWS, 1):
        if body is not None:
            body = shorten(body, schema, rows)
            if len(json.dumps(body)) <= _LARGEST:
                return body
    return None


def shorten(body: Mapping[str, Any], schema: Schema, rows: int) -> dict[str, Any]:
    """`body` with at most that many rows, where it can be told what a row is."""
    return {key: _shorten(key, value, schema, rows) for key, value in body.items()}


def _shorten(key: str, value: Any, schema: Schema, rows: int) -> Any:
    if key == "dataframe_split" and isinstance(value, dict):
        return {
            part: held if part == "columns" else held[:rows]
            for part, held in value.items()
            if isinstance(held, list)
        }
    if key == "dataframe_records" and isinstance(value, list):
        return value[:rows]
    if key in ("inputs", "instances"):
        return _shorten_inputs(value, schema, rows)
    return value


def _shorten_inputs(value: Any, schema: Schema, rows: int) -> Any:
    """Tensors along their first axis, if that is free; lists of records."""
    tensors = {tensor.name: tensor for tensor in schema.tensors if tensor.shape[:1] == (-1,)}
    if isinstance(value, list) and (schema.columns or "" in tensors):
        return value[:rows]
    if isinstance(value, dict) and schema.tensors:
        return {
            name: held[:rows] if name in tensors and isinstance(held, list) else held
            for name, held in value.items()
        }
    return value


def _kept(model: Model) -> dict[str, Any] | None:
    """The example as MLflow has written it: for serving since 2.16, else as it was given."""
    info = read_mlmodel(model).get("saved_input_example_info")
    if not isinstance(info, dict):
        return None
    serving = _read(model, info.get("serving_input_path"))
    if isinstance(serving, dict):
        return serving
    given = _read(model, info.get("artifact_path"))
    if not isinstance(given, dict):
        return None
    if info.get("type") == "dataframe" and isinstance(given.get("data"), list):
        return {"dataframe_split": given}
    return given if info.get("type") == "ndarray" and "inputs" in given else None


def _read(model: Model, name: object) -> Any:
    if not isinstance(name, str):
        return None
    try:
        model.check_files(name)
        path = inside(model.path, name)
        if path.stat().st_size > _LARGEST_FILE:
            return None
        return json.loads(path.read_bytes(), parse_float=_number, parse_constant=_no_number)
    except (HoldfastError, OSError, ValueError, RecursionError):
        return None


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _no_number(_: str) -> None:
    """NaN and the infinities, which JSON does not have."""
