"""The limit: a file scored in one process, chunk by chunk, as somebody careful would write it.

    python limit.py MODEL INPUT OUTPUT pyfunc|bare [again]

Nothing is checked, nothing is kept for a restart. `pyfunc` asks MLflow's own model for each chunk,
`bare` the library's with a NumPy array, which only fits models that want nothing else. With `again`
the model is loaded once, and the file scored for each line of stdin; its seconds are printed.
Runs in the model's environment and knows nothing of Holdfast.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

ROWS = 16384
KEY = "id"

Predict = Callable[[pa.RecordBatch], pa.Array]


def batches(path: str) -> Iterator[pa.RecordBatch]:
    """Chunks of a CSV or Parquet file; pyarrow reads ahead on its own threads."""
    kind = "parquet" if path.endswith(".parquet") else "csv"
    yield from pyarrow.dataset.dataset(path, format=kind).to_batches(batch_size=ROWS)


def pyfunc(model: str) -> Predict:
    """MLflow's model."""
    import mlflow.pyfunc

    loaded = mlflow.pyfunc.load_model(model, suppress_warnings=True)
    return lambda features: pa.array(loaded.predict(features.to_pandas()))


def bare(model: str) -> Predict:
    """The library's own model, given a matrix."""
    import mlflow.models
    import numpy as np

    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    flavors = mlflow.models.Model.load(model).flavors
    if "lightgbm" in flavors:
        import mlflow.lightgbm

        loaded = mlflow.lightgbm.load_model(model)
    else:
        import mlflow.sklearn

        loaded = mlflow.sklearn.load_model(model)

    def predict(features: pa.RecordBatch) -> pa.Array:
        matrix = np.array([column.to_numpy() for column in features])
        return pa.array(loaded.predict(matrix.T))

    return predict


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


def answered(path: str, predict: Predict) -> Iterator[pa.RecordBatch]:
    for chunk in batches(path):
        features = chunk.select([name for name in chunk.schema.names if name != KEY])
        yield pa.RecordBatch.from_arrays(
            [chunk.column(KEY), predict(features)], [KEY, "prediction"]
        )


def score(predict: Predict, path: str, output: str, *again: str) -> None:
    """Once, or once for each line of stdin."""
    for _ in sys.stdin if again else [""]:
        start = time.perf_counter()
        write(output, answered(path, predict))
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    model, path, output, call, *again = sys.argv[1:]
    score({"pyfunc": pyfunc, "bare": bare}[call](model), path, output, *again)
