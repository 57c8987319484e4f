"""Requests in MLflow's scoring protocol are answered as MLflow's own server answers them."""

from __future__ import annotations

import io
import json
import math

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature, infer_signature
from mlflow.pyfunc.scoring_server import invocations as mlflow_server
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array
from sklearn.linear_model import LinearRegression

from holdfast.worker import failures, invocations

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"


class Echo(mlflow.pyfunc.PythonModel):
    """Says what it was given, or does as `x` says."""

    def predict(self, context, model_input, params=None):
        if isinstance(model_input, dict):
            return [{"given": model_input, "params": params}]
        first = model_input["x"].iloc[0]
        if first in ODD:
            return ODD[first](model_input)
        return model_input.assign(temperature=(params or {}).get("temperature"))


def give_up(_):
    raise SystemExit(3)


def interrupt(_):
    raise KeyboardInterrupt


def fail(_):
    raise RuntimeError("out of temper" * 1000)


def refuse(_):
    raise MlflowException("not mine", error_code=3000)


def exhaust(_):
    raise MemoryError("all of it")


ODD = {
    -1.0: give_up,
    -2.0: interrupt,
    -3.0: fail,
    -4.0: refuse,
    -5.0: exhaust,
    -6.0: lambda _: [float("nan"), float("inf"), {"x": np.float32("nan")}],
    -7.0: lambda frame: pd.DataFrame({"at": [pd.Timestamp(0)], "gap": [None], "n": [np.int8(3)]}),
    -8.0: lambda frame: pd.Series([1.5, 2.5], name="y"),
    -9.0: lambda frame: {"a": np.array([1, 2]), "b": (1, "ü"), "c": b"bytes"},
    -10.0: lambda frame: np.array(["a", None, 3], dtype=object),
    -11.0: lambda frame: np.array([["a"], ["b"]]),
    -12.0: lambda frame: "text",
    -13.0: lambda frame: None,
    -14.0: lambda frame: np.float32(0.1),
    -15.0: lambda frame: pd.DataFrame({"a": [1, 2]}, index=["i", "j"]),
    -16.0: lambda frame: np.array([True, False]),
    -17.0: lambda frame: np.array([], dtype=float),
}

COLUMNS = Schema(
    [
        ColSpec("double", "x"),
        ColSpec("long", "n", required=False),
        ColSpec("string", "s", required=False),
        ColSpec("boolean", "b", required=False),
        ColSpec("datetime", "at", required=False),
        ColSpec("float", "f", required=False),
        ColSpec("integer", "i", required=False),
        ColSpec("binary", "raw", required=False),
        ColSpec(Array("double"), "list", required=False),
    ]
)
PARAMS = ParamSchema([ParamSpec("temperature", "double", 0.5)])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 7.0]})
    numbers = LinearRegression().fit(table, [1.0, 2.0, 4.0])
    tensor = LinearRegression().fit(table.to_numpy(), [1.0, 2.0, 4.0])
    signature = ModelSignature(inputs=COLUMNS, params=PARAMS)
    needs = {"pip_requirements": ["scikit-learn"]}
    mlflow.sklearn.save_model(
        numbers, folder / "numbers", signature=infer_signature(table), **needs
    )
    mlflow.sklearn.save_model(
        tensor, folder / "tensor", signature=infer_signature(table.to_numpy()), **needs
    )
    mlflow.sklearn.save_model(tensor, folder / "bare", **needs)
    mlflow.pyfunc.save_model(folder / "echo", python_model=Echo(), signature=signature, **needs)
    mlflow.pyfunc.save_model(folder / "hinted", python_model=Hinted(), **needs)
    return {path.name: mlflow.pyfunc.load_model(str(path)) for path in folder.iterdir()}


class Hinted(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[dict[str, int]]) -> list[int]:
        return [sum(each.values()) for each in model_input]


def ours(model, body, content_type=JSON, path="/nowhere"):
    reply, (answer,) = invocations.invoke(model, path, {"content_type": content_type}, [body])
    assert reply["content_type"] == JSON
    return reply["status"], strict(answer)


def theirs(model, body, content_type=JSON):
    try:
        schema = model.metadata.get_input_schema()
        found = mlflow_server(body, content_type, model, schema)
    except MlflowException as error:
        return error.get_http_status_code(), None
    except Exception:  # noqa: BLE001 - of any kind, it is MLflow that answers 500
        return 500, None
    answer = json.loads(found.response, parse_constant=lambda _: None)
    return found.status, answer


def strict(text):
    def refuse(name):
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def split(*rows, columns=("x",)):
    return {"dataframe_split": {"columns": list(columns), "data": list(rows)}}


REQUESTS = [
    ("numbers", split([1, 2], columns="ab")),
    ("numbers", split([1.5, 2], [3, 4], columns="ab")),
    ("numbers", split([1, 2], columns="ba")),
    ("numbers", split([1, 2, 3], columns="abc")),
    ("numbers", split([1], columns="a")),
    ("numbers", split([None, 2], columns="ab")),
    ("numbers", split(["1", 2], columns="ab")),
    ("numbers", split(["one", 2], columns="ab")),
    ("numbers", split([True, 2], columns="ab")),
    ("numbers", split(columns="ab")),
    ("numbers", {"dataframe_split": {"data": [[1, 2]]}}),
    ("numbers", {"dataframe_split": {"columns": ["a", "b"], "index": [7], "data": [[1, 2]]}}),
    ("numbers", {"dataframe_split": {"columns": ["a", "b"], "rows": [[1, 2]]}}),
    ("numbers", {"dataframe_split": {"columns": 5, "data": [[1, 2]]}}),
    ("numbers", {"dataframe_split": [[1, 2]]}),
    ("numbers", {"dataframe_split": None}),
    ("numbers", {"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}),
    ("numbers", {"dataframe_split": {"columns": ["a", ["b"]], "data": [[1, 2]]}}),
    ("numbers", {"dataframe_records": [{"a": 1, "b": 2}]}),
    ("numbers", {"dataframe_records": [{"b": 1, "a": 2}, {"a": 3, "b": 4, "c": 5}]}),
    ("numbers", {"dataframe_records": [{"a": 1}]}),
    ("numbers", {"dataframe_records": {"a": 1, "b": 2}}),
    ("numbers", {"dataframe_records": []}),
    ("numbers", {"dataframe_records": [1, 2]}),
    ("numbers", {"dataframe_records": [{"a": {"deep": 1}, "b": 2}]}),
    ("numbers", {"instances": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}),
    ("numbers", {"instances": [{"a": 1, "b": 2}, {"a": 3}]}),
    ("numbers", {"instances": [[1, 2]]}),
    ("numbers", {"inputs": {"a": [1, 2], "b": [3, 4]}}),
    ("numbers", {"inputs": {"a": 1, "b": 2}}),
    ("numbers", {"inputs": [{"a": 1, "b": 2}]}),
    ("numbers", {"inputs": {"a": [1, 2], "b": [3]}}),
    ("numbers", {"inputs": "text"}),
    ("numbers", {"inputs": None}),
    ("numbers", {"dataframe_records": [{"a": 1, "b": 2}], "inputs": [1]}),
    ("numbers", {"dataframe_records": [{"a": 1, "b": 2}], "params": {"unknown": 1}}),
    ("numbers", {"dataframe_records": [{"a": 1, "b": 2}], "params": [1]}),
    ("numbers", {"dataframe_records": [{"a": 1, "b": 2}], "params": None, "extra": 1}),
    ("numbers", {}),
    ("numbers", {"columns": ["a", "b"], "data": [[1, 2]]}),
    ("numbers", [[1, 2]]),
    ("numbers", "text"),
    ("numbers", None),
    ("numbers", {"messages": [{"role": "user", "content": "hi"}]}),
    ("tensor", {"inputs": [[1, 2], [3, 4]]}),
    ("tensor", {"instances": [[1.5, 2]]}),
    ("tensor", {"inputs": [[1, 2], [3]]}),
    ("tensor", {"inputs": [1, 2]}),
    ("tensor", {"inputs": {"a": [1]}}),
    ("tensor", {"inputs": [["one", 2]]}),
    ("tensor", split([1, 2], columns="ab")),
    ("bare", {"inputs": [[1, 2]]}),
    ("bare", {"instances": [[1, 2], [3, 4]]}),
    ("bare", {"dataframe_split": {"data": [[1, 2]]}}),
    ("bare", {"inputs": "text"}),
    ("bare", {"inputs": [[1, 2, 3]]}),
    ("echo", split([1, 5], columns=("x", "n"))),
    ("echo", split([1, None], columns=("x", "n"))),
    ("echo", split([1, 5.5], columns=("x", "n"))),
    ("echo", split([1, "ü\ud83d\ude00", True], columns=("x", "s", "b"))),
    ("echo", split([1, "2020-01-02T03:04:05"], columns=("x", "at"))),
    ("echo", split([1, "no day"], columns=("x", "at"))),
    ("echo", split([1, 0.1, 7], columns=("x", "f", "i"))),
    ("echo", split([1, 1 << 40], columns=("x", "i"))),
    ("echo", split([1, 1 << 70], columns=("x", "n"))),
    ("echo", split([1, "aGk="], columns=("x", "raw"))),
    ("echo", split([1, [1.0, 2.0]], columns=("x", "list"))),
    ("echo", split([1, [1.0, "two"]], columns=("x", "list"))),
    ("echo", split([1, 5, 6], columns=("x", "n"))),
    ("echo", {**split([1]), "params": {"temperature": 0.9, "unknown": 1}}),
    ("echo", {**split([1]), "params": {"temperature": "hot"}}),
    ("echo", {**split([1]), "params": {"temperature": None}}),
    ("echo", {"prompt": "hi", "temperature": 0.1, "more": [1]}),
    ("echo", {"input": [1.0]}),
    ("hinted", {"inputs": [{"a": 1, "b": 2}, {"a": 3}]}),
    ("hinted", {"inputs": [{"a": "two"}]}),
    ("hinted", {"inputs": {"a": 1}}),
    ("hinted", {"instances": [{"a": 1}]}),
    ("hinted", {"inputs": [{"a": 1}], "params": {"x": 1}}),
    *(("echo", split([code])) for code in sorted(ODD) if code > -1.0 or code <= -3.0),
]


@pytest.mark.parametrize(("name", "request_"), REQUESTS, ids=str)
def test_json_is_answered_as_mlflow_answers_it(models, name, request_):
    if request_ == split([-5.0]):
        pytest.skip("of memory errors below")
    same(models[name], json.dumps(request_).encode(), JSON)


def same(model, body, content_type):
    status, answer = ours(model, body, content_type)
    expected, wanted = theirs(model, body, content_type)
    if expected == 200:
        assert (status, answer) == (200, wanted)
    else:
        assert status // 100 == 4
        assert expected in (500, status)
        assert set(answer) == {"error_code", "message"}
        assert answer["message"]
        assert len(answer["message"]) <= 2000
        assert "Traceback" not in answer["message"]


PLAIN = b'{"dataframe_records": [{"a": 1, "b": 2}]}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"inputs": "\xff"}',
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.decode().encode("utf-16"),
        b'{"dataframe_records": [{"a": NaN, "b": Infinity}]}',
        b'{"dataframe_records": [{"a": 1e999, "b": 2}]}',
        b'{"dataframe_records": [{"a": ' + b"1" * 5000 + b', "b": 2}]}',
        b'{"dataframe_records": ' + b"[" * 100_000,
        b'{"dataframe_records": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"dataframe_records": [{"a": 1, "b": 2}], "dataframe_records": [{"a": 3, "b": 4}]}',
        PLAIN + b" x",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_bodies_that_are_no_plain_json_are_answered_as_mlflow_answers_them(models, body):
    same(models["numbers"], body, JSON)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("numbers", b"a,b\n1,2\n3,4\n"),
        ("numbers", b"b,a\n1,2\n"),
        ("numbers", b"a,b,c\n1,2,3\n"),
        ("numbers", b"a,b\none,2\n"),
        ("numbers", b"a\n1\n"),
        ("numbers", b"a,b\n1,\n"),
        ("numbers", b"a,b\n"),
        ("numbers", b""),
        ("numbers", b"\xff\xfe"),
        ("numbers", b'a,b\n"1,2\n'),
        ("bare", b"0,1\n1,2\n"),
        ("echo", b"x,s\n1,007\n"),
        ("tensor", b"a,b\n1,2\n"),
    ],
    ids=str,
)
def test_csv_is_answered_as_mlflow_answers_it(models, name, body):
    same(models[name], body, CSV)


def test_parquet_is_answered_as_mlflow_answers_it(models):
    target = io.BytesIO()
    pd.DataFrame({"b": [1.0, 2.0], "a": [3.0, 4.0]}).to_parquet(target)
    same(models["numbers"], target.getvalue(), PARQUET)
    same(models["numbers"], b"PAR1 and no more", PARQUET)
    same(models["numbers"], b"", PARQUET)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json; charset=latin-1",
        "application/json; version=2",
        "application/json;",
        "Application/JSON",
        "application/xml",
        "text/csv; header=present",
        "",
    ],
)
def test_content_types_are_judged_as_mlflow_judges_them(models, content_type):
    status, answer = ours(models["numbers"], PLAIN, content_type)
    try:
        schema = models["numbers"].metadata.get_input_schema()
        expected = mlflow_server(PLAIN, content_type, models["numbers"], schema).status
    except MlflowException as error:
        expected = error.get_http_status_code()
    assert status == expected
    assert status == 200 or answer["error_code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_missing_content_type_is_asked_for(models):
    status, answer = ours(models["numbers"], PLAIN, None)
    assert status == 415
    assert "application/json" in answer["message"]


@pytest.mark.parametrize(("code", "name"), [(-1.0, "SystemExit: 3"), (-2.0, "KeyboardInterrupt")])
def test_what_would_end_a_process_is_an_answer(models, code, name):
    status, answer = ours(models["echo"], json.dumps(split([code])).encode())
    assert (status, answer["error_code"]) == (400, "BAD_REQUEST")
    assert name in answer["message"]


def test_no_memory_is_not_the_clients_mistake(models):
    with pytest.raises(MemoryError):
        ours(models["echo"], json.dumps(split([-5.0])).encode())


def test_the_model_s_own_words_are_told_and_cut(models):
    status, answer = ours(models["echo"], json.dumps(split([-3.0])).encode())
    assert answer["message"].startswith("RuntimeError: out of temper")
    assert (status, len(answer["message"])) == (400, 2000)


def test_nan_and_infinity_are_null(models):
    assert ours(models["echo"], json.dumps(split([-6.0])).encode()) == (
        200,
        {"predictions": [None, None, {"x": None}]},
    )


def test_messages_do_not_repeat_the_data(models):
    body = json.dumps(split(*[["secret", 2]] * 500, columns="ab")).encode()
    _, answer = ours(models["numbers"], body)
    assert answer["message"].count("secret") <= 2


def test_messages_name_no_paths(models, tmp_path):
    class Lost:
        metadata = models["echo"].metadata

        def predict(self, data):
            raise FileNotFoundError(2, "No such file", f"{tmp_path}/model/data.bin")

    _, answer = ours(Lost(), json.dumps(split([1])).encode(), path=str(tmp_path / "model"))
    assert str(tmp_path) not in answer["message"]
    assert "data.bin" in answer["message"]


def test_an_answer_that_json_has_not_is_an_error(models):
    class Odd:
        metadata = models["echo"].metadata

        def predict(self, data):
            return [object()]

    with pytest.raises(failures.AnswerError, match="does not fit into JSON"):
        ours(Odd(), json.dumps(split([1])).encode())


def test_a_request_names_no_file_to_be_opened(models, tmp_path):
    target = tmp_path / "rows.json"
    target.write_text("[[1, 2]]")
    status, _ = ours(models["bare"], json.dumps({"inputs": str(target)}).encode())
    assert status == 400


def test_floats_keep_their_bits(models):
    value = 0.1 + 0.2
    status, answer = ours(models["echo"], json.dumps(split([value])).encode())
    assert (status, answer["predictions"][0]["x"]) == (200, value)
    assert not math.isclose(value, 0.3, rel_tol=0)


def test_a_loaded_model_says_what_parameters_it_takes(models):
    from holdfast.worker import main

    (found,) = main._about(models["echo"])["signature"]["params"]
    assert (found["name"], found["default"]) == ("temperature", 0.5)
