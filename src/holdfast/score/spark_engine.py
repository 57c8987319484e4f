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
    from pyspark.sql.types import StructType

# What Spark has for Arrow's types of predictions: the type to cast to, and Spark's name of it.
_PLAIN: dict[pa.DataType, tuple[pa.DataType, str]] = {
    pa.bool_(): (pa.bool_(), "boolean"),
    pa.int8(): (pa.int8(), "tinyint"),
    pa.int16(): (pa.int16(), "smallint"),
    pa.int32(): (pa.int32(), "int"),
    pa.int64(): (pa.int64(), "bigint"),
    pa.uint8(): (pa.int16(), "smallint"),
    pa.uint16(): (pa.int32(), "int"),
    pa.uint32(): (pa.int64(), "bigint"),
    pa.uint64(): (pa.decimal128(20, 0), "decimal(20,0)"),
    pa.float16(): (pa.float32(), "float"),
    pa.float32(): (pa.float32(), "float"),
    pa.float64(): (pa.float64(), "double"),
    pa.string(): (pa.string(), "string"),
    pa.large_string(): (pa.string(), "string"),
    pa.binary(): (pa.binary(), "binary"),
    pa.large_binary(): (pa.binary(), "binary"),
    pa.date32(): (pa.date32(), "date"),
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
    promised = []
    for field in answered:
        arrow, name = in_spark(field.type, field.name)
        promised.append(pa.field(field.name, arrow))
        schema = schema.add(field.name, name)
    return Predicting(order, pa.schema(promised)), schema


def in_spark(kind: pa.DataType, name: str) -> tuple[pa.DataType, str]:
    """What Spark has for a type of Arrow's: the type to cast to, and Spark's name of it.

    Raises:
        InputError: It has none; `name` is the column's.
    """
    if kind in _PLAIN:
        return _PLAIN[kind]
    if types.is_timestamp(kind):
        return (
            (pa.timestamp("us", "UTC"), "timestamp")
            if kind.tz
            else (pa.timestamp("us"), "timestamp_ntz")
        )
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        arrow, inner = in_spark(kind.value_type, name)
        return pa.list_(arrow), f"array<{inner}>"
    raise InputError(f"column {name} is {kind}, for which Spark has no type")


def _local_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Moments as the session's clocks show them: what a pandas UDF, and MLflow's, are given."""
    columns = [
        pc.local_timestamp(column) if types.is_timestamp(column.type) and column.type.tz else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
