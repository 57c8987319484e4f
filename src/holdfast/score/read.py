"""Reading: the batches of a split, in the order of its rows, a bounded number of bytes at a time.

CSV (csv_file.py) is read as MLflow reads it, in the signature's types; a column that the signature
does not name stays text, so that nothing of a key is lost. JSON lines have JSON's types.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from holdfast.errors import InputError
from holdfast.score.csv_file import Aside, read_csv, read_head, text_of
from holdfast.score.place import Place, explained
from holdfast.score.plan import Split, is_compressed

# Of a batch; wide rows come fewer at a time.
_BYTES = 64 << 20
# Of text that is parsed at a time.
_BLOCK = 4 << 20
_LONGEST_LINE = 256 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of each split.

    Attributes:
        names: The columns, in this order; None for all.
        types: Of columns of text formats; what is not named is text, in JSON what it looks like.
        rows: The most of a batch.
    """

    names: tuple[str, ...] | None
    types: Mapping[str, pa.DataType]
    rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a split has, before it is read: its columns, its rows where that is known.

    Of text `rows` is a guess. `nulls` counts those of a column, where the file says.
    """

    schema: pa.Schema
    rows: int | None = None
    nulls: Mapping[str, int] | None = None


def inspect(split: Split, *, lenient: bool = False) -> Found:
    """The columns of a split, from its footer or its first rows.

    Args:
        split: The split.
        lenient: Lines of CSV that are no rows are nothing to stop at.

    Raises:
        InputError: It cannot be read, or is cut short.
    """
    place = split.file.place
    with explained(place.name, "read"):
        if split.format == "parquet":
            with place.system.open_input_file(place.path) as file:
                return _inspect_parquet(pq.ParquetFile(file))
        if split.format == "arrow":
            with place.system.open_input_file(place.path) as file, pa.ipc.open_file(file) as reader:
                return Found(reader.schema)
        with text_of(place) as stream:
            first = next(_blocks(stream, place.name), b"")
        rows = _about(first, split)
        if split.format == "csv":
            names = read_head(place, lenient=lenient)
            schema = pa.schema([(name, pa.string()) for name in names])
            return Found(schema, rows and rows - 1)
        schema = pa.json.read_json(io.BytesIO(first)).schema if first.strip() else pa.schema([])
        return Found(schema, rows)


def _about(first: bytes, split: Split) -> int | None:
    """How many lines a text file has, by the first of them; None where it is compressed."""
    if is_compressed(split.file.below):
        return None
    lines = first.count(b"\n") + (not first.endswith(b"\n"))
    return lines * split.file.size // max(1, len(first))


def read_batches(
    split: Split, wanted: Wanted, aside: Aside | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of a split, as batches of `wanted.rows` rows, the last one shorter.

    Args:
        split: The split.
        wanted: What is read of it.
        aside: Takes lines of CSV that are no rows; None: they cannot be read.

    Raises:
        InputError: It cannot be read to its end.
    """
    place = split.file.place
    if split.format == "csv":
        reading = read_csv(place, wanted.names, wanted.types, aside)
    else:
        reading = _READERS[split.format](place, wanted)
    batches = _even(reading, wanted.rows)
    while True:
        with explained(place.name, "read"):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _inspect_parquet(file: pq.ParquetFile) -> Found:
    about, schema = file.metadata, file.schema_arrow
    places = {about.schema.column(at).path: at for at in range(about.num_columns)}
    nulls = {
        name: sum(_nulls(about.row_group(group).column(places[name])) for group in _groups(about))
        for name in schema.names
        if name in places
    }
    return Found(schema, about.num_rows, nulls)


def _groups(about: Any) -> range:
    return range(about.num_row_groups)


def _nulls(chunk: Any) -> int:
    known = chunk.statistics
    return int(known.null_count) if known is not None and known.has_null_count else 0


def _read_parquet(place: Place, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    with place.system.open_input_file(place.path) as file:
        # Column chunks are read piece by piece: a row group may be as large as the file.
        parquet = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        about = parquet.metadata
        size = sum(about.row_group(group).total_byte_size for group in _groups(about))
        rows = min(wanted.rows, max(1, _BYTES * about.num_rows // max(1, size)))
        for batch in parquet.iter_batches(rows, columns=_names(wanted)):
            yield _ordered(batch, wanted.names)


def _read_arrow(place: Place, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    with place.system.open_input_file(place.path) as file, pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield _ordered(reader.get_batch(number), wanted.names)


def _read_jsonl(place: Place, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    schema = pa.schema(list(wanted.types.items()))
    read = pa.json.ReadOptions(block_size=_LONGEST_LINE)
    with text_of(place) as stream:
        for block in _blocks(stream, place.name):
            parse = pa.json.ParseOptions(explicit_schema=schema)
            table = pa.json.read_json(io.BytesIO(block), read_options=read, parse_options=parse)
            if wanted.names is not None:
                table = table.select(list(wanted.names))
            # What the first block's values look like, all are.
            schema = pa.unify_schemas([schema, _known(table.schema)])
            yield from table.to_batches()


def _known(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in schema if not pa.types.is_null(field.type)])


def _blocks(stream: Any, name: str) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time."""
    rest = b""
    while True:
        more = bytes(stream.read(_BLOCK))
        if not more:
            break
        cut = more.rfind(b"\n") + 1
        if cut:
            yield rest + more[:cut]
            rest = more[cut:]
        else:
            rest += more
        if len(rest) > _LONGEST_LINE:
            raise InputError(f"{name} has a line of over {_LONGEST_LINE >> 20} MiB")
    if rest.strip():
        yield rest


def _names(wanted: Wanted) -> list[str] | None:
    return None if wanted.names is None else list(wanted.names)


def _ordered(batch: pa.RecordBatch, names: Sequence[str] | None) -> pa.RecordBatch:
    return batch if names is None else batch.select(list(names))


def _even(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `rows`, but for the last one."""
    held: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        at = 0
        while at < batch.num_rows:
            piece = batch.slice(at, rows - count)
            at += piece.num_rows
            held.append(piece)
            count += piece.num_rows
            size += piece.nbytes
            if count == rows or size >= _BYTES:
                yield _one(held)
                held, count, size = [], 0, 0
    if held:
        yield _one(held)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


_READERS = {
    "parquet": _read_parquet,
    "arrow": _read_arrow,
    "jsonl": _read_jsonl,
}
