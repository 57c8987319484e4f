"""What a model gets of a batch is what `to_pandas`, and MLflow's own check, would give it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_schema
from mlflow.types import ColSpec, Schema

from holdfast.errors import InputError
from holdfast.score.columns import Column, castable
from holdfast.score.sent import encode_batch
from holdfast.worker import payload

NOON = dt.datetime(2026, 1, 2, 12)  # noqa: DTZ001 - as files have it
# Arrays by the MLflow types that they are to be tried for, and then some.
ARRAYS = {
    "bool": pa.array([True, False, True]),
    "bool with null": pa.array([True, None, False]),
    **{f"int{bits}": pa.array([1, -2, 3], f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": pa.array([1, 2, 3], f"uint{bits}") for bits in (8, 16, 32, 64)},
    "int64 with null": pa.array([1, None, 3]),
    "float": pa.array([1.5, None, float("nan")], pa.float32()),
    "double": pa.array([1.5, None, float("inf")]),
    "text": pa.array(["Genève", None, ""]),
    "large text": pa.array(["a", "b", "c"], pa.large_string()),
    "bytes": pa.array([b"a", None, b"\x00"]),
    "seconds": pa.array([NOON, None, NOON], pa.timestamp("s")),
    "nanoseconds": pa.array([NOON, None, NOON], pa.timestamp("ns")),
    "zoned": pa.array([NOON, None, NOON], pa.timestamp("us", "Europe/Zurich")),
    "date": pa.array([NOON.date(), None, NOON.date()]),
    "decimal": pa.array([Decimal("1.5"), None, Decimal(2)]),
}
KINDS = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]


def crossed(batch, columns=(), gap="None"):
    header, buffers = encode_batch(batch, columns, gap=gap)
    return payload.decode(header, [bytearray(memoryview(buffer)) for buffer in buffers])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ARRAYS)
def test_a_column_arrives_as_after_mlflows_own_check_or_is_refused_as_there(name, kind):
    batch = pa.record_batch({"x": ARRAYS[name]})
    schema = Schema([ColSpec(kind, "x")])
    try:
        expected = _enforce_schema(batch.to_pandas(), schema)
    # What it raises on odd types is not always its own.
    except (MlflowException, TypeError, ValueError):
        with pytest.raises(InputError):
            refused(batch, kind)
        return
    if (name, kind) in LENIENT or name == "date":
        return
    assert castable(batch.schema.field("x").type, kind)
    pd.testing.assert_frame_equal(crossed(batch, [Column("x", kind)]), expected, check_exact=True)


# MLflow passes on objects of any kind as text or bytes, and integers of only 0 and 1 as floats:
# whether they fit would depend on the rows.
LENIENT = {
    *(("bool with null", kind) for kind in ("string", "binary")),
    *(("decimal", kind) for kind in KINDS),
    *(("text", "binary"), ("bytes", "string"), ("large text", "binary")),
    *(("int64 with null", kind) for kind in ("float", "double")),
    *(("text", "boolean"), ("bytes", "boolean"), ("large text", "boolean")),
    *(("float", "boolean"), ("bool with null", "float"), ("bool with null", "double")),
}


def refused(batch, kind):
    """A type that does not fit is refused by its schema, before; a value when it is sent."""
    if not castable(batch.schema.field("x").type, kind):
        raise InputError(kind)
    crossed(batch, [Column("x", kind)])


@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in ("decimal", "date")])
@pytest.mark.parametrize("offset", [0, 1])
def test_without_a_signature_a_column_arrives_as_pandas_has_it(name, offset):
    batch = pa.record_batch({"x": ARRAYS[name], "n": pa.array([1, 2, 3])}).slice(offset)
    expected = batch.to_pandas()
    pd.testing.assert_frame_equal(crossed(batch), expected, check_exact=True)


def test_neighbours_of_one_type_are_one_buffer():
    batch = pa.record_batch({name: pa.array([1.0, 2.0]) for name in "abc"})
    header, buffers = encode_batch(batch)
    assert header["columns"] == [{"type": "<f8", "width": 3, "buffers": [0]}]
    assert len(buffers) == 1


def test_a_single_column_of_numbers_is_not_copied():
    array = pa.array(range(1000))
    _, (buffer,) = encode_batch(pa.record_batch({"x": array.slice(10)}))
    here = pa.py_buffer(buffer).address
    assert here == array.buffers()[1].address + 80


def test_text_of_a_slice_is_sent_without_the_rest():
    batch = pa.record_batch({"x": ["long" * 1000, "é", None]}).slice(1)
    header, buffers = encode_batch(batch)
    assert sum(memoryview(buffer).nbytes for buffer in buffers) < 100
    assert crossed(batch).x.fillna("-").tolist() == ["é", "-"]
    assert header["rows"] == 2


def test_missing_text_of_a_csv_is_what_read_csv_makes_of_it():
    frame = crossed(pa.record_batch({"x": ["a", None]}), gap="nan")
    assert isinstance(frame.x[1], float)


def test_dictionaries_lists_and_structures():
    batch = pa.record_batch(
        {
            "d": pa.array(["a", "b", "a"]).dictionary_encode(),
            "l": pa.array([[1.5, float("nan")], [], None]),
            "s": pa.array([{"k": 1}, {"k": None}, None]),
        }
    )
    frame = crossed(batch)
    assert frame.d.tolist() == ["a", "b", "a"]
    assert frame.l[0][0] == 1.5
    assert frame.l[0][1] != frame.l[0][1]
    assert frame.s.tolist() == [{"k": 1}, {"k": None}, None]


def test_a_value_that_does_not_fit_names_its_column():
    with pytest.raises(InputError, match="column when cannot be made datetime"):
        crossed(
            pa.record_batch({"when": pa.array([2**60], pa.timestamp("s"))}),
            [Column("when", "datetime")],
        )
    with pytest.raises(InputError, match="column n has nulls, which long has no room for"):
        crossed(pa.record_batch({"n": pa.array([1, None])}), [Column("n", "long")])


def test_no_rows_and_rows_of_nothing_but_nulls():
    assert crossed(pa.record_batch({"x": pa.array([], pa.string())})).x.tolist() == []
    assert crossed(pa.record_batch({"x": pa.nulls(2)}), [Column("x", "string")]).x.isna().all()
    numbers = crossed(pa.record_batch({"x": pa.nulls(2)}), [Column("x", "double")])
    assert numbers.x.isna().all()
    assert numbers.x.dtype == "float64"
