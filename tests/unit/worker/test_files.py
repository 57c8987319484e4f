"""Files as a model's input, and answers as files."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

from holdfast.worker import files

COLUMNS = Schema(
    [
        ColSpec("string", "code"),
        ColSpec("integer", "n"),
        ColSpec("double", "x"),
        ColSpec("datetime", "at", required=False),
    ]
)
PARAMS = ParamSchema([ParamSpec("temperature", "double", 1.0)])
CSV = b"n,code,x\n2,007,1\n1,,2.5\n"


def read(data, file_format="json", schema=COLUMNS, params=None):
    metadata = Model(signature=ModelSignature(inputs=schema, params=params) if schema else None)
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return files.read(file_format, [data], metadata)


def test_csv_is_read_with_the_signatures_types():
    frame, params = read(CSV, "csv")
    assert params == {}
    assert frame["code"].tolist()[0] == "007"
    assert frame["code"].isna().tolist() == [False, True]
    assert (frame["n"].dtype, frame["x"].dtype) == (np.int32, np.float64)


def test_csv_without_a_signature_is_read_as_pandas_reads_it():
    frame, _ = read(CSV, "csv", schema=None)
    assert frame["code"].tolist()[0] == 7.0


def test_dates_in_csv_are_dates():
    frame, _ = read(b"code,n,x,at\na,1,1,2020-01-02T03:04:05\nb,2,2,\n", "csv")
    assert frame["at"][0] == pd.Timestamp("2020-01-02T03:04:05")
    assert frame["at"][1] is pd.NaT


ROWS = [{"code": "007", "n": 1, "x": 1.5}, {"code": "8", "n": 2, "x": 2}]


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_records": ROWS},
        {
            "dataframe_split": {
                "columns": ["code", "n", "x"],
                "data": [["007", 1, 1.5], ["8", 2, 2]],
            }
        },
        ROWS,
        {"code": ["007", "8"], "n": [1, 2], "x": [1.5, 2]},
    ],
    ids=["records", "split", "list", "columns"],
)
def test_every_shape_of_json_gives_the_same_table(document):
    frame, _ = read(document)
    assert frame["code"].tolist() == ["007", "8"]
    assert (frame["n"].dtype, frame["x"].dtype) == (np.int32, np.float64)


def test_instances_and_inputs_are_tensors():
    schema = Schema([TensorSpec(np.dtype("float32"), (-1, 2))])
    for name in ("instances", "inputs"):
        array, _ = read({name: [[1, 2], [3, 4]]}, schema=schema)
        assert (array.dtype, array.shape) == (np.float32, (2, 2))


def test_parameters_stand_beside_the_data():
    assert read({"dataframe_records": ROWS, "params": {"temperature": 0.5}})[1] == {
        "temperature": 0.5
    }


def test_what_language_models_take_is_left_as_it_is():
    document = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}
    assert read(document, params=PARAMS) == (
        {"messages": [{"role": "user", "content": "hi"}]},
        {"temperature": 0.5},
    )


def test_parquet_is_read():
    frame, _ = read(pd.DataFrame(ROWS).to_parquet(), "parquet")
    assert frame["code"].tolist() == ["007", "8"]


@pytest.mark.parametrize(
    ("data", "file_format", "message"),
    [
        (b"code,n,x\na,b,c\n", "csv", "not a csv file that fits the model"),
        (b"code,n,x,at\na,1,1,never\n", "csv", "not a csv file that fits the model"),
        (b"\xff\xfe", "csv", "not a csv file"),
        (b"nonsense", "parquet", "not a parquet file"),
        (b"{", "json", "not a json file"),
        (b"[" * 100_000, "json", "nested too deeply"),
        (b"5", "json", "expected a JSON list or object, found int"),
        (b'{"a": 1}', "json", "expected one of dataframe_split"),
        (b'{"inputs": 1, "instances": 1}', "json", "found instances, inputs"),
        (b'{"inputs": 1, "params": 1}', "json", "params must be an object"),
        (b'{"dataframe_split": 5}', "json", "not a json file that fits"),
        (b"", "xml", "format 'xml' is not one of csv, json, parquet"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data, file_format, message):
    with pytest.raises(files.FileError, match=message):
        read(data, file_format)


DAY = pd.Timestamp("2020-01-02")
ANSWERS = {
    "column": (np.array([1.5, np.nan], "f4"), 'prediction\n1.5\n""\n', [1.5, None]),
    "one wide": (np.array([[1], [2]]), "prediction\n1\n2\n", [[1], [2]]),
    "matrix": (np.eye(2, dtype=int), "prediction_0,prediction_1\n1,0\n0,1\n", [[1, 0], [0, 1]]),
    "sparse": (scipy.sparse.csr_matrix([[1, 0]]), "prediction_0,prediction_1\n1,0\n", [[1, 0]]),
    "series": (pd.Series(["a", None]), 'prediction\na\n""\n', ["a", None]),
    "frame": (
        pd.DataFrame({"p": [1, 2], 3: ["x", "y,z"]}, index=[5, 4]),
        'p,3\n1,x\n2,"y,z"\n',
        [{"p": 1, "3": "x"}, {"p": 2, "3": "y,z"}],
    ),
    "list": (["a", "b", None], 'prediction\na\nb\n""\n', ["a", "b", None]),
    "lists": ([[1, 2], [3]], 'prediction\n"[1, 2]"\n[3]\n', [[1, 2], [3]]),
    "records": ([{"a": 1}, {"b": "x"}], "a,b\n1.0,\n,x\n", [{"a": 1}, {"b": "x"}]),
    "columns": (
        {"a": np.array([1, 2]), "b": np.eye(2, dtype=int)},
        'a,b\n1,"[1, 0]"\n2,"[0, 1]"\n',
        {"a": [1, 2], "b": [[1, 0], [0, 1]]},
    ),
    "text": ("hi", "prediction\nhi\n", "hi"),
    "date": ([DAY, pd.NaT], 'prediction\n2020-01-02\n""\n', ["2020-01-02T00:00:00", None]),
    "nothing": ([], "prediction\n", []),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_as_a_file(name):
    answer, as_csv, as_json = ANSWERS[name]
    assert files.write("csv", answer).decode() == as_csv
    assert json.loads(files.write("json", answer)) == {"predictions": as_json}
    back = pd.read_parquet(io.BytesIO(files.write("parquet", answer)))
    assert back.columns.tolist() == as_csv.splitlines()[0].split(",")


def test_what_a_format_cannot_hold_is_refused():
    with pytest.raises(files.FileError, match=r"shape \(1, 1, 1\), which is no table; use JSON"):
        files.write("csv", np.zeros((1, 1, 1)))
    with pytest.raises(files.FileError, match="different lengths"):
        files.write("csv", {"a": [1, 2], "b": [1]})
    with pytest.raises(files.FileError, match="does not fit into JSON"):
        files.write("json", [object()])
    with pytest.raises(files.FileError, match="does not fit into Parquet"):
        files.write("parquet", [1, "a"])


@pytest.mark.parametrize("data", [b"code,n,x\na,1,2,3\nb,4,5,6\n", b"n,x\n1,2,3\n4,5\n"])
@pytest.mark.parametrize("schema", [COLUMNS, None])
def test_a_csv_row_with_more_fields_than_names_is_refused_not_shifted(data, schema):
    with pytest.raises(files.FileError, match="more fields"):
        read(data, "csv", schema=schema)


def test_a_comma_at_the_end_of_each_row_is_no_field():
    frame, _ = read(b"code,n,x\na,1,2,\nb,3,4,\n", "csv")
    assert frame["n"].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("row", "column"), [(b"a,1,high", "x"), (b"a,1.5,1", "n"), (b"a,,1", "n"), (b"a,one,1", "n")]
)
def test_a_csv_column_of_another_type_is_named(row, column):
    with pytest.raises(files.FileError, match=f"column '{column}' is not of type"):
        read(b"code,n,x\n" + row + b"\n", "csv")


def test_parameters_that_the_model_does_not_have_are_refused():
    model = Model(signature=ModelSignature(inputs=COLUMNS, params=PARAMS))
    files.check_params({"temperature": 2.0}, model)
    with pytest.raises(files.FileError, match="no parameter 'heat'; its parameters are temp"):
        files.check_params({"heat": 1}, model)
    with pytest.raises(files.FileError, match="it has none"):
        files.check_params({"heat": 1}, Model())
