"""A batch of rows as a worker's payload: what the model gets is what `to_pandas` would give it.

Arrow's columns are the wire's columns (worker/tables.py): numbers cross as they lie, neighbours of
one type in one buffer. Columns that the signature names are brought to its types, as MLflow would.
Neither NumPy nor pandas is needed here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.score.columns import TYPES, Column
from holdfast.worker.parts import PayloadError, Writer
from holdfast.worker.values import dump

Payload = tuple[dict[str, Any], list[Any]]

_FIXED = {
    pa.int8(): "|i1",
    pa.int16(): "<i2",
    pa.int32(): "<i4",
    pa.int64(): "<i8",
    pa.uint8(): "|u1",
    pa.uint16(): "<u2",
    pa.uint32(): "<u4",
    pa.uint64(): "<u8",
    pa.float16(): "<f2",
    pa.float32(): "<f4",
    pa.float64(): "<f8",
}
# Not-a-time, as NumPy has it.
_NAT = -(2**63)


def encode_batch(
    batch: pa.RecordBatch, columns: Sequence[Column] = (), *, gap: str = "None"
) -> Payload:
    """The payload of a table of these rows.

    Args:
        batch: The rows: the columns that the model is to have, and no others.
        columns: The signature's, for their types.
        gap: What stands where text is null, "None" as in `to_pandas`, or "nan" as in `read_csv`.

    Raises:
        InputError: A column has no form that the model could be given, or is not of the type that
            the signature has.
    """
    wanted = {column.name: column.kind for column in columns}
    arrays = [
        _typed(array, wanted.get(name, ""), name)
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    specs: list[dict[str, Any]] = []
    buffers: list[Any] = []
    for kind, run in groupby(zip(arrays, batch.schema.names, strict=True), _plain_type):
        if kind:
            raws = [_raw(array) for array, _ in run]
            width = {"width": len(raws)} if len(raws) > 1 else {}
            specs.append({"type": kind, **width, "buffers": [len(buffers)]})
            buffers.append(b"".join(raws) if len(raws) > 1 else raws[0])
        else:
            for array, name in run:
                specs.append(_write(array, name, buffers, gap))
    names = list(batch.schema.names)
    return {"kind": "table", "rows": batch.num_rows, "names": names, "columns": specs}, buffers


def _typed(array: pa.Array, kind: str, name: str) -> pa.Array:
    """`array` in the type of the signature; nulls of numbers as NaN, as pandas has them."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        if kind and array.type != TYPES[kind]:
            array = array.cast(TYPES[kind])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"column {name} cannot be made {kind}: {error}") from error
    if not array.null_count:
        return array
    if pa.types.is_integer(array.type):
        if kind:
            raise InputError(f"column {name} has nulls, which {kind} has no room for")
        array = array.cast(pa.float64(), safe=False)
    return pc.fill_null(array, float("nan")) if pa.types.is_floating(array.type) else array


def _plain_type(item: tuple[pa.Array, str]) -> str:
    """The wire's type of numbers that lie one after the other; "" for all else."""
    return _FIXED.get(item[0].type, "")


def _raw(array: pa.Array) -> memoryview:
    """The bytes of numbers without nulls."""
    if not len(array):
        return memoryview(b"")
    width = array.type.bit_width // 8
    start = array.offset * width
    return memoryview(array.buffers()[1])[start : start + len(array) * width]


def _write(array: pa.Array, name: str, buffers: list[Any], gap: str) -> dict[str, Any]:
    """The spec of a column that is not of plain numbers; its buffers are added to `buffers`."""
    kind = array.type
    if pa.types.is_null(kind):
        array = array.cast(pa.large_string())
    if pa.types.is_boolean(kind) and not array.null_count:
        return _spec("|b1", buffers, _raw(array.cast(pa.uint8())))
    if pa.types.is_date(kind):
        array = array.cast(pa.timestamp("ns"))
    if pa.types.is_timestamp(array.type):
        return _write_moments(array, buffers)
    wide = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}.get(kind)
    array = array.cast(wide) if wide else array
    if pa.types.is_large_string(array.type):
        return _write_text("str", array, buffers, gap)
    if pa.types.is_large_binary(array.type):
        return _write_text("bytes", array, buffers, gap)
    return _write_json(array, name, buffers)


def _write_moments(array: pa.Array, buffers: list[Any]) -> dict[str, Any]:
    numbers = pc.fill_null(array.cast(pa.int64()), _NAT)
    values = f"<M8[{array.type.unit}]"
    if array.type.tz is None:
        return _spec(values, buffers, _raw(numbers))
    spec = _spec(values, buffers, _raw(numbers))
    return {"type": "datetime", "zone": array.type.tz, "values": spec}


def _write_text(kind: str, array: pa.Array, buffers: list[Any], gap: str) -> dict[str, Any]:
    if not len(array):
        return _spec(kind, buffers, bytes(8), b"")
    _, offsets, data = array.buffers()
    ends = pa.Array.from_buffers(pa.int64(), len(array) + 1, [None, offsets], offset=array.offset)
    first, last = ends[0].as_py(), ends[-1].as_py()
    # The wire counts from the first byte that is sent.
    ends = pc.subtract(ends, first) if first else ends
    text = memoryview(data)[first:last] if data is not None else memoryview(b"")
    spec = _spec(kind, buffers, _raw(ends), text)
    if array.null_count:
        spec["missing"] = gap
        spec["buffers"].append(len(buffers))
        buffers.append(_raw(array.is_valid().cast(pa.uint8())))
    return spec


def _write_json(array: pa.Array, name: str, buffers: list[Any]) -> dict[str, Any]:
    """Lists, structures, and booleans with nulls: as Python has them."""
    writer = Writer(lambda *_: None)
    try:
        trees = [dump(item, writer, f"column {name}") for item in array.to_pylist()]
    except PayloadError as error:
        raise InputError(f"a column of {array.type} cannot cross to a model: {error}") from error
    text = json.dumps(trees, allow_nan=False, separators=(",", ":"))
    return _spec("json", buffers, text.encode("ascii"))


def _spec(kind: str, buffers: list[Any], *raws: Any) -> dict[str, Any]:
    numbers = list(range(len(buffers), len(buffers) + len(raws)))
    buffers += raws
    return {"type": kind, "buffers": numbers}
