"""What is scored: ten columns of doubles and a key, as CSV or Parquet, batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

KEY = "id"
FORMATS = ("csv", "parquet")
_BATCH = 131_072


def make_rows(path: Path, rows: int) -> Path:
    """A file of `rows` rows, by its suffix; as it is where it is there already.

    Never more than a batch in memory. Six decimals, as files mostly have them: pyarrow reads
    those quicker than seventeen, for everybody alike.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    part = path.with_suffix(".part")
    with _writer(part, path.suffix) as writer:
        for start in range(0, rows, _BATCH):
            writer.write_batch(_batch(random, start, min(_BATCH, rows - start)))
    return part.rename(path)


def _writer(path: Path, suffix: str) -> Any:
    schema = _batch(np.random.default_rng(1), 0, 1).schema
    kind = pyarrow.parquet.ParquetWriter if suffix == ".parquet" else pyarrow.csv.CSVWriter
    return kind(path, schema)


def _batch(random: np.random.Generator, start: int, rows: int) -> pa.RecordBatch:
    columns = {KEY: np.arange(start, start + rows)}
    columns |= {f"x{number}": random.normal(size=rows).round(6) for number in range(10)}
    return pa.RecordBatch.from_pydict(columns)
