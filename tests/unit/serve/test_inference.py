from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.serve.protocol.decoder import compile_decoder
from holdfast.serve.protocol.inference import Asked, InferenceError, read_request, translate
from holdfast.serve.protocol.inferred import write_answer
from holdfast.serve.protocol.schema import read_schema

COLUMNS = [{"type": "double", "name": "x"}, {"type": "string", "name": "city"}]
NUMBERS = [{"type": "double", "name": "a"}, {"type": "double", "name": "b"}]
TENSOR = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]
NAMED = [
    {"type": "tensor", "name": "l", "tensor-spec": {"dtype": "float32", "shape": [-1]}},
    {"type": "tensor", "name": "r", "tensor-spec": {"dtype": "float32", "shape": [-1]}},
]
ARRAYS = [{"type": "array", "items": {"type": "double"}, "name": "v"}]
MODEL = {"model_name": "m", "model_version": "3"}


def tensor(name, data, shape=None, datatype="FP64", **more):
    return {
        "name": name,
        "shape": [len(data)] if shape is None else shape,
        "datatype": datatype,
        "data": data,
        **more,
    }


def ask(signature, *inputs, params=(), **more):
    schema = read_schema(signature)
    body = json.dumps({"inputs": inputs, **more}).encode()
    return read_request(body, schema, params)


def plain(signature, *inputs):
    """What the fast path makes of it."""
    return compile_decoder(read_schema(signature)).decode(ask(signature, *inputs).body)


X = tensor("x", [1, 2.5])
CITY = tensor("city", ["Bern", "Genève"], datatype="BYTES")


@pytest.mark.parametrize(
    "inputs",
    [
        (X, CITY),
        (CITY, X),
        (tensor("x", [1, 2.5], [2, 1]), tensor("city", [["Bern"], ["Genève"]], [2, 1], "BYTES")),
        (tensor("x", [1, 2.5], datatype="FP32"), CITY),
    ],
)
def test_a_tensor_a_column(inputs):
    assert plain(COLUMNS, *inputs) == (2, [(1.0, "Bern"), (2.5, "Genève")])


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_all_columns_in_one_tensor(data):
    asked = plain(NUMBERS, tensor("input-0", data, [2, 2], "INT64"))
    assert asked == (2, [(1.0, 2.0), (3.0, 4.0)])


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_a_model_of_one_tensor(data):
    rows, array = plain(TENSOR, tensor("any", data, [2, 2]))
    assert (rows, array.tolist()) == (2, [[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    ("signature", "inputs", "expected"),
    [
        (NAMED, (tensor("l", [1]), tensor("r", [2])), {"inputs": {"l": [1.0], "r": [2.0]}}),
        (None, (tensor("l", [1, 2, 3, 4], [2, 2]),), {"inputs": [[1.0, 2.0], [3.0, 4.0]]}),
        (None, (tensor("l", [1]), tensor("r", [2])), {"inputs": {"l": [1.0], "r": [2.0]}}),
        (
            COLUMNS,
            (tensor("x", [None, 2]), CITY),
            {
                "dataframe_split": {
                    "columns": ["x", "city"],
                    "data": [[None, "Bern"], [2.0, "Genève"]],
                }
            },
        ),
        (COLUMNS, (X,), {"dataframe_split": {"columns": ["x"], "data": [[1.0], [2.5]]}}),
        (
            ARRAYS,
            (tensor("v", [1, 2, 3, 4], [2, 2]),),
            {"dataframe_split": {"columns": ["v"], "data": [[[1.0, 2.0]], [[3.0, 4.0]]]}},
        ),
        (
            COLUMNS,
            (tensor("x", ["a", "b"], datatype="BYTES"), CITY),
            {
                "dataframe_split": {
                    "columns": ["x", "city"],
                    "data": [["a", "Bern"], ["b", "Genève"]],
                }
            },
        ),
        (TENSOR, (tensor("a", [1, 2, 3], [1, 3]),), {"inputs": [[1.0, 2.0, 3.0]]}),
    ],
)
def test_what_it_is_in_mlflows_words(signature, inputs, expected):
    assert json.loads(ask(signature, *inputs).body) == expected


def test_parameters_of_the_model_go_with_it():
    asked = ask(COLUMNS, X, CITY, params={"top"}, parameters={"top": 3, "binary_data_output": True})
    assert json.loads(asked.body)["params"] == {"top": 3}
    asked = ask(COLUMNS, X, CITY, params={"top"}, parameters={"other": 3})
    assert "params" not in json.loads(asked.body)


@pytest.mark.parametrize(
    ("signature", "inputs", "said"),
    [
        (NUMBERS, (), "length >= 1"),
        (NUMBERS, (tensor("a", [1], datatype="FP8"),), "'FP8', expected one of BOOL"),
        (NUMBERS, (tensor("a", [1, 2, 3], [2]),), "do not fill the shape"),
        (NUMBERS, (tensor("a", [[1, 2], [3]], [2, 2]),), "do not fill the shape"),
        (NUMBERS, (tensor("a", [[1, 2, 3], [4]], [2, 2]),), "do not fill the shape"),
        (NUMBERS, (tensor("a", [[1], [2]], [2]),), "not of datatype FP64"),
        (NUMBERS, (tensor("a", [True]),), "not of datatype FP64"),
        (NUMBERS, (tensor("a", [1.5], datatype="INT32"),), "not of datatype INT32"),
        (NUMBERS, (tensor("a", [256], datatype="UINT8"),), "not of datatype UINT8"),
        (NUMBERS, (tensor("a", [1]), tensor("a", [1])), "two inputs have one name"),
        (NUMBERS, (tensor("a", [1]), tensor("b", [1, 2])), r"different lengths: \[1, 2\]"),
        (NUMBERS, (tensor("all", [1, 2, 3], [1, 3]),), r"shape \[1, 3\], expected \[n, 2\]"),
        (NUMBERS, (tensor("a", [1, 2], [1, 2]), tensor("b", [1])), r"expected \[n\] or \[n, 1\]"),
        (COLUMNS, (X, tensor("city", ["\ud800", "b"], datatype="BYTES")), "UTF-8|surrogate"),
        (NUMBERS, (tensor("a", [], [0]),), "is empty"),
        (NUMBERS, (tensor("a", [], [0, 2]),), "is empty"),
        (NUMBERS, (tensor("a", [1], []),), "length >= 1"),
        (NUMBERS, (tensor("a", [1], [-1]),), ">= 0"),
        (NUMBERS, (tensor("a", [1], [1] * 40),), "length <= 32"),
        (NUMBERS, (tensor("a", [1], [10**30, 10**30]),), "at `|do not fill"),
        (NUMBERS, ({"name": "a", "shape": [1], "datatype": "FP64"},), "has no data"),
        (
            NUMBERS,
            (
                {
                    "name": "a",
                    "shape": [1],
                    "datatype": "FP64",
                    "parameters": {"binary_data_size": 8},
                },
            ),
            "binary tensor extension is not supported",
        ),
    ],
)
def test_what_the_client_has_wrong(signature, inputs, said):
    with pytest.raises(InferenceError, match=said):
        ask(signature, *inputs)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no inference request"),
        (b"[]", "Expected `object`"),
        (b"NaN", "no inference request"),
        (b'{"inputs":' + b"[" * 100_000, "no inference request"),
        (b'{"inputs":[{"name":"a","shape":[1],"datatype":"FP64","data":[1e999]}]}', "range"),
        (b'{"inputs":[{"parameters":{"binary_data_size":8}}]}\0\0', "binary tensor extension"),
        (b"\xff\xfe", "no inference request"),
    ],
)
def test_what_is_no_request(body, said):
    schema = read_schema(NUMBERS)
    with pytest.raises(InferenceError, match=said):
        read_request(body, schema)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
INPUTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b", "other"]) | JSON,
        "shape": st.lists(st.integers(-1, 4), max_size=3) | JSON,
        "datatype": st.sampled_from(["FP64", "INT64", "BYTES", "BOOL", "FP16"]) | JSON,
        "data": st.lists(JSON, max_size=4) | JSON,
    },
    optional={"parameters": JSON},
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({"inputs": st.lists(INPUTS, max_size=3) | JSON}, optional={"id": JSON}),
    st.sampled_from([NUMBERS, TENSOR, NAMED, COLUMNS, ARRAYS, None]),
)
def test_anything_is_read_or_refused(body, signature):
    schema = read_schema(signature)
    try:
        asked = read_request(json.dumps(body).encode(), schema)
    except InferenceError:
        return
    assert json.loads(asked.body).keys() <= {"dataframe_split", "inputs"}


def answer(predictions, signature=None, outputs=(), name=None):
    body = json.dumps({"predictions": predictions}).encode()
    return json.loads(write_answer(body, Asked(b"", name, outputs), signature, MODEL))


@pytest.mark.parametrize(
    ("predictions", "shape", "datatype", "data"),
    [
        ([1, 0], [2], "INT64", [1, 0]),
        ([0.5, None], [2], "FP64", [0.5, None]),
        ([True], [1], "BOOL", [True]),
        (["old", None], [2], "BYTES", ["old", None]),
        ([[0.25, 0.75], [1, 0]], [2, 2], "FP64", [0.25, 0.75, 1, 0]),
        ([[[1], [2]]], [1, 2, 1], "INT64", [1, 2]),
        ([], [0], "FP64", []),
        ([[], []], [2, 0], "FP64", []),
        (3, [1], "INT64", [3]),
        ("text", [1], "BYTES", ["text"]),
        ([[1], [2, 3]], [2], "BYTES", ["[1]", "[2,3]"]),
        ([{"a": 1}, {"b": 2}], [2], "BYTES", ['{"a":1}', '{"b":2}']),
        ([1, "a"], [2], "BYTES", ["1", '"a"']),
        ([2**70], [1], "FP64", [2.0**70]),
    ],
)
def test_one_output(predictions, shape, datatype, data):
    (output,) = answer(predictions)["outputs"]
    assert output["name"] == "predictions"
    assert (output["shape"], output["datatype"]) == (shape, datatype)
    assert output["data"] == data


def test_several_outputs():
    records = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    for predictions in (records, {"a": [1, 2], "b": ["x", "y"]}):
        first, second = answer(predictions)["outputs"]
        assert first == {"name": "a", "shape": [2], "datatype": "INT64", "data": [1, 2]}
        assert second == {"name": "b", "shape": [2], "datatype": "BYTES", "data": ["x", "y"]}
    assert [one["name"] for one in answer(records, outputs=("b",))["outputs"]] == ["b"]
    with pytest.raises(InferenceError, match="no output 'c', only a, b"):
        answer(records, outputs=("c",))


def test_the_datatype_is_the_signatures_where_the_values_are_of_it():
    declared = [{"type": "float", "name": "price"}]
    (output,) = answer([1.5, 2], declared)["outputs"]
    assert (output["name"], output["datatype"]) == ("price", "FP32")
    (output,) = answer(["none"], declared)["outputs"]
    assert output["datatype"] == "BYTES"


def test_what_names_an_answer():
    assert {**answer([1], name="seven"), "outputs": 0} == {**MODEL, "id": "seven", "outputs": 0}
    assert "id" not in answer([1])


@pytest.mark.parametrize(
    ("signature", "request_"),
    [
        (
            COLUMNS,
            {"dataframe_split": {"columns": ["x", "city"], "data": [[1.5, "a"], [2.0, "b"]]}},
        ),
        (TENSOR, {"inputs": [[1.0, 2.0], [3.0, 4.0]]}),
        (NAMED, {"inputs": {"l": [1.0, 2.0], "r": [3.0, 4.0]}}),
        (ARRAYS, {"dataframe_split": {"columns": ["v"], "data": [[[1.0, 2.0]], [[3.0, 4.0]]]}}),
    ],
)
def test_there_and_back(signature, request_):
    body = json.dumps(translate(request_, signature)).encode()
    assert json.loads(read_request(body, read_schema(signature)).body) == request_


@pytest.mark.parametrize("request_", [{"messages": []}, {"dataframe_records": [{"x": 1}]}, {}])
def test_what_has_no_translation(request_):
    assert translate(request_, COLUMNS) is None
    assert translate(request_, []) is None
