"""Payloads: what a model is given and what it answers, as a header and raw buffers. No pickle.

    {"kind": "table", …}                         DataFrame, Series: see tables.py
    {"kind": "tensors", "tensors": [tensor, …]}  ndarray ("single": true) or dict of ndarrays
    {"kind": "sparse", "format": "csr", …}       SciPy's compressed matrices
    {"kind": "json", "buffers": [j]}             everything else: see values.py
    {"kind": "file", "format": "csv", "buffers": [f]}   a file as it is: see files.py

    tensor: {"name": "x", "shape": [2, 3], "order": "F"?, "type": "<f4", "buffers": [v]}

A tensor's type is one of arrays.py; "<U5" (fixed-width text) is sent as offsets and UTF-8 data, and
an object array as text, bytes or JSON. Everything comes back with the same dtype, shape, order and
bits; subclasses of ndarray, `attrs` of a DataFrame and strides do not cross.

Numeric buffers are views of the object that was encoded, and what is decoded is a view of the
buffers. NumPy and pandas are imported only where the payload needs them, so that the parent, which
may have neither, can pass payloads on. Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List, Sequence, Tuple

from .arrays import (
    is_fixed,
    parse,
    read_fixed,
    read_objects,
    read_strings,
    write_fixed,
    write_objects,
    write_strings,
)
from .parts import Buffer, PayloadError, Reader, Spec, Writer, count, field
from .tables import read_table, write_series, write_table
from .values import dtype, dump, dump_dtype, load

__all__ = ["PayloadError", "decode", "encode"]

Payload = Tuple[Dict[str, Any], List[Buffer]]

# Fixed-width text takes four bytes a character whether it is used or not: how much more than what
# was sent that may come to.
_PADDING_ALLOWED = 1 << 26
_PADDING_FACTOR = 64
_SPARSE = ("csr_matrix", "csc_matrix", "csr_array", "csc_array")


def encode(obj: Any) -> Payload:
    """`obj` as `(header, buffers)`; `decode` gives the same object back.

    Raises:
        PayloadError: Something in it has no exact form; names its type and where it is.
    """
    writer = Writer(_nest)
    spec = _write(writer, obj)
    if spec is None:
        text = json.dumps(dump(obj, writer, "value"), allow_nan=False, separators=(",", ":"))
        spec = {"kind": "json", "buffers": [writer.add(text.encode("ascii"))]}
    return spec, writer.buffers


def decode(header: dict[str, Any], buffers: Sequence[Buffer]) -> Any:
    """The object that `encode` was given.

    Raises:
        PayloadError: The payload is malformed; nothing from the wire is trusted.
    """
    try:
        return _read(Reader(buffers, _read_nested), header, "value")
    except PayloadError:
        raise
    except ImportError as error:
        raise PayloadError(f"{error.name} is not there, and this payload needs it") from error
    # What pandas or NumPy find wrong beyond our own checks is the payload's fault as well.
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise PayloadError(f"malformed: {type(error).__name__}: {error}") from error


def _write(writer: Writer, obj: Any) -> Spec | None:
    """Everything but JSON: None for that."""
    if type(obj) is dict and obj and all(map(_is_named_array, obj.items())):
        tensors = [
            {"name": name, **_write_tensor(writer, array, f"tensor {name!r:.60}")}
            for name, array in obj.items()
        ]
        return {"kind": "tensors", "tensors": tensors}
    return _nested(writer, obj, "value")


def _nest(writer: Writer, obj: Any, where: str) -> Spec | None:
    spec = _nested(writer, obj, where)
    return None if spec is None else {"$payload": spec}


def _nested(writer: Writer, obj: Any, where: str) -> Spec | None:
    if _is_plain_array(obj):
        return {"kind": "tensors", "single": True, "tensors": [_write_tensor(writer, obj, where)]}
    pd = sys.modules.get("pandas")
    if isinstance(obj, getattr(pd, "DataFrame", ())):
        return write_table(writer, obj, where)
    if isinstance(obj, getattr(pd, "Series", ())):
        return write_series(writer, obj, where)
    if type(obj).__module__.startswith("scipy.sparse"):
        return _write_sparse(writer, obj, where)
    return None


def _is_named_array(item: tuple[Any, Any]) -> bool:
    return type(item[0]) is str and _is_plain_array(item[1])


def _is_plain_array(obj: Any) -> bool:
    np: Any = sys.modules.get("numpy")
    array = getattr(np, "ndarray", None)
    if array is None or not isinstance(obj, array):
        return False
    # A masked array is more than its values; a matrix or a memmap is not.
    return not isinstance(obj, np.ma.MaskedArray)


def _write_tensor(writer: Writer, array: Any, where: str) -> Spec:
    import numpy as np

    array = np.asarray(array)
    spec: Spec = {"shape": list(array.shape)}
    if array.flags.f_contiguous and not array.flags.c_contiguous:
        spec["order"] = "F"
        array = array.T
    if is_fixed(array.dtype) and array.dtype.itemsize:
        return {**spec, **write_fixed(writer, array, where)}
    if array.dtype == object:
        return {**spec, **write_objects(writer, array, where)}
    if array.dtype.kind == "U":
        _check_padding(array.size, array.dtype.itemsize, 8 * array.size, where)
        text = write_strings(writer, array.reshape(-1).tolist())
        return {**spec, **text, "type": dump_dtype(array.dtype, where)}
    raise PayloadError(f"{where}: NumPy dtype {array.dtype} cannot cross")


def _read_tensor(reader: Reader, spec: Spec, where: str) -> Any:
    shape = field(spec, "shape", list, where)
    size = 1
    for length in shape:
        if type(length) is not int or length < 0:
            raise PayloadError(f"{where}: shape {shape!r:.60}")
        size *= length
    kind = field(spec, "type", str, where)
    if kind in ("text", "bytes", "json"):
        array = read_objects(reader, spec, size, where)
    elif kind[1:2] == "U":
        array = _read_fixed_text(reader, spec, size, where)
    else:
        array = read_fixed(reader, spec, size, where)
    if spec.get("order") == "F":
        return array.reshape(shape[::-1]).T
    return array.reshape(shape)


def _read_fixed_text(reader: Reader, spec: Spec, size: int, where: str) -> Any:
    import numpy as np

    kind = dtype(spec["type"], where)
    items = read_strings(reader, {**spec, "type": "text"}, size, where, "")
    _check_padding(size, kind.itemsize, 8 * size + sum(map(len, items)), where)
    if any(4 * len(item) > kind.itemsize for item in items):
        raise PayloadError(f"{where}: text longer than {kind}")
    return np.array(items, dtype=kind)


def _check_padding(size: int, width: int, sent: int, where: str) -> None:
    if size * width > _PADDING_ALLOWED + _PADDING_FACTOR * sent:
        raise PayloadError(
            f"{where}: {size} texts padded to {width} bytes each are too many; use an object array"
        )


def _write_sparse(writer: Writer, obj: Any, where: str) -> Spec:
    name = type(obj).__name__
    if name not in _SPARSE or len(obj.shape) == 1:
        raise PayloadError(f"{where}: scipy.sparse.{name} cannot cross; use csr or csc")
    spec: Spec = {"kind": "sparse", "format": name, "shape": list(map(int, obj.shape))}
    for part in ("data", "indices", "indptr"):
        array = getattr(obj, part)
        spec[part] = {"count": array.size, **write_fixed(writer, array, where)}
    return spec


def _read_sparse(reader: Reader, spec: Spec, where: str) -> Any:
    name = field(spec, "format", str, where)
    if name not in _SPARSE:
        raise PayloadError(f"{where}: sparse format {name!r:.40} is not known")
    try:
        import scipy.sparse
    except ImportError as error:
        raise PayloadError(f"{where}: a sparse matrix, and SciPy is not there") from error
    parts = []
    for part in ("data", "indices", "indptr"):
        piece = field(spec, part, dict, where)
        parts.append(read_fixed(reader, piece, count(piece, "count", where), where))
    shape = tuple(field(spec, "shape", list, where))
    matrix = getattr(scipy.sparse, name)(tuple(parts), shape=shape)
    # Indices from the wire would else be used by compiled code as they are.
    matrix.check_format(full_check=True)
    return matrix


def _read(reader: Reader, spec: Spec, where: str) -> Any:
    kind = field(spec, "kind", str, where)
    if kind == "json":
        return load(parse(reader.take(spec, 0, where), where), reader, where)
    if kind == "table":
        return read_table(reader, spec, where)
    if kind == "sparse":
        return _read_sparse(reader, spec, where)
    if kind != "tensors":
        raise PayloadError(f"{where}: kind {kind!r:.40} is not known")
    tensors = field(spec, "tensors", list, where)
    if "single" not in spec:
        return {
            field(tensor, "name", str, where): _read_tensor(reader, tensor, where)
            for tensor in tensors
        }
    if len(tensors) != 1:
        raise PayloadError(f"{where}: {len(tensors)} tensors, expected a single one")
    return _read_tensor(reader, tensors[0], where)


def _read_nested(reader: Reader, spec: Spec, where: str) -> Any:
    if not isinstance(spec, dict) or spec.get("kind") not in ("table", "tensors", "sparse"):
        raise PayloadError(f"{where}: not a payload")
    return _read(reader, spec, where)
