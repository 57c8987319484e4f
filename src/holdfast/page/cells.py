"""Payloads as a few rows of text, for people to look at.

Pure, and without NumPy: `worker/payload.py` and its neighbours say what a payload is. What has no
rows or columns that can be shown in a small table gives None; nothing here is trusted.
"""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.seal.golden import Payload

_LETTERS = {
    "f8": "d", "f4": "f", "f2": "e",
    "i8": "q", "i4": "i", "i2": "h", "i1": "b",
    "u8": "Q", "u4": "I", "u2": "H", "u1": "B", "b1": "?",
}  # fmt: skip
_MASKED = {
    "Float64": "f8", "Float32": "f4", "boolean": "b1",
    "Int64": "i8", "Int32": "i4", "Int16": "i2", "Int8": "i1",
    "UInt64": "u8", "UInt32": "u4", "UInt16": "u2", "UInt8": "u1",
}  # fmt: skip
_SECONDS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_NOT_A_TIME = -(1 << 63)
_GAP = "—"
_UNSHOWN = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The first rows and columns of a payload.

    Attributes:
        columns: Names; "" where a column has none.
        rows: Texts, row by row.
        numeric: Of each column whether it holds numbers.
        of_rows: How many rows there are.
        of_columns: How many columns there are.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    of_rows: int
    of_columns: int


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    numeric: bool
    cells: list[str]


def read_grid(payload: Payload, rows: int, columns: int) -> Grid | None:
    """At most so many `rows` and `columns` of `payload`; None where it is no table."""
    readers: dict[Any, Callable[[_Reader], Grid | None]] = {
        "table": _table,
        "tensors": _tensors,
        "json": _values,
    }
    read = readers.get(payload.header.get("kind"))
    try:
        return read(_Reader(payload, rows, columns)) if read else None
    # Whatever is wrong with somebody's payload, a page is not where it is said.
    except (struct.error, ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class _Reader:
    payload: Payload
    most_rows: int
    most_columns: int

    @property
    def header(self) -> Mapping[str, Any]:
        return self.payload.header

    def buffer(self, spec: Mapping[str, Any], position: int) -> bytes:
        number = spec["buffers"][position]
        if type(number) is not int or number < 0:
            raise ValueError(number)
        return self.payload.buffers[number]

    def grid(self, columns: Sequence[_Column], of_rows: int, of_columns: int) -> Grid:
        cells = [column.cells for column in columns]
        return Grid(
            columns=tuple(column.name for column in columns),
            rows=tuple(zip(*cells, strict=True)),
            numeric=tuple(column.numeric for column in columns),
            of_rows=of_rows,
            of_columns=of_columns,
        )


def _table(reader: _Reader) -> Grid:
    header = reader.header
    of_rows = _count(header["rows"])
    shown = min(of_rows, reader.most_rows)
    specs = header["columns"]
    widths = [_count(spec.get("width", 1)) for spec in specs]
    names = _names(reader, header, sum(widths))
    columns: list[_Column] = []
    for spec, width in zip(specs, widths, strict=True):
        for place in range(width):
            if len(columns) == reader.most_columns:
                return reader.grid(columns, of_rows, sum(widths))
            numeric, cells = _cells(reader, spec, shown, place * of_rows)
            columns.append(_Column(names[len(columns)], numeric, cells))
    return reader.grid(columns, of_rows, len(columns))


def _names(reader: _Reader, header: Mapping[str, Any], number: int) -> list[str]:
    """Names of columns: plain texts, or labels of an index; "" where they are neither."""
    if "names" in header:
        return [str(name) for name in header["names"]]
    labels, shown = header["labels"], min(number, reader.most_columns)
    if "range" in labels:
        start, _, step = labels["range"]
        return [str(start + step * place) for place in range(shown)]
    if "values" in labels:
        _, cells = _cells(reader, labels["values"], shown)
        return ["" if name == _GAP else name for name in cells]
    return [""] * shown


def _tensors(reader: _Reader) -> Grid | None:
    specs = reader.header["tensors"]
    single = "single" in reader.header
    if single and len(specs[0]["shape"]) == 2:  # noqa: PLR2004 - a matrix
        return _matrix(reader, specs[0])
    if not specs or any(len(spec["shape"]) > 1 for spec in specs):
        return None
    lengths = {spec["shape"][0] if spec["shape"] else 1 for spec in specs}
    if len(lengths) != 1:
        return None
    (of_rows,) = map(_count, lengths)
    shown = min(of_rows, reader.most_rows)
    columns = [
        _Column("" if single else str(spec["name"]), *_cells(reader, spec, shown))
        for spec in specs[: reader.most_columns]
    ]
    return reader.grid(columns, of_rows, len(specs))


def _matrix(reader: _Reader, spec: Mapping[str, Any]) -> Grid:
    height, width = map(_count, spec["shape"])
    by_column = spec.get("order") == "F"
    shown, across = min(height, reader.most_rows), min(width, reader.most_columns)
    columns = []
    for place in range(across):
        start, step = (place * height, 1) if by_column else (place, width)
        columns.append(_Column(str(place), *_cells(reader, spec, shown, start, step)))
    return reader.grid(columns, height, width)


def _values(reader: _Reader) -> Grid:
    value = json.loads(reader.buffer(reader.header, 0))
    items = value if isinstance(value, list) else [value]
    cells = [_of_json(item) for item in items[: reader.most_rows]]
    numeric = all(type(item) in {int, float} for item in items[: reader.most_rows])
    return reader.grid([_Column("", numeric, cells)], len(items), 1)


def _cells(  # noqa: PLR0911 - a line for each kind of column
    reader: _Reader, spec: Mapping[str, Any], rows: int, start: int = 0, step: int = 1
) -> tuple[bool, list[str]]:
    """Whether they are numbers, and the texts of `rows` values, every `step`-th from `start` on."""
    kind = str(spec["type"])
    places = [start + step * row for row in range(rows)]
    if kind in _MASKED:
        cells = _fixed(reader.buffer(spec, 0), _MASKED[kind], places)
        return kind != "boolean", _with_gaps(cells, reader.buffer(spec, 1), places)
    if kind.lstrip("<|=") in _LETTERS:
        return kind != "|b1", _fixed(reader.buffer(spec, 0), kind.lstrip("<|="), places)
    if kind in {"text", "bytes", "string"} or kind[1:2] == "U":
        return False, _texts(reader, spec, places)
    if kind == "json":
        items = json.loads(reader.buffer(spec, 0))
        return False, [_of_json(items[place]) for place in places]
    if kind == "category":
        return False, _category(reader, spec, rows)
    if kind == "datetime":
        return _cells(reader, spec["values"], rows, start, step)
    if kind[1:3] == "M8":
        return False, _times(reader.buffer(spec, 0), kind[4:-1], places)
    return False, [_UNSHOWN] * rows


def _fixed(buffer: bytes, kind: str, places: Sequence[int]) -> list[str]:
    letter = f"<{_LETTERS[kind]}"
    width = struct.calcsize(letter)
    values = (struct.unpack_from(letter, buffer, width * place)[0] for place in places)
    return [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]


def _texts(reader: _Reader, spec: Mapping[str, Any], places: Sequence[int]) -> list[str]:
    offsets, data = reader.buffer(spec, 0), reader.buffer(spec, 1)
    cells = []
    for place in places:
        start, end = struct.unpack_from("<2q", offsets, 8 * place)
        if not 0 <= start <= end <= len(data):
            raise ValueError(place)
        # A cell shows less than a kilobyte of it.
        cells.append(data[start : min(end, start + 1000)].decode("utf-8", "replace"))
    missing = "missing" in spec and len(spec["buffers"]) > 2  # noqa: PLR2004 - the third is a mask
    return _with_gaps(cells, reader.buffer(spec, 2), places) if missing else cells


def _category(reader: _Reader, spec: Mapping[str, Any], rows: int) -> list[str]:
    _, codes = _cells(reader, spec["codes"], rows)
    categories = spec["categories"]
    if "values" not in categories:
        return codes
    _, names = _cells(reader, categories["values"], min(_count(spec["count"]), 10_000))
    return [names[int(code)] if int(code) >= 0 else _GAP for code in codes]


def _times(buffer: bytes, unit: str, places: Sequence[int]) -> list[str]:
    ticks = [struct.unpack_from("<q", buffer, 8 * place)[0] for place in places]
    return [_GAP if tick == _NOT_A_TIME else _time(tick, unit) for tick in ticks]


def _time(tick: int, unit: str) -> str:
    if unit not in _SECONDS:
        return f"{tick} {unit}"
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=tick // _SECONDS[unit])  # noqa: DTZ001
    return moment.isoformat(sep=" ")


def _with_gaps(cells: list[str], valid: bytes, places: Sequence[int]) -> list[str]:
    return [cell if valid[place] else _GAP for cell, place in zip(cells, places, strict=True)]


def _of_json(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, float):
        return f"{item:.6g}"
    return json.dumps(item, ensure_ascii=False)[:1000]


def _count(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(number)
    return number
