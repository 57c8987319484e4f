"""Reading CSV: in the types that are wanted, all else as the text that it is ("007" stays "007").

Lines with another number of fields than the header end the reading, or are left out and kept
`Aside`, with their numbers, for whoever rejects them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv

from holdfast.score.place import Place

# Of text that is parsed at a time.
_BLOCK = 4 << 20
# Of lines that are held: where hardly any is good, the file is no such CSV.
_MOST_HELD = 64 << 20
_TEXT = pa.string()


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no row: its number among the rows, from 0, its text, and what is wrong."""

    row: int
    line: str
    reason: str


class Aside:
    """Malformed lines of one file, from where the reader meets them to where they are written.

    The reader is ahead of who takes them, and in another thread.
    """

    def __init__(self) -> None:
        self._waiting: deque[Malformed] = deque()
        self._held = 0
        self._next = 0

    def __call__(self, row: Any) -> str:
        """What Arrow asks for each such line; see `pyarrow.csv.InvalidRow`."""
        self._held += len(row.text)
        if self._held > _MOST_HELD:
            return "error"
        reason = f"{row.actual_columns} fields; the header has {row.expected_columns}"
        # Arrow counts from 1, the header too.
        self._waiting.append(Malformed(row.number - 2, row.text, reason))
        return "skip"

    def pass_by(self, rows: int) -> tuple[Sequence[int], list[Malformed]]:
        """The numbers of the next `rows` good rows, and the lines that stood before one of them."""
        if not self._waiting:
            self._next += rows
            return range(self._next - rows, self._next), []
        numbers: list[int] = []
        passed: list[Malformed] = []
        for _ in range(rows):
            while self._waiting and self._waiting[0].row == self._next:
                passed.append(self._take())
            numbers.append(self._next)
            self._next += 1
        return numbers, passed

    def rest(self) -> list[Malformed]:
        """The lines after the last row."""
        return [self._take() for _ in range(len(self._waiting))]

    def _take(self) -> Malformed:
        taken = self._waiting.popleft()
        self._held -= len(taken.line)
        self._next += 1
        return taken


def read_head(place: Place, *, lenient: bool) -> list[str]:
    """The names in the first line of a CSV.

    Args:
        place: The file.
        lenient: Malformed lines that come soon are nothing to stop at.

    Raises:
        pa.ArrowException, OSError: It is none, or cannot be read.
    """
    # One thread knows in which row something is wrong.
    read = pa.csv.ReadOptions(use_threads=False)
    parse = _parse(_skip if lenient else None)
    with (
        text_of(place) as stream,
        pa.csv.open_csv(stream, read_options=read, parse_options=parse) as reader,
    ):
        return list(reader.schema.names)


def read_csv(
    place: Place,
    names: Sequence[str] | None,
    types: Mapping[str, pa.DataType],
    aside: Aside | None,
) -> Iterator[pa.RecordBatch]:
    """The rows, some megabytes at a time.

    Args:
        place: The file.
        names: The columns, in this order; None for all.
        types: Theirs; what is not named is text.
        aside: Takes malformed lines; None: the first one ends it.

    Raises:
        pa.ArrowException, OSError: It cannot be read to its end; says the row.
    """
    head = read_head(place, lenient=aside is not None)
    # What no type is given for would be guessed from the first rows.
    convert = pa.csv.ConvertOptions(
        column_types={name: types.get(name, _TEXT) for name in head},
        include_columns=None if names is None else list(names),
        strings_can_be_null=True,
    )
    parse = _parse(aside)
    try:
        # Only one thread knows in which row it is.
        yield from _read(place, parse, convert, threads=aside is None)
    except pa.ArrowInvalid:
        if aside is None:
            for _ in _read(place, parse, convert, threads=False):
                pass
        raise


def _read(place: Place, parse: Any, convert: Any, *, threads: bool) -> Iterator[pa.RecordBatch]:
    read = pa.csv.ReadOptions(block_size=_BLOCK, use_threads=threads)
    with (
        text_of(place) as stream,
        pa.csv.open_csv(
            stream, read_options=read, parse_options=parse, convert_options=convert
        ) as reader,
    ):
        yield from reader


def _parse(handler: Any) -> Any:
    return pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=handler)


def _skip(_: Any) -> str:
    return "skip"


def text_of(place: Place) -> Any:
    """A stream of a text file, decompressed by the end of its name."""
    return place.system.open_input_stream(place.path, compression="detect", buffer_size=1 << 20)
