"""A worker's answer as a batch of predictions, named as in the files of `holdfast predict`.

A table keeps its columns; one value a row becomes the column `prediction`; several, as in a
two-dimensional array, `prediction_0`, `prediction_1` … Numbers are laid over what was received;
neither NumPy nor pandas is needed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import ModelError
from holdfast.worker.parts import PayloadError, Reader
from holdfast.worker.values import load

NAME = "prediction"
_FIXED: dict[str, pa.DataType] = {
    "|i1": pa.int8(),
    "<i2": pa.int16(),
    "<i4": pa.int32(),
    "<i8": pa.int64(),
    "|u1": pa.uint8(),
    "<u2": pa.uint16(),
    "<u4": pa.uint32(),
    "<u8": pa.uint64(),
    "<f2": pa.float16(),
    "<f4": pa.float32(),
    "<f8": pa.float64(),
    "|b1": pa.bool_(),
}
# pandas' types with a mask, by the type of their values.
_MASKED = {
    **{f"Int{bits}": f"<i{bits // 8}" for bits in (16, 32, 64)},
    **{f"UInt{bits}": f"<u{bits // 8}" for bits in (16, 32, 64)},
    "Int8": "|i1",
    "UInt8": "|u1",
    "Float32": "<f4",
    "Float64": "<f8",
    "boolean": "|b1",
}
_MATRIX = 2


def decode_answer(
    header: dict[str, Any], buffers: Sequence[Any], rows: int | None = None
) -> pa.RecordBatch:
    """The predictions for `rows` rows; None for as many as there are.

    Raises:
        ModelError: The model did not answer each row by one, or its answer is no table.
    """
    try:
        names, arrays = _read(header, Reader(buffers, _no_nest))
    except (PayloadError, pa.ArrowException) as error:
        raise ModelError(f"what the model answers is no table: {error}") from error
    counts = {len(array) for array in arrays} or {0}
    if len(counts) > 1 or rows not in {None, *counts}:
        found = ", ".join(map(str, sorted(counts)))
        raise ModelError(f"the model gives {found} answers for {rows} rows")
    if len(set(names)) < len(names):
        raise ModelError(f"the model answers several columns of one name: {', '.join(names)}")
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _no_nest(*_: Any) -> Any:
    raise PayloadError("an array or a table inside a value")


def _read(spec: dict[str, Any], reader: Reader) -> tuple[list[str], list[pa.Array]]:
    kind = spec.get("kind")
    if kind == "tensors":
        return _read_tensors(spec, reader)
    if kind == "table":
        return _read_table(spec, reader)
    if kind == "json":
        return _read_values(load(_json(spec, reader), reader, "answer"))
    raise PayloadError(f"it is {kind!r:.40}")


def _read_values(value: Any) -> tuple[list[str], list[pa.Array]]:
    if isinstance(value, dict):
        columns = {str(name): pa.array(each) for name, each in value.items()}
        return list(columns), list(columns.values())
    if not isinstance(value, (list, tuple)):
        raise PayloadError(f"it is one {type(value).__name__}")
    array = pa.array(value)
    if pa.types.is_struct(array.type) and not array.null_count:
        return [field.name for field in array.type], array.flatten()
    return [NAME], [array]


def _read_tensors(spec: dict[str, Any], reader: Reader) -> tuple[list[str], list[pa.Array]]:
    if "single" in spec:
        arrays = list(_columns_of(spec["tensors"][0], reader))
        names = [f"{NAME}_{number}" for number in range(len(arrays))]
        return names if len(names) > 1 else [NAME], arrays
    names, arrays = [], []
    for tensor in spec["tensors"]:
        columns = list(_columns_of(tensor, reader))
        if len(columns) != 1:
            raise PayloadError(f"{tensor['name']} has shape {tensor['shape']}")
        names.append(str(tensor["name"]))
        arrays += columns
    return names, arrays


def _columns_of(tensor: dict[str, Any], reader: Reader) -> Iterator[pa.Array]:
    shape = tensor["shape"]
    if len(shape) > _MATRIX:
        raise PayloadError(f"it is an array of shape {shape}")
    rows, width = (*shape, 1, 1)[: max(len(shape), _MATRIX)][:_MATRIX] if shape else (1, 1)
    values = _read_column(tensor, reader, rows * width)
    if width == 1:
        yield values
    elif tensor.get("order") == "F":
        yield from (values.slice(number * rows, rows) for number in range(width))
    else:
        by_row = pa.FixedSizeListArray.from_arrays(values, width)
        yield from (pc.list_element(by_row, number) for number in range(width))


def _read_table(spec: dict[str, Any], reader: Reader) -> tuple[list[str], list[pa.Array]]:
    rows, arrays = spec["rows"], []
    for column in spec["columns"]:
        width = column.get("width", 1)
        values = _read_column(column, reader, rows * width)
        arrays += [values.slice(number * rows, rows) for number in range(width)]
    names = _names(spec, reader)
    unnamed = "series" in spec and names in ([], ["None"])
    return [NAME] if unnamed else names, arrays


def _names(spec: dict[str, Any], reader: Reader) -> list[str]:
    if "names" in spec:
        return list(map(str, spec["names"]))
    labels = spec["labels"]
    if "range" in labels:
        return list(map(str, range(*labels["range"])))
    if "values" not in labels:
        raise PayloadError("its columns have names of several levels")
    return list(map(str, _read_column(labels["values"], reader, labels["count"]).to_pylist()))


def _read_column(spec: dict[str, Any], reader: Reader, count: int) -> pa.Array:
    kind = spec["type"]
    if kind in ("text", "bytes", "string") or kind[1:2] == "U":
        return _read_text(spec, reader, count)
    if kind == "json":
        return pa.array([load(tree, reader, "answer") for tree in _json(spec, reader)])
    if kind in _MASKED:
        values = _read_fixed({**spec, "type": _MASKED[kind]}, reader, count)
        return pc.if_else(_read_mask(spec, 1, reader, count), values, None)
    if kind == "category":
        labels = _read_column(spec["categories"]["values"], reader, spec["count"])
        codes = _read_fixed(spec["codes"], reader, count)
        return labels.take(pc.if_else(pc.less(codes, 0), None, codes))
    if kind == "datetime":
        return _read_fixed(spec["values"], reader, count).cast(pa.timestamp("ns", "UTC"))
    return _read_fixed(spec, reader, count)


def _read_fixed(spec: dict[str, Any], reader: Reader, count: int) -> pa.Array:
    kind = spec["type"]
    if kind[1:3] == "M8":
        numbers = _read_fixed({**spec, "type": "<i8"}, reader, count)
        unit = kind[4:-1]
        known = pc.if_else(pc.equal(numbers, -(2**63)), None, numbers)
        return known.cast(pa.timestamp("s" if unit == "D" else unit))
    if kind not in _FIXED:
        raise PayloadError(f"NumPy dtype {kind} has no column")
    if kind == "|b1":
        return _read_fixed({**spec, "type": "|u1"}, reader, count).cast(pa.bool_())
    arrow = _FIXED[kind]
    raw = reader.take(spec, 0, "answer", count * arrow.bit_width // 8)
    return pa.Array.from_buffers(arrow, count, [None, pa.py_buffer(raw)])


def _read_text(spec: dict[str, Any], reader: Reader, count: int) -> pa.Array:
    offsets = pa.py_buffer(reader.take(spec, 0, "answer", 8 * (count + 1)))
    data = pa.py_buffer(reader.take(spec, 1, "answer"))
    kind = pa.large_binary() if spec["type"] == "bytes" else pa.large_string()
    array = pa.Array.from_buffers(kind, count, [None, offsets, data])
    # What a worker sends is looked through before it is believed.
    array.validate(full=True)
    has_mask = len(spec["buffers"]) > 2  # noqa: PLR2004 - offsets, data, mask
    return pc.if_else(_read_mask(spec, 2, reader, count), array, None) if has_mask else array


def _read_mask(spec: dict[str, Any], position: int, reader: Reader, count: int) -> pa.Array:
    raw = pa.py_buffer(reader.take(spec, position, "answer", count))
    return pa.Array.from_buffers(pa.uint8(), count, [None, raw]).cast(pa.bool_())


def _json(spec: dict[str, Any], reader: Reader) -> Any:
    return json.loads(bytes(reader.take(spec, 0, "answer")))
