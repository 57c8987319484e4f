"""What a task of an engine does: batches in, predictions out, by this process's one worker.

Ray and Spark both keep their Python processes from task to task. The first task in a process starts
a worker, the later ones find it; it ends with the process, however that ends.
"""

from __future__ import annotations

import atexit
from typing import Any
from uuid import uuid4

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.mlflow_store import is_moving, local_folder, named_now
from holdfast.model import Model, open_model
from holdfast.redact import printable, redact
from holdfast.score.batch import BatchScorer
from holdfast.score.node import Order, make_ready

_LONGEST_KEY = 300

_here: dict[Order, BatchScorer] = {}


def place_order(model: Model | str, **options: Any) -> tuple[Order, Model]:
    """The order for `model`, on the driver: it needs the model's files, not its environment.

    An alias is looked up here, once, so that no two nodes can mean different versions.

    Raises:
        InputError: The model is not there.
        SealError: It is not sealed.
    """
    uri = model.uri if isinstance(model, Model) else model
    if is_moving(uri):
        uri = named_now(uri)
    opened = model if isinstance(model, Model) else open_model(uri)
    folder = local_folder(uri)
    lasting = str(folder) if folder is not None else uri
    order = Order(
        model=lasting, seal=opened.digest, run=uuid4().hex, tracking=_tracking(uri), **options
    )
    return order, opened


def _tracking(uri: str) -> str:
    """Where MLflow is, for URIs that mean nothing without; never with a password in it."""
    if not uri.startswith(("models:/", "runs:/")):
        return ""
    import mlflow

    found = str(mlflow.get_tracking_uri())
    return found if redact(found) == found else ""


def scorer_for(order: Order) -> BatchScorer:
    """This process's worker with the model, started by the first task that asks.

    Raises:
        HoldfastError: The node cannot be made ready, or the model does not load.
    """
    if order not in _here:
        restored, _ = make_ready(order)
        _end_all()
        _here[order] = BatchScorer(restored, timeout=order.timeout, gap=order.gap).__enter__()
    return _here[order]


@atexit.register
def _end_all() -> None:
    while _here:
        _here.popitem()[1].__exit__(None, None, None)


def answer(order: Order, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns to keep, then the predictions, a row for each of `batch`.

    Raises:
        InputError: A column is missing, or does not fit the model.
        ModelError: The model fails on a row; says which.
    """
    scorer = scorer_for(order)
    kept = _select(batch, order.keep)
    predicted = _predicted(scorer, _given(batch, scorer, order.keep), kept)
    twice = set(order.keep) & set(predicted.schema.names)
    if twice:
        raise InputError(
            f"the predictions have a column of the same name: {', '.join(sorted(twice))}",
            hint="rename the column that is kept",
        )
    return pa.RecordBatch.from_arrays(
        [*kept.columns, *predicted.columns], schema=_both(kept.schema, predicted.schema)
    )


def _predicted(scorer: BatchScorer, given: pa.RecordBatch, kept: pa.RecordBatch) -> pa.RecordBatch:
    sifted = scorer.sift(given, stop=True)
    for bad in sifted.rejected:
        error, where = bad.error, _row(kept, bad.row)
        raise type(error)(f"{where}: {error.message}", hint=error.hint) from error
    return sifted.predictions


def _row(kept: pa.RecordBatch, number: int) -> str:
    """How a row is known: by its key, since an engine's batches are made of whatever comes."""
    if not kept.num_columns:
        return f"row {number} of the batch"
    key = ", ".join(
        f"{name} {value}" for name, value in kept.slice(number, 1).to_pylist()[0].items()
    )
    return printable(f"the row with {key}")[:_LONGEST_KEY]


def _both(one: pa.Schema, other: pa.Schema) -> pa.Schema:
    return pa.schema([*one, *other])


def _select(batch: pa.RecordBatch, names: tuple[str, ...]) -> pa.RecordBatch:
    missing = [name for name in names if name not in batch.schema.names]
    if missing:
        raise InputError(
            f"the input has no column {', '.join(missing)}; it has {', '.join(batch.schema.names)}"
        )
    return batch.select(list(names))


def _given(batch: pa.RecordBatch, scorer: BatchScorer, keep: tuple[str, ...]) -> pa.RecordBatch:
    """What the model gets: what its signature names, else all that is not only kept."""
    there = batch.schema.names
    if not scorer.columns:
        return batch.select([name for name in there if name not in keep])
    names = [one.name for one in scorer.columns if one.required or one.name in there]
    return _select(batch, tuple(names))
