"""A model is loaded in its own process and predicts as it does here."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ParamSchema, ParamSpec
from sklearn.linear_model import LinearRegression

from holdfast.errors import InputError, ModelError
from holdfast.worker import payload
from holdfast.worker.client import Worker

MODELS = Path(__file__).with_name("worker_models")
PYTHON = Path(sys.executable)
ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.5], "b": [4, 5, 7], "city": ["x", "y", "x"]})


def save(folder: Path, name: str, **options) -> Path:
    mlflow.pyfunc.save_model(
        folder,
        loader_module=name,
        code_paths=[str(MODELS / f"{name}.py")],
        pip_requirements=["numpy"],
        **options,
    )
    return folder


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    model = LinearRegression().fit(ROWS[["a", "b"]], [1.0, 2.0, 3.0])
    folder = tmp_path_factory.mktemp("regression") / "model"
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=infer_signature(ROWS[["a", "b"]], model.predict(ROWS[["a", "b"]])),
        pip_requirements=["scikit-learn"],
    )
    return folder, model


@pytest.fixture(scope="module")
def worker(regression):
    with Worker.start(PYTHON, regression[0]) as started:
        yield started


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    schema = ParamSchema([ParamSpec("t", "double", 0.5), ParamSpec("n", "double", float("nan"))])
    folder = tmp_path_factory.mktemp("odd") / "model"
    save(folder, "odd", signature=ModelSignature(params=schema))
    with Worker.start(PYTHON, folder) as started:
        yield started


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    with Worker.start(PYTHON, save(tmp_path_factory.mktemp("answers") / "m", "answers")) as started:
        yield started


def predict(worker, data, **options):
    return payload.decode(*worker.predict(*payload.encode(data), **options))


def test_it_says_what_the_model_is(worker):
    about = worker.load()
    assert [column["name"] for column in about["signature"]["inputs"]] == ["a", "b"]
    assert set(about["flavors"]) == {"python_function", "sklearn"}
    assert about["mlflow"] == mlflow.__version__
    assert set(about["seconds"]) == {"import", "load"}


def test_it_predicts_to_the_bit_what_the_model_predicts_here(worker, regression):
    rows = pd.DataFrame({"a": np.linspace(0, 1, 10_000), "b": np.arange(10_000)})
    here = mlflow.pyfunc.load_model(str(regression[0])).predict(rows)
    there = predict(worker, rows)
    assert (there.dtype, there.tobytes()) == (here.dtype, here.tobytes())


def test_data_that_does_not_fit_the_signature_is_the_callers_fault(worker):
    for wrong in (ROWS[["a"]], ROWS.assign(a="x"), "text", np.zeros((2, 2), "U3")):
        with pytest.raises(InputError, match="cannot be given this"):
            predict(worker, wrong)
    assert len(predict(worker, ROWS[["a", "b"]])) == 3


def test_requests_from_many_threads_are_each_answered(worker):
    found = {}

    def ask(number):
        rows = pd.DataFrame({"a": [float(number)], "b": [number]})
        found[number] = predict(worker, rows)[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(8)] == [
        predict(worker, pd.DataFrame({"a": [float(n)], "b": [n]}))[0] for n in range(8)
    ]


def test_it_observes_which_distributions_the_model_needs(worker):
    predict(worker, ROWS[["a", "b"]])
    seen = worker.observe()
    assert {"mlflow-skinny", "numpy", "pandas", "scikit-learn", "scipy"} <= set(
        seen["distributions"]
    )
    assert not {"mypy", "ruff", "hypothesis"} & set(seen["distributions"])
    assert seen["distributions"]["numpy"] == np.__version__
    assert seen["strays"] == []


def test_it_describes_what_it_runs_on(worker):
    about = worker.describe()
    assert about["build"] == sys.version
    assert about["python"] == ".".join(map(str, sys.version_info[:3]))
    assert about["flags"]["isolated"] == 1
    assert about["packages"]["pandas"] == pd.__version__
    assert len(about["executable_sha256"]) == 64


def test_the_models_own_code_is_observed_apart(odd):
    predict(odd, {"x": 1})
    assert odd.observe()["code"] == ["odd"]


def test_parameters_reach_the_model(odd):
    assert odd.load()["signature"]["params"][0]["name"] == "t"
    assert predict(odd, {"do": "params"}, params={"t": 0.25})["t"] == 0.25
    assert predict(odd, {"do": "params"})["t"] == 0.5
    with pytest.raises(InputError, match="cannot be given this"):
        predict(odd, {"do": "params"}, params={"t": "hot"})
    with pytest.raises(InputError, match="cannot be sent"):
        predict(odd, {"do": "params"}, params={"t": object()})


@pytest.mark.parametrize("data", [[1, "a", None], {"a": [1.5]}, "text", np.arange(6).reshape(2, 3)])
def test_any_input_comes_back_from_a_model_that_gives_it_back(odd, data):
    assert repr(predict(odd, data)) == repr(data)


def test_any_frame_comes_back_too(odd):
    pd.testing.assert_frame_equal(predict(odd, ROWS), ROWS)


def test_any_answer_comes_back(answers):
    frame = predict(answers, "frame")
    pd.testing.assert_frame_equal(
        frame, pd.DataFrame({"p": [1.5, np.nan], "label": ["a", None]}, index=[7, 3])
    )
    pd.testing.assert_series_equal(predict(answers, "series"), pd.Series([1, 2], name="y"))
    assert predict(answers, "array").dtype == np.float32
    assert predict(answers, "list") == ["a", None, 3]
    assert predict(answers, "str") == "hello"
    assert predict(answers, "dict")["x"].tolist() == [0, 1]


def test_answers_as_files(answers):
    def ask(name, file_format):
        header, buffers = answers.predict(*payload.encode(name), output=file_format)
        assert header == {"kind": "file", "format": file_format, "buffers": [0]}
        return bytes(buffers[0]).decode()

    assert ask("frame", "csv") == "p,label\n1.5,a\n,\n"
    assert ask("series", "csv") == "y\n1\n2\n"
    assert ask("array", "csv") == "prediction_0,prediction_1\n1.0,2.0\n3.0,4.0\n"
    assert ask("records", "csv") == 'a,b\n1,"[1, 2]"\n2,[]\n'
    assert ask("str", "csv") == "prediction\nhello\n"
    assert ask("frame", "json") == (
        '{"predictions": [{"p": 1.5, "label": "a"}, {"p": null, "label": null}]}'
    )
    assert ask("dict", "json") == '{"predictions": {"x": [0, 1], "note": "mixed"}}'
    with pytest.raises(InputError, match="is no table; use JSON"):
        ask("cube", "csv")
    with pytest.raises(InputError, match="is not one of csv, json, parquet"):
        ask("frame", "pickle")


def test_files_in_and_out(worker, regression, tmp_path):
    rows = ROWS[["b", "a"]].assign(b=ROWS["b"])
    expected = regression[1].predict(ROWS[["a", "b"]])
    files = {
        "csv": rows.to_csv(index=False).encode(),
        "json": rows.to_json(orient="records").encode(),
        "parquet": rows.to_parquet(index=False),
    }
    for file_format, data in files.items():
        out = worker.predict_file(data, file_format, "csv").decode().splitlines()
        assert out[0] == "prediction"
        assert [float(line) for line in out[1:]] == expected.tolist()
    (tmp_path / "out.parquet").write_bytes(worker.predict_file(files["csv"], "csv", "parquet"))
    assert pd.read_parquet(tmp_path / "out.parquet")["prediction"].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("data", "file_format"),
    [(b"", "csv"), (b"a\n1\n", "csv"), (b"a,b\nx,y\n", "csv"), (b"{", "json"), (b"5", "json"),
     (b"PAR1", "parquet"), (b"a,b\n1,2", "pickle"), (b"\xff\xfe", "json"), (b"[" * 99_999, "json")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_the_callers_fault(worker, data, file_format):
    with pytest.raises(InputError, match="cannot be given this"):
        worker.predict_file(data, file_format, "csv")
    assert len(predict(worker, ROWS[["a", "b"]])) == 3


def test_the_surroundings_are_clean(tmp_path, monkeypatch):
    model = save(tmp_path / "model", "odd")
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("MY_SETTING", "kept")
    before = {path: path.stat().st_mtime_ns for path in model.rglob("*")}
    with Worker.start(PYTHON, model) as worker:
        found = predict(worker, {"do": "surroundings"})
        folder = Path(found["cwd"])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert found["environ"]["TMPDIR"] == str(folder)
    assert not folder.exists()
    assert found["environ"]["MY_SETTING"] == "kept"
    assert not {"PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON"} & set(found["environ"])
    assert found["environ"]["PATH"].split(os.pathsep)[0] == str(PYTHON.parent)
    assert found["stdin"] == ""
    assert len(found["argv"]) == 1
    assert not any(path.endswith("worker") for path in found["path"])
    assert not {"frames", "payload", "files", "values"} & set(found["modules"])
    assert found["bytecode"] is True
    assert {path: path.stat().st_mtime_ns for path in model.rglob("*")} == before


def test_bytecode_is_kept_where_it_is_asked_to_be(tmp_path):
    cache = tmp_path / "cache"
    with Worker.start(PYTHON, tmp_path, pycache=cache) as worker:
        worker.describe()
    assert cache.stat().st_mode & 0o777 == 0o700
    assert list(cache.rglob("frames*.pyc"))


def test_bytecode_that_others_could_write_is_not_used(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(InputError, match="others could write to it"):
        Worker.start(PYTHON, tmp_path, pycache=tmp_path / "cache")


def test_a_folder_that_is_no_model_says_so(tmp_path):
    with Worker.start(PYTHON, tmp_path) as worker, pytest.raises(ModelError, match="MLmodel"):
        worker.load()


def test_an_interpreter_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ModelError, match="cannot be started: No such file"):
        Worker.start(tmp_path / "bin" / "python", tmp_path)


def test_a_program_that_is_no_python_says_what_it_said(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 7\n")
    program.chmod(0o755)
    with pytest.raises(ModelError, match=r"exited with code 7 while starting\n\nbroken"):
        Worker.start(program, tmp_path)


def test_a_python_that_never_answers_is_given_up(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    with pytest.raises(ModelError, match=r"starting took over 0\.3 s"):
        Worker.start(program, tmp_path, start_timeout=0.3)
