"""Predicting on Spark: what `DataFrame.mapInArrow` takes, and whole jobs from files to files.

Spark reads and writes. Its executors run the tasks (task.py), each node made ready once (node.py).
Spark writes under temporary names until the whole job is done, so what a refused node leaves is
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from holdfast.errors import InputError, ModelError
from holdfast.model import Model
from holdfast.score.node import Order, heed_refusals
from holdfast.score.schema import answer_schema
from holdfast.score.task import answer, place_order

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

# What Arrow's types of predictions are brought to, where Spark has no type for them as they are.
_NEAREST: dict[pa.DataType, pa.DataType] = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.large_string(): pa.string(),
    pa.large_binary(): pa.binary(),
}


@dataclass(frozen=True, slots=True)
class Predicting:
    """The function for `mapInArrow`: batches of the input to batches of the output.

    Attributes:
        order: What the nodes are to do.
        predictions: The types that the predictions are brought to, which Spark was promised.
    """

    order: Order
    predictions: pa.Schema

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Predict; a partition without rows starts nothing."""
        heed_refusals(self.order)
        for batch in batches:
            if batch.num_rows:
                yield self._promised(answer(self.order, _local_times(batch)), batch)

    def _promised(self, found: pa.RecordBatch, given: pa.RecordBatch) -> pa.RecordBatch:
        kept = [given.column(name) for name in self.order.keep]
        names = found.schema.names[len(kept) :]
        if names != self.predictions.names:
            raise ModelError(
                f"the model answers with the columns {', '.join(names)}, and with "
                f"{', '.join(self.predictions.names)} when it was logged"
            )
        try:
            cast = [found.column(field.name).cast(field.type) for field in self.predictions]
        except pa.ArrowException as error:
            raise ModelError(f"the model answers otherwise than when it was logged: {error}") from (
                error
            )
        return pa.RecordBatch.from_arrays([*kept, *cast], names=[*self.order.keep, *names])


def spark(  # noqa: PLR0913 - an option means the same in every verb
    model: Model | str,
    *,
    keep: StructType | None = None,
    receipts: str = "",
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    timeout: float = 300.0,
) -> tuple[Predicting, StructType]:
    """What `mapInArrow` takes to predict with `model`, in its sealed environment on every node.

        matches.mapInArrow(*holdfast.spark("models:/m@champion", keep=matches.select("id").schema))

    Every node needs `holdfast[spark]` in the executors' Python, of any version, and HOLDFAST_HOME
    or a home folder to keep environments in.

    Args:
        model: What `open_model` gives, or takes; the nodes open it, too.
        keep: The columns that stand before the predictions, with their types.
        receipts: A folder, or URI of one, that each node writes its receipt to.
        slim: In an environment of only the packages that the model was seen to need.
        slim_include: Packages that this environment has in any case.
        offline: Fetch no package.
        strict: Refuse another patch release of Python than the sealed one.
        timeout: Seconds for loading, and for each batch.

    Returns:
        The function and the schema of what it yields.

    Raises:
        InputError: The model is not there, or nothing says which types it answers with.
        SealError: It is not sealed.
    """
    names = tuple(keep.names) if keep is not None else ()
    order, opened = place_order(
        model,
        keep=names,
        receipts=receipts,
        slim=slim,
        slim_include=tuple(slim_include),
        offline=offline,
        strict=strict,
        timeout=timeout,
    )
    return for_spark(order, answer_schema(opened), keep)


def for_spark(
    order: Order, answered: pa.Schema | None, keep: StructType | None
) -> tuple[Predicting, StructType]:
    """The function and its schema, with Spark's types for those of `answered`.

    Raises:
        InputError: They are not known, or Spark has none for one.
    """
    if answered is None:
        raise InputError(
            "nothing says which types the model answers with; Spark wants to know beforehand",
            hint="log the model with an input_example or a signature",
        )
    from pyspark.sql.types import StructType

    schema = StructType(list(keep.fields) if keep is not None else [])
    promised = pa.schema([(one.name, brought_to(one.type, one.name)) for one in answered])
    for field in promised:
        schema = schema.add(field.name, in_spark(field.type, field.name))
    return Predicting(order, promised), schema


def brought_to(kind: pa.DataType, name: str) -> pa.DataType:
    """The type of Arrow's to cast to, so that Spark has one for it.

    Raises:
        InputError: There is none; `name` is the column's.
    """
    if types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(brought_to(kind.value_type, name))
    found = _NEAREST.get(kind, kind)
    in_spark(found, name)
    return found


def in_spark(kind: pa.DataType, name: str) -> DataType:
    """Spark's type for one of Arrow's.

    Raises:
        InputError: It has none; `name` is the column's.
    """
    from pyspark.errors import PySparkTypeError
    from pyspark.sql.pandas.types import from_arrow_type

    try:
        return from_arrow_type(kind, prefer_timestamp_ntz=True)
    except PySparkTypeError as error:
        raise InputError(f"column {name} is {kind}, for which Spark has no type") from error


def _local_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Moments as the session's clocks show them: what a pandas UDF, and MLflow's, are given."""
    columns = [
        pc.local_timestamp(column) if types.is_timestamp(column.type) and column.type.tz else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
