"""Arrays: one run of values as buffers, in Arrow's layout of values, validity and offsets.

    {"type": "<f8", "buffers": [v]}             fixed width: numbers, bools (a byte each), dates, S
    {"type": "text", "buffers": [o, d]}         offsets (n + 1 int64, from 0) and UTF-8 data
    {"type": "bytes", "buffers": [o, d]}
    {"type": "text", "missing": "None", "buffers": [o, d, m]}   a byte each, 1 where a value is
    {"type": "json", "buffers": [j]}            a JSON list, see values.py

"text", "bytes" and "json" are object arrays; "missing" is what stands in the gaps, "None" or
"nan". Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import json
from typing import Any, Sequence

from .parts import PayloadError, Reader, Spec, Writer, field
from .values import dtype, dump, dump_dtype, load

_NAN = b"\0\0\0\0\0\0\xf8\x7f"
_FIXED_KINDS = "biufcmMS"


def is_fixed(kind: Any) -> bool:
    """Whether values of this NumPy dtype are sent as they lie in memory."""
    return str(kind.kind) in _FIXED_KINDS and kind.fields is None


def write_fixed(writer: Writer, array: Any, where: str) -> Spec:
    """A NumPy array of a fixed width, in C order; not copied where it lies so already."""
    import numpy as np

    spec: Spec = {"type": dump_dtype(array.dtype, where)}
    array = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    # numpy's buffers have no format for dates, and memoryview knows none for complex numbers.
    raw = array.view("u1") if array.nbytes else b""
    spec["buffers"] = [writer.add(memoryview(raw))]
    return spec


def read_fixed(reader: Reader, spec: Spec, count: int, where: str) -> Any:
    """The NumPy array of `count` values, laid over its buffer; writable where the buffer is."""
    import numpy as np

    kind = dtype(field(spec, "type", str, where), where)
    if not is_fixed(kind) or kind.itemsize == 0:
        raise PayloadError(f"{where}: {kind} has no fixed width")
    raw = reader.take(spec, 0, where, count * kind.itemsize)
    if count == 0:
        return np.zeros(0, kind)
    array = np.frombuffer(raw, kind.newbyteorder("<"), count)
    return array.astype(kind) if kind.byteorder == ">" else array.view(kind)


def write_objects(writer: Writer, array: Any, where: str) -> Spec:
    """An object array: as text or bytes where all values are, as JSON otherwise.

    Raises:
        PayloadError: A value has no exact form.
    """
    items: list[Any] = array.reshape(-1).tolist()
    kinds = set(map(type, items))
    for plain, name in ((str, "text"), (bytes, "bytes")):
        if kinds == {plain}:
            return write_strings(writer, items, name)
        if kinds == {plain, type(None)}:
            return write_strings(writer, items, name, missing="None")
        if kinds == {plain, float} and all(map(_is_plain_nan, items)):
            return write_strings(writer, items, name, missing="nan")
    trees = [dump(item, writer, f"{where} row {row}") for row, item in enumerate(items)]
    text = json.dumps(trees, allow_nan=False, separators=(",", ":"))
    return {"type": "json", "buffers": [writer.add(text.encode("ascii"))]}


def read_objects(reader: Reader, spec: Spec, count: int, where: str) -> Any:
    """The one-dimensional object array that `write_objects` wrote."""
    kind = field(spec, "type", str, where)
    if kind == "json":
        items = _read_json(reader, spec, count, where)
    elif kind in ("text", "bytes"):
        items = read_strings(reader, spec, count, where, _gap_of(spec, where))
    else:
        raise PayloadError(f"{where}: type {kind!r:.40} is not known")
    return objects(items)


def objects(items: Sequence[Any]) -> Any:
    """A one-dimensional object array of these."""
    import numpy as np

    array: Any = np.empty(len(items), dtype=object)
    # Item by item: NumPy would take a list of lists for a second dimension.
    for row, item in enumerate(items):
        array[row] = item
    return array


def write_strings(
    writer: Writer, items: Sequence[Any], kind: str = "text", missing: str | None = None
) -> Spec:
    """Strings, or bytes where `kind` is "bytes"; what is neither is a gap, named by `missing`."""
    import numpy as np

    gaps = missing is not None
    plain = str if kind == "text" else bytes
    valid = [type(item) is plain for item in items] if gaps else []
    full: Any = [item if type(item) is plain else plain() for item in items] if gaps else items
    if kind == "text":
        full = _utf8(full)
    offsets: Any = np.zeros(len(full) + 1, dtype="<i8")
    np.cumsum(np.fromiter(map(len, full), "<i8", len(full)), out=offsets[1:])
    data = "".join(full).encode("ascii") if full and type(full[0]) is str else b"".join(full)
    spec: Spec = {"type": kind, "buffers": [writer.add(memoryview(offsets)), writer.add(data)]}
    if gaps:
        spec["missing"] = missing
        spec["buffers"].append(writer.add(memoryview(np.array(valid, dtype="u1"))))
    return spec


def read_strings(reader: Reader, spec: Spec, count: int, where: str, gap: Any) -> list[Any]:
    """The strings or bytes that `write_strings` wrote, `gap` where none is."""
    import numpy as np

    raw = reader.take(spec, 0, where, 8 * (count + 1))
    data = bytes(reader.take(spec, 1, where))
    offsets = np.frombuffer(raw, "<i8")
    if offsets[0] != 0 or offsets[-1] != len(data) or (offsets[1:] < offsets[:-1]).any():
        raise PayloadError(f"{where}: its offsets do not fit its {len(data)} bytes")
    ends = offsets.tolist()
    items = _slices(data, ends, spec["type"], where)
    if "missing" in spec:
        valid = read_validity(reader, spec, 2, count, where).tolist()
        items = [item if there else gap for item, there in zip(items, valid)]
    return items


def read_validity(reader: Reader, spec: Spec, position: int, count: int, where: str) -> Any:
    """A NumPy array of bools, true where a value is."""
    import numpy as np

    raw = np.frombuffer(bytes(reader.take(spec, position, where, count)), "u1")
    if raw.size and raw.max() > 1:
        raise PayloadError(f"{where}: validity is 0 or 1")
    return raw.view("?")


def _slices(data: bytes, ends: list[int], kind: str, where: str) -> list[Any]:
    if kind == "bytes":
        return [data[start:end] for start, end in zip(ends, ends[1:])]
    if data.isascii():
        text = data.decode("ascii")
        return [text[start:end] for start, end in zip(ends, ends[1:])]
    try:
        return [
            data[start:end].decode("utf-8", "surrogatepass") for start, end in zip(ends, ends[1:])
        ]
    except UnicodeDecodeError as error:
        raise PayloadError(f"{where}: not UTF-8: {error}") from error


def _utf8(items: Sequence[str]) -> Sequence[Any]:
    """The same strings where all are ASCII, so that characters are bytes; encoded otherwise."""
    if "".join(items).isascii():
        return items
    return [item.encode("utf-8", "surrogatepass") for item in items]


def _read_json(reader: Reader, spec: Spec, count: int, where: str) -> list[Any]:
    trees = parse(reader.take(spec, 0, where), where)
    if type(trees) is not list or len(trees) != count:
        raise PayloadError(f"{where}: expected a JSON list of {count}")
    return [load(tree, reader, f"{where} row {row}") for row, tree in enumerate(trees)]


def parse(data: memoryview, where: str) -> Any:
    """JSON from the wire.

    Raises:
        PayloadError: It is not, or is nested too deeply.
    """
    try:
        return json.loads(bytes(data).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"{where}: not JSON: {error}") from error


def _gap_of(spec: Spec, where: str) -> Any:
    gaps = {None: None, "None": None, "nan": float("nan")}
    missing = spec.get("missing")
    if missing not in gaps:
        raise PayloadError(f"{where}: missing {missing!r:.40} is not known")
    return gaps[missing]


def _is_plain_nan(item: Any) -> bool:
    import struct

    return type(item) is not float or struct.pack("<d", item) == _NAN
