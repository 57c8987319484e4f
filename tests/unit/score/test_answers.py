"""What a model answers becomes columns, whatever it answers with."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from holdfast.errors import ModelError
from holdfast.score.answers import decode_answer
from holdfast.worker.payload import encode


def table(answer, rows=None):
    header, buffers = encode(answer)
    return decode_answer(header, [memoryview(buffer).cast("B") for buffer in buffers], rows)


@pytest.mark.parametrize("kind", ["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8"])
def test_one_number_a_row(kind):
    array = np.array([0, 1, 1], dtype=kind)
    batch = table(array, 3)
    assert batch.schema.names == ["prediction"]
    assert batch.schema.types == [pa.from_numpy_dtype(array.dtype)]
    assert batch.column(0).to_pylist() == array.tolist()


@pytest.mark.parametrize("order", ["C", "F"])
def test_several_numbers_a_row(order):
    array = np.arange(6.0).reshape(2, 3).copy(order)
    assert table(array, 2).to_pydict() == {
        "prediction_0": [0.0, 3.0],
        "prediction_1": [1.0, 4.0],
        "prediction_2": [2.0, 5.0],
    }


def test_a_matrix_of_one_column_is_one_prediction():
    assert table(np.array([[1], [2]]), 2).to_pydict() == {"prediction": [1, 2]}


@pytest.mark.parametrize(
    "answer",
    [np.array(["old", "über"]), np.array(["old", "über"], dtype=object), ["old", "über"]],
    ids=["fixed", "objects", "list"],
)
def test_labels(answer):
    assert table(answer, 2).to_pydict() == {"prediction": ["old", "über"]}


def test_a_table_keeps_its_columns():
    when = pd.to_datetime(["2026-01-02", None])
    frame = pd.DataFrame(
        {
            "a": [1.5, float("nan")],
            "b": [2, 3],
            "c": [4, 5],
            "s": ["x", None],
            "k": pd.Categorical(["u", None]),
            "i": pd.array([1, None], dtype="Int64"),
            "t": pd.array(["x", None], dtype="string"),
            "when": when,
            "zoned": when.tz_localize("Europe/Zurich"),
            "l": [[1], [2, 3]],
        }
    )
    found = table(frame, 2).to_pydict()
    assert math.isnan(found.pop("a")[1])
    assert found == {
        "b": [2, 3],
        "c": [4, 5],
        "s": ["x", None],
        "k": ["u", None],
        "i": [1, None],
        "t": ["x", None],
        "when": [when[0], None],
        "zoned": [when.tz_localize("Europe/Zurich")[0], None],
        "l": [[1], [2, 3]],
    }


def test_a_series_has_its_name_or_is_the_prediction():
    assert table(pd.Series([1, 2]), 2).to_pydict() == {"prediction": [1, 2]}
    assert table(pd.Series([1, 2], name="x"), 2).to_pydict() == {"x": [1, 2]}
    assert table(pd.DataFrame(np.ones((2, 2))), 2).schema.names == ["0", "1"]


def test_records_and_dictionaries_are_tables():
    assert table([{"a": 1, "b": "x"}, {"a": 2, "b": None}], 2).to_pydict() == {
        "a": [1, 2],
        "b": ["x", None],
    }
    assert table({"a": np.array([1, 2]), "b": np.array([0.5, 1.5])}, 2).schema.names == ["a", "b"]
    assert table({"a": [1, 2], "b": ["x", "y"]}, 2).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("answer", [np.arange(3), [1], pd.DataFrame({"a": [1, 2, 3]})])
def test_another_number_of_answers_than_rows_is_refused(answer):
    with pytest.raises(ModelError, match="answers for 2 rows"):
        table(answer, 2)


@pytest.mark.parametrize(
    "answer", [np.zeros((2, 2, 2)), 7, [1, "x"], {"a": [1], "b": [1, 2]}, np.zeros(2, "c16")]
)
def test_what_is_no_table_is_refused(answer):
    with pytest.raises(ModelError):
        table(answer, 2)


def test_text_with_offsets_that_lead_elsewhere_is_refused():
    header, buffers = encode(np.array(["a", "b"], dtype=object))
    bent = np.array([0, 900, 2], dtype="<i8").tobytes()
    with pytest.raises(ModelError):
        decode_answer(header, [memoryview(bent), memoryview(bytes(buffers[1]))], 2)
