"""Writing: one output for a split, under another name until it is whole.

What was rejected goes beside it, as JSON lines, and comes to its place first: an output is never
there without them. On this machine's disks both are on the disk before they have their names.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from holdfast.errors import ModelError
from holdfast.score.book import OWN, Done
from holdfast.score.place import Place, explained

REJECTED = "_rejected"
# Of a row group: as readers want them, however few rows the model is given at once.
_GROUP_ROWS = 262_144
_GROUP_BYTES = 64 << 20
WRITING = f"{OWN}/writing"


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


class Output:
    """The output of one split.

    Args:
        folder: Where outputs go.
        name: The output's, below it.
        kind: Its format.
        schema: Of a split without a row; else the first batch says.
    """

    def __init__(self, folder: Place, name: str, kind: str, schema: pa.Schema) -> None:
        self._folder = folder
        self._name = name
        self._kind = kind
        self._schema = schema
        self._rows = self._rejected = 0
        self._open = ExitStack()
        self._writer: _Writer | None = None
        self._aside: Any = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        Raises:
            ModelError: They are not of the types of the first ones.
            InputError: They cannot be written in this format.
            StoreError: The disk is full.
        """
        if not batch.num_rows:
            return
        if self._writer is None:
            self._begin(batch.schema)
        assert self._writer is not None  # noqa: S101 - _begin has made it
        if batch.schema != self._schema:
            batch = self._as_before(batch)
        with explained(self._written.name, "written"):
            self._writer.write_batch(batch)
        self._rows += batch.num_rows

    def reject(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Note rows that are not answered, as JSON.

        Raises:
            InputError: They cannot be written.
            StoreError: The disk is full.
        """
        if not rows:
            return
        with explained(self._refused.name, "written"):
            if self._aside is None:
                self._aside = self._sink(self._half(self._refused))
            self._aside.write(b"".join(map(_json, rows)))
        self._rejected += len(rows)

    def finish(self) -> Done:
        """Give the output its name; what it came to.

        Raises:
            HoldfastError: As of `write`.
        """
        if self._writer is None:
            self._begin(self._schema)
        with explained(self._written.name, "written"):
            self._open.close()
            if self._aside is not None:
                self._place(self._refused)
            elif self._refused.info().is_file:
                self._refused.system.delete_file(self._refused.path)
            self._place(self._written)
        return Done(rows=self._rows, rejected=self._rejected, bytes=self._written.info().size or 0)

    def abandon(self) -> None:
        """Leave nothing behind."""
        # A full disk fails once more when a file is closed.
        with suppress(OSError, pa.ArrowException):
            self._open.close()
        for place in (self._written, self._refused):
            with suppress(OSError):
                place.system.delete_file(self._half(place).path)

    @property
    def _written(self) -> Place:
        return self._folder / self._name

    @property
    def _refused(self) -> Place:
        return self._folder / f"{REJECTED}/{self._name}.jsonl"

    def _half(self, place: Place) -> Place:
        """Where a file is until it is whole."""
        ending = ".rejected" if place == self._refused else ""
        half = self._folder / f"{WRITING}/{self._name}{ending}"
        return Place(half.system, half.path, place.name)

    def _begin(self, schema: pa.Schema) -> None:
        self._schema = schema
        with explained(self._written.name, "written"):
            sink = self._sink(self._half(self._written))
            self._writer = _WRITERS[self._kind](sink, schema)
            self._open.callback(self._writer.close)

    def _sink(self, place: Place) -> Any:
        place.system.create_dir(place.path.rpartition("/")[0], recursive=True)
        return self._open.enter_context(place.system.open_output_stream(place.path))

    def _place(self, place: Place) -> None:
        half = self._half(place)
        if place.is_local:
            _flush(half.path)
        place.system.create_dir(place.path.rpartition("/")[0], recursive=True)
        place.system.move(half.path, place.path)

    def _as_before(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            return (
                pa.Table.from_batches([batch]).cast(self._schema).combine_chunks().to_batches()[0]
            )
        except (pa.ArrowException, ValueError) as error:
            raise ModelError(
                f"the model answers in other types than before, at row {self._rows} of "
                f"{self._written.name}: {error}"
            ) from error


class _Groups:
    """Parquet: batches are held until they make a row group."""

    def __init__(self, sink: Any, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(sink, schema)
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write()

    def close(self) -> None:
        """Write what is held, and the end of the file."""
        with ExitStack() as last:
            last.callback(self._writer.close)
            self._write()

    def _write(self) -> None:
        held, self._held = self._held, []
        rows, self._rows, self._bytes = self._rows, 0, 0
        if held:
            self._writer.write_table(pa.Table.from_batches(held), row_group_size=rows)


class _Lines:
    """JSON lines."""

    def __init__(self, sink: Any, _: pa.Schema) -> None:
        self._sink = sink

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._sink.write(b"".join(map(_json, batch.to_pylist())))

    def close(self) -> None:
        """The sink is closed by whoever has opened it."""


def _json(value: Any) -> bytes:
    return json.dumps(_plain(value), ensure_ascii=False, default=str).encode() + b"\n"


def _plain(value: Any) -> Any:
    """NaN and the infinities, which JSON does not have, as null; dates as ISO 8601."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_WRITERS: dict[str, Any] = {
    "parquet": _Groups,
    "csv": pa.csv.CSVWriter,
    "arrow": pa.ipc.new_file,
    "jsonl": _Lines,
}
