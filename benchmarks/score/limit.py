"""The limit: a file scored in one process, chunk by chunk, as somebody careful would write it.

    python limit.py MODEL INPUT OUTPUT pyfunc|bare

Nothing is checked, nothing is kept for a restart. `pyfunc` asks MLflow's own model for each chunk,
`bare` the library's with a NumPy array, which only fits models that want nothing else. Runs in the
model's environment and knows nothing of Holdfast.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

ROWS = 65_536
KEY = "id"


def batches(path: str) -> Iterator[pa.RecordBatch]:
    """Chunks of a CSV or Parquet file; pyarrow reads ahead on its own threads."""
    kind = "parquet" if path.endswith(".parquet") else "csv"
    yield from pyarrow.dataset.dataset(path, format=kind).to_batches(batch_size=ROWS)


def pyfunc(model: str) -> Callable[[pa.RecordBatch], Any]:
    """MLflow's model."""
    import mlflow.pyfunc

    loaded = mlflow.pyfunc.load_model(model, suppress_warnings=True)
    return lambda features: loaded.predict(features.to_pandas())


def bare(model: str) -> Callable[[pa.RecordBatch], Any]:
    """The library's own model, given a matrix."""
    import mlflow.models

    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    flavors = mlflow.models.Model.load(model).flavors
    if "lightgbm" in flavors:
        import mlflow.lightgbm

        loaded = mlflow.lightgbm.load_model(model)
    else:
        import mlflow.sklearn

        loaded = mlflow.sklearn.load_model(model)
    return lambda features: loaded.predict(np.stack([column.to_numpy() for column in features], 1))


def write(path: str, answers: Iterator[pa.RecordBatch]) -> None:
    first = next(answers)
    if path.endswith(".parquet"):
        writer: Any = pyarrow.parquet.ParquetWriter(path, first.schema)
    else:
        writer = pyarrow.csv.CSVWriter(path, first.schema)
    with writer:
        writer.write_batch(first)
        for answer in answers:
            writer.write_batch(answer)


def answered(
    chunks: Iterator[pa.RecordBatch], predict: Callable[[pa.RecordBatch], Any]
) -> Iterator[pa.RecordBatch]:
    for chunk in chunks:
        features = chunk.select([name for name in chunk.schema.names if name != KEY])
        predictions = pa.array(predict(features))
        yield pa.RecordBatch.from_arrays([chunk.column(KEY), predictions], [KEY, "prediction"])


def main(model: str, path: str, output: str, call: str) -> None:
    predict = {"pyfunc": pyfunc, "bare": bare}[call](model)
    write(output, answered(batches(path), predict))


if __name__ == "__main__":
    main(*sys.argv[1:])
