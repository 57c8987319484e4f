"""A worker that serves: the shortest way to the model, and the rows of several requests at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from holdfast.errors import ModelError
from holdfast.serve.protocol.answer import split_answer
from holdfast.serve.protocol.decoder import compile_decoder
from holdfast.serve.protocol.schema import read_schema
from holdfast.worker import payload
from holdfast.worker.client import Worker

PYTHON = Path(sys.executable)
NEEDS = {"pip_requirements": ["scikit-learn"]}
RNG = np.random.default_rng(7)
X = pd.DataFrame(RNG.normal(size=(200, 5)), columns=list("abcde"))
Y = (X.a + X.b * X.c > 0).astype(int)
MIXED = pd.DataFrame(
    {
        "city": RNG.choice(["Bern", "Genève", "Zürich"], 200),
        "member": RNG.random(200) > 0.5,
        "age": RNG.integers(18, 90, 200),
        "weight": RNG.normal(70, 9, 200),
    }
)
LABELS = np.where(MIXED.age > 60, "old", "young")

OWN = '''
import os

import mlflow
import numpy as np


class Own(mlflow.pyfunc.PythonModel):
    """Answers each row, unless `x` says otherwise."""

    def predict(self, context, model_input, params=None):
        x = model_input["x"].to_numpy()
        if (x == -1).any():
            return x[:1]
        if (x == -2).any():
            raise ValueError("x is out of temper")
        if (x == -3).any():
            raise SystemExit(3)
        if (x == -4).any():
            return [float("nan")] * len(x)
        return x * 2


mlflow.models.set_model(Own())
'''


def scaled():
    return make_pipeline(StandardScaler(), LogisticRegression())


class Served:
    """A worker asked as the gateway asks it, and the same model here."""

    def __init__(self, folder):
        self.here = mlflow.pyfunc.load_model(str(folder))
        self.worker = Worker.start(PYTHON, folder)
        self.about = self.worker.load()
        self.decoder = compile_decoder(read_schema(self.about["signature"]["inputs"]))

    def prepare(self, example=None, batch=None):
        sent = (None, ()) if example is None else payload.encode(example)
        return self.worker.prepare(*sent, threads=2, batch=batch)

    def score(self, *requests):
        decoded = [self.decoder.decode(json.dumps(request).encode()) for request in requests]
        assert None not in decoded
        rows = [count for count, _ in decoded]
        header, buffers = self.decoder.join([data for _, data in decoded])
        # What the decoder says of the payload is JSON already.
        header = json.loads(header) if isinstance(header, bytes) else header
        request = {"op": "score", "payload": header, "rows": rows}
        reply, out = self.worker._request(request, buffers, 60, "scoring")
        assert reply["seconds"]["predict"] > 0
        return [json.loads(answer) for answer in split_answer(reply, out, rows)]

    def ask(self, header, *buffers):
        return self.worker._request(header, buffers, 60, "asking")


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder, started = tmp_path_factory.mktemp("models"), []

    def start(name, save):
        save(folder / name)
        started.append(Served(folder / name))
        return started[-1]

    yield start
    for served in started:
        served.worker.close()


@pytest.fixture(scope="module")
def chances(serve):
    def save(folder):
        mlflow.sklearn.save_model(
            scaled().fit(X, Y),
            folder,
            signature=infer_signature(X),
            pyfunc_predict_fn="predict_proba",
            **NEEDS,
        )

    return serve("chances", save)


@pytest.fixture(scope="module")
def mixed(serve):
    def save(folder):
        # One that names its columns, and so cannot be given an array.
        model = make_pipeline(
            make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"),
            LogisticRegression(max_iter=2000),
        ).fit(MIXED, LABELS)
        mlflow.sklearn.save_model(model, folder, signature=infer_signature(MIXED), **NEEDS)

    return serve("mixed", save)


@pytest.fixture(scope="module")
def by_name(serve):
    def save(folder):
        scale = make_column_transformer((StandardScaler(), ["b", "a"]), remainder="passthrough")
        model = make_pipeline(scale, LogisticRegression()).fit(X, Y)
        mlflow.sklearn.save_model(model, folder, signature=infer_signature(X), **NEEDS)

    return serve("by_name", save)


@pytest.fixture(scope="module")
def tensor(serve):
    def save(folder):
        model, signature = scaled().fit(X.to_numpy(), Y), infer_signature(X.to_numpy())
        mlflow.sklearn.save_model(model, folder, signature=signature, **NEEDS)

    return serve("tensor", save)


@pytest.fixture(scope="module")
def own(serve, tmp_path_factory):
    code = tmp_path_factory.mktemp("own") / "own.py"
    code.write_text(OWN)

    def save(folder):
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(code),
            signature=infer_signature(pd.DataFrame({"x": [1.0]})),
            pip_requirements=["numpy"],
        )

    return serve("own", save)


def split(frame):
    return {"dataframe_split": {"columns": list(frame.columns), "data": frame.to_numpy().tolist()}}


def parts(frame, *sizes):
    ends = np.cumsum(sizes)
    return [frame.iloc[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def test_numbers_take_the_way_of_arrays_to_the_bit(chances):
    assert chances.prepare() == {"way": "array", "by_row": True, "why": ""}
    assert chances.prepare(X.head(1)) == {"way": "array", "by_row": True, "why": ""}
    (answer,) = chances.score(split(X.head(50)))
    assert answer == chances.here.predict(X.head(50)).tolist()
    for at in range(5):
        row = X.iloc[at : at + 1]
        assert chances.score(split(row)) == [chances.here.predict(row).tolist()]


def test_rows_of_several_requests_are_answered_each_by_its_own(chances):
    chances.prepare()
    requests = parts(X, 1, 3, 2)
    answers = chances.score(*map(split, requests))
    assert [len(answer) for answer in answers] == [1, 3, 2]
    for answer, request in zip(answers, requests, strict=True):
        np.testing.assert_allclose(answer, chances.here.predict(request), rtol=1e-12)


def test_no_warning_is_written_for_each_request(chances):
    chances.prepare()
    chances.score(split(X.head(1)))
    assert "feature names" not in chances.worker._process.last_lines()


def test_a_pipeline_that_names_columns_gets_a_table(by_name):
    found = by_name.prepare(X.head(3))
    assert (found["way"], found["by_row"]) == ("frame", True)
    assert found["why"].startswith("no array: ")
    assert by_name.score(split(X.head(9))) == [by_name.here.predict(X.head(9)).tolist()]


def test_text_and_labels_go_with_tables(mixed):
    assert mixed.prepare(MIXED.head(3)) == {"way": "frame", "by_row": True, "why": ""}
    requests = parts(MIXED, 2, 1)
    answers = mixed.score(*map(split, requests))
    assert answers == [mixed.here.predict(request).tolist() for request in requests]


def test_text_cannot_be_made_up(mixed):
    found = mixed.prepare()
    assert (found["way"], found["by_row"]) == ("pyfunc", False)
    assert "no input example" in found["why"]
    assert mixed.score(split(MIXED.head(2))) == [mixed.here.predict(MIXED.head(2)).tolist()]


def test_an_example_that_the_model_fails_on_is_no_reason_not_to_serve(mixed):
    found = mixed.prepare(MIXED.head(2).assign(city="Atlantis"))
    assert (found["way"], found["by_row"]) == ("pyfunc", False)
    assert "fails on the input example" in found["why"]


@pytest.mark.parametrize("example", [{"strange": [1]}, [1, 2], "text", X.head(2)], ids=str)
def test_an_example_of_another_form_is_as_none(mixed, example):
    assert mixed.prepare(example)["way"] == "pyfunc"


def test_a_tensor_goes_as_it_is(tensor):
    assert tensor.prepare() == {"way": "array", "by_row": True, "why": ""}
    array = X.head(4).to_numpy()
    answers = tensor.score({"inputs": array.tolist()}, {"instances": array[:1].tolist()})
    assert answers == [tensor.here.predict(array).tolist(), tensor.here.predict(array[:1]).tolist()]


@pytest.mark.parametrize(
    ("batch", "by_row", "why"),
    [(None, False, "not known"), (False, False, "switched off"), (True, True, "")],
)
def test_a_model_of_the_user_s_own_is_by_row_where_they_say_so(own, batch, by_row, why):
    found = own.prepare(pd.DataFrame({"x": [1.0, 2.0]}), batch=batch)
    assert (found["way"], found["by_row"]) == ("frame", by_row)
    assert why in found["why"]


def test_batches_can_be_switched_off(chances):
    assert chances.prepare(batch=False) == {
        "way": "array",
        "by_row": False,
        "why": "not by row: switched off",
    }


def test_a_probe_that_is_not_answered_by_row_is_believed_over_the_user(own):
    found = own.prepare(pd.DataFrame({"x": [-1.0, 2.0]}), batch=True)
    assert not found["by_row"]
    assert "1 answers to 4 rows" in found["why"]


def test_answers_that_are_not_one_for_each_row_are_an_error_of_their_own(own):
    own.prepare(pd.DataFrame({"x": [1.0]}), batch=True)
    rows = [split(pd.DataFrame({"x": [value]})) for value in (1.0, -1.0)]
    with pytest.raises(ModelError, match="gives 1 answers for 2 rows"):
        own.score(*rows)
    both = split(pd.DataFrame({"x": [1.0, -1.0]}))
    assert own.score(both) == [[1.0]]


def test_what_the_model_raises_is_an_error_and_the_worker_goes_on(own):
    own.prepare(pd.DataFrame({"x": [1.0]}))
    for value, said in ((-2.0, "out of temper"), (-3.0, "SystemExit")):
        with pytest.raises(ModelError, match=said):
            own.score(split(pd.DataFrame({"x": [value]})))
    assert own.score(split(pd.DataFrame({"x": [4.0]}))) == [[8.0]]


def test_nan_is_null(own):
    own.prepare(pd.DataFrame({"x": [1.0]}), batch=True)
    rows = [split(pd.DataFrame({"x": [value]})) for value in (1.0, -4.0)]
    assert own.score(*rows) == [[None], [None]]


def test_a_payload_that_is_not_plain_goes_through_mlflow(chances):
    chances.prepare()
    frame = X.head(3)[list("edcba")]
    header, buffers = payload.encode(frame)
    reply, out = chances.ask({"op": "score", "payload": header, "rows": [3]}, *buffers)
    (answer,) = split_answer(reply, out, [3])
    assert json.loads(answer) == chances.here.predict(X.head(3)).tolist()


@pytest.mark.parametrize(
    "header",
    [
        {"op": "score"},
        {"op": "score", "payload": {"kind": "table"}, "rows": [1]},
        {"op": "score", "payload": {"kind": "json", "buffers": [7]}, "rows": [1]},
        {"op": "score", "payload": {}, "rows": []},
        {"op": "score", "payload": {}, "rows": [0]},
        {"op": "score", "payload": {}, "rows": [True]},
        {"op": "prepare", "threads": "many"},
        {"op": "prepare", "threads": 1, "batch": "maybe"},
        {"op": "invoke", "content_type": "application/json"},
    ],
    ids=str,
)
def test_what_is_no_request_is_refused(chances, header):
    chances.prepare()
    with pytest.raises(ModelError, match="did not understand"):
        chances.ask(header)


def test_a_buffer_of_another_length_is_refused(chances):
    chances.prepare()
    header, buffers = payload.encode(X.head(3))
    with pytest.raises(ModelError, match="did not understand"):
        chances.ask({"op": "score", "payload": header, "rows": [3]}, bytes(buffers[0])[:-8])


def test_any_request_is_answered_in_mlflows_protocol(mixed):
    header = {"op": "invoke", "content_type": "text/csv"}
    body = MIXED.head(3).to_csv(index=False).encode()
    reply, (answer,) = mixed.ask(header, body)
    assert (reply["status"], set(reply["seconds"])) == (200, {"decode", "predict", "encode"})
    assert json.loads(bytes(answer)) == {"predictions": mixed.here.predict(MIXED.head(3)).tolist()}
    reply, (answer,) = mixed.ask({"op": "invoke"}, body)
    assert (reply["status"], reply["content_type"]) == (415, "application/json")


def test_a_model_that_would_end_the_process_only_fails_the_request(own):
    own.prepare(pd.DataFrame({"x": [1.0]}))
    body = json.dumps(split(pd.DataFrame({"x": [-3.0]}))).encode()
    header = {"op": "invoke", "content_type": "application/json"}
    reply, (answer,) = own.ask(header, body)
    assert reply["status"] == 400
    assert "SystemExit: 3" in json.loads(bytes(answer))["message"]
    assert own.score(split(pd.DataFrame({"x": [4.0]}))) == [[8.0]]
