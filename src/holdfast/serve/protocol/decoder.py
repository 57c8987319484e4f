"""MLflow's scoring protocol, compiled: from a JSON body straight to rows of the signature's types.

A signature is compiled once, when its model is loaded, into a decoder that takes the plain form of
a request and nothing else: every column there, no other field, values of just the type that the
signature names. For all that is unusual `decode` says None, and the worker decodes as MLflow does.
So a decoder never refuses a request, and what it takes means what it means to MLflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Annotated, Any, Generic, Protocol, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from holdfast.serve.protocol.schema import Column, Schema, Tensor

Buffers = list[Any]
# What one request's rows are until they are joined with others: a list with one entry a row.
Rows = Any


class Decoder(Protocol):
    """Decodes requests for one signature, and joins what it decoded."""

    def decode(self, body: bytes) -> tuple[int, Rows] | None:
        """How many rows a JSON body asks for, and the rows; None for what is not plain."""

    def join(self, parts: Sequence[Rows]) -> tuple[bytes, Buffers]:
        """The rows of several requests as one payload of the worker's: its header, its buffers.

        The header is JSON, as worker/payload.py has it.
        """


def compile_decoder(schema: Schema) -> Decoder | None:
    """The decoder of a signature; None where its requests are all decoded by the worker."""
    names = [column.name for column in schema.columns]
    plain = all(column.kind in _KINDS and column.required for column in schema.columns)
    if names and plain and len(set(names)) == len(names):
        return ColumnDecoder(schema.columns)
    if len(schema.tensors) == 1 and not schema.tensors[0].name:
        return _tensor_decoder(schema.tensors[0])
    return None


def _integer(bits: int) -> Any:
    return Annotated[int, Meta(ge=-(1 << bits - 1), le=(1 << bits - 1) - 1)]


# MLflow's type: what JSON may hold for it, and the type of the array. None for text.
_KINDS: dict[str, tuple[Any, str | None]] = {
    "boolean": (bool, "|b1"),
    "integer": (_integer(32), "<i4"),
    "long": (_integer(64), "<i8"),
    "float": (float, "<f4"),
    "double": (float, "<f8"),
    "string": (str, None),
}


class ColumnDecoder:
    """Tables: `dataframe_split` and `dataframe_records`."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]
        types = [_KINDS[column.kind] for column in columns]
        row: Any = tuple.__class_getitem__(tuple(read for read, _ in types))
        self._decode = msgspec.json.Decoder(_request(row, self._names, types)).decode
        self._runs = list(_runs([kind for _, kind in types]))
        self._head = _table_head(self._names, self._runs)
        self._orders: dict[bytes, bool] = {}

    def decode(self, body: bytes) -> tuple[int, Rows] | None:
        """See `Decoder`."""
        try:
            request = self._decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        split, records = request.dataframe_split, request.dataframe_records
        if (split is UNSET) == (records is UNSET):
            return None
        if split is UNSET:
            rows = list(map(msgspec.structs.astuple, records))
        elif self._in_order(split.columns):
            rows = split.data
        else:
            return None
        # MLflow makes a table without columns of no rows.
        return (len(rows), rows) if rows else None

    def join(self, parts: Sequence[Rows]) -> tuple[bytes, Buffers]:
        """See `Decoder`: a table, each run of columns of one type one after the other."""
        rows = parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
        if len(self._runs) == 1 and self._runs[0][2] is not None:
            buffers = [_bytes_of(_array(rows, self._runs[0][2]).T)]
        else:
            buffers = self._columns(list(zip(*rows, strict=True)))
        return self._head + b"%d}" % len(rows), buffers

    def _columns(self, columns: Sequence[tuple[Any, ...]]) -> Buffers:
        buffers: Buffers = []
        for start, end, kind in self._runs:
            if kind is None:
                for column in columns[start:end]:
                    buffers += _text(column)
            else:
                buffers.append(_bytes_of(_array(columns[start:end], kind)))
        return buffers

    def _in_order(self, columns: Raw) -> bool:
        """Whether a request names the signature's columns, in its order.

        Clients say the same thing each time, so the bytes are looked up before they are read.
        """
        key = bytes(columns)
        known = self._orders.get(key)
        if known is None:
            try:
                known = msgspec.json.decode(key) == self._names
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                known = False
            if len(self._orders) < _MOST_ORDERS and len(key) <= _LONGEST_ORDER:
                self._orders[key] = known
        return known


# What is remembered of clients' ways to write the names; nobody else's memory is theirs to fill.
_MOST_ORDERS = 64
_LONGEST_ORDER = 1 << 16
_T = TypeVar("_T")
_R = TypeVar("_R")


class _Split(Struct, Generic[_T], forbid_unknown_fields=True):
    columns: Raw
    data: list[_T]


class _Request(Struct, Generic[_T, _R], forbid_unknown_fields=True):
    dataframe_split: _Split[_T] | UnsetType = UNSET
    dataframe_records: list[_R] | UnsetType = UNSET


def _request(row: Any, names: Sequence[str], types: Iterable[tuple[Any, Any]]) -> Any:
    fields = [(f"c{at}", read) for at, (read, _) in enumerate(types)]
    rename = {f"c{at}": name for at, name in enumerate(names)}
    record: Any = msgspec.defstruct("_Record", fields, rename=rename, forbid_unknown_fields=True)
    return _Request[row, record]


def _runs(kinds: Sequence[str | None]) -> Iterable[tuple[int, int, str | None]]:
    """Neighbours of one type, as (start, end, type)."""
    start = 0
    for end in range(1, len(kinds) + 1):
        if end == len(kinds) or kinds[end] != kinds[start]:
            yield start, end, kinds[start]
            start = end


def _table_head(names: Sequence[str], runs: Iterable[tuple[int, int, str | None]]) -> bytes:
    """The header of a table, up to the number of its rows: the same for every request."""
    specs: list[dict[str, Any]] = []
    buffers = 0
    for start, end, kind in runs:
        if kind is None:
            for _ in range(start, end):
                specs.append({"type": "text", "buffers": [buffers, buffers + 1]})
                buffers += 2
        else:
            width = {} if end - start == 1 else {"width": end - start}
            specs.append({"type": kind, "buffers": [buffers], **width})
            buffers += 1
    head = msgspec.json.encode({"kind": "table", "names": names, "columns": specs})
    return head[:-1] + b',"rows":'


def _array(values: Any, kind: str) -> Any:
    if kind != "<f4":
        return np.array(values, dtype=kind)
    # What is too large for 32 bits is infinite, as with MLflow: nothing to warn the operator of.
    with np.errstate(over="ignore"):
        return np.array(values, dtype=kind)


def _bytes_of(columns: Any) -> Any:
    """An array's bytes, one column after the other: the way a DataFrame holds them."""
    return np.ascontiguousarray(columns).reshape(-1).view("u1")


def _text(column: Sequence[str]) -> Buffers:
    """Offsets and UTF-8, as worker/arrays.py has text."""
    pieces = [text.encode("utf-8", "surrogatepass") for text in column]
    offsets: Any = np.zeros(len(pieces) + 1, dtype="<i8")
    np.cumsum(np.fromiter(map(len, pieces), "<i8", len(pieces)), out=offsets[1:])
    return [offsets.view("u1"), b"".join(pieces)]


# NumPy types that JSON's numbers become without a doubt.
_TENSORS: dict[str, tuple[Any, str]] = {
    "float32": (float, "<f4"),
    "float64": (float, "<f8"),
    "int32": (_integer(32), "<i4"),
    "int64": (_integer(64), "<i8"),
    "uint8": (Annotated[int, Meta(ge=0, le=255)], "|u1"),
    "bool": (bool, "|b1"),
}
_MOST_AXES = 8


def _tensor_decoder(tensor: Tensor) -> Decoder | None:
    axes = len(tensor.shape)
    if tensor.kind not in _TENSORS or not 0 < axes <= _MOST_AXES or tensor.shape[0] != -1:
        return None
    return TensorDecoder(tensor)


class _Inputs(Struct, Generic[_T], forbid_unknown_fields=True):
    inputs: _T | UnsetType = UNSET
    instances: _T | UnsetType = UNSET


class TensorDecoder:
    """One tensor without a name: `inputs` and `instances`."""

    def __init__(self, tensor: Tensor) -> None:
        read, self._kind = _TENSORS[tensor.kind]
        form: Any = _Inputs[_nested(read, len(tensor.shape))]  # type: ignore[misc]
        self._decode = msgspec.json.Decoder(form).decode
        self._shape = tensor.shape

    def decode(self, body: bytes) -> tuple[int, Rows] | None:
        """See `Decoder`."""
        try:
            request = self._decode(body)
            given = [part for part in (request.inputs, request.instances) if part is not UNSET]
            if len(given) != 1:
                return None
            array = _array(given[0], self._kind)
        # Rows of different lengths are a ValueError of NumPy's.
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError):
            return None
        fits = array.ndim == len(self._shape) and all(map(_fits, array.shape, self._shape))
        return (len(array), array) if fits and array.size else None

    def join(self, parts: Sequence[Rows]) -> tuple[bytes, Buffers]:
        """See `Decoder`: one tensor."""
        array = parts[0] if len(parts) == 1 else np.concatenate(parts)
        spec = {"shape": list(array.shape), "type": self._kind, "buffers": [0]}
        header = msgspec.json.encode({"kind": "tensors", "single": True, "tensors": [spec]})
        return header, [_bytes_of(array)]


def _nested(kind: Any, axes: int) -> Any:
    """Lists of lists of `kind`."""
    for _ in range(axes):
        kind = list.__class_getitem__(kind)
    return kind


def _fits(length: int, wanted: int) -> bool:
    return wanted in (-1, length)
