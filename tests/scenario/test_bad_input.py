"""Bad input, through the real command line: one clear error, the right exit code, nothing left."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient

from holdfast.uv import run_uv
from indexes import make_wheel
from kit import Holdfast, Ran, run, seal_of, surroundings
from small import ROWS, edit_seal, reseal

_LONGEST_MESSAGE = 700


@pytest.fixture
def holdfast(small, tmp_path) -> Holdfast:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return small.holdfast(folder)


@pytest.fixture
def model(small, tmp_path) -> Path:
    return small.copy(tmp_path / "model")


def check_refused(ran: Ran, code: int, *words: str) -> None:
    """One error with a hint, on stderr; nothing on stdout; no traceback; all `words` said."""
    assert ran.code == code, ran
    assert ran.out == "", ran
    assert "Traceback" not in ran.err, ran
    assert "bug" not in ran.err, ran
    message, _, hint = ran.err.partition("\n\nhint: ")
    assert message.startswith("error: "), ran
    assert hint.strip(), ran
    assert len(message) < _LONGEST_MESSAGE, ran
    for word in words:
        assert word in ran.err, ran


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# What is no model, or has no seal to be read.


def test_a_folder_that_is_no_model(holdfast, tmp_path):
    (tmp_path / "empty").mkdir()
    for verb in ("show", "restore", "verify"):
        check_refused(holdfast(verb, tmp_path / "empty"), 2, "not an MLflow model", "MLmodel")


def test_a_path_that_is_not_there_or_is_a_file(holdfast, tmp_path):
    (tmp_path / "file").touch()
    check_refused(holdfast("show", tmp_path / "nowhere"), 2, "is not there")
    check_refused(holdfast("show", tmp_path / "file"), 2, "is not there")
    check_refused(holdfast("show", ""), 2, "is not there")


def test_a_model_without_a_seal(holdfast, model):
    shutil.rmtree(model / "holdfast")
    for verb in ("show", "restore", "verify"):
        check_refused(holdfast(verb, model), 2, "is not sealed", "uv add holdfast")


def test_a_seal_of_a_newer_format(holdfast, model):
    edit_seal(model, format=99)
    check_refused(holdfast("verify", model), 2, "format 99", "up to 1", "--upgrade holdfast")


def test_a_seal_that_was_cut(holdfast, model):
    path = model / "holdfast" / "seal.json"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    check_refused(holdfast("show", model), 2, "seal.json", "is not JSON", "take the model")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": 5}, "expected an object in 'files', found 5"),
        ({"grade": "perfect"}, "'perfect' means nothing in 'grade'"),
        ({"python": {}}, "'implementation' is missing in 'python'"),
        ({"wheels": {"a": 1}}, "expected a list in 'wheels', found an object"),
    ],
)
def test_a_seal_that_says_nonsense(holdfast, model, changes, words):
    edit_seal(model, **changes)
    check_refused(holdfast("show", model), 2, words)


def test_a_seal_that_is_no_file(holdfast, model):
    path = model / "holdfast" / "seal.json"
    path.unlink()
    os.mkfifo(path)
    check_refused(holdfast("show", model), 2, "is not a file")
    path.unlink()
    path.mkdir()
    check_refused(holdfast("show", model), 2, "is not a file")


# Locks, wheels, indexes and Pythons that cannot be had.


def test_a_lock_of_a_newer_version(holdfast, model):
    lock = model / "pylock.toml"
    lock.write_text(lock.read_text().replace('lock-version = "1.0"', 'lock-version = "2.0"'))
    reseal(model)
    check_refused(holdfast("restore", model), 2, "pylock.toml", "version 2.0", "--upgrade holdfast")
    check_refused(holdfast("verify", model), 2, "2.0")


def test_a_lock_that_is_no_toml(holdfast, model):
    (model / "pylock.toml").write_text("[[packages\n")
    reseal(model)
    check_refused(holdfast("restore", model), 2, "pylock.toml cannot be read")


def test_a_sealed_wheel_that_is_gone(small, model, tmp_path):
    (wheel,) = (model / "holdfast" / "wheels").glob("*.whl")
    wheel.unlink()
    holdfast = small.spoilable(tmp_path)
    check_refused(holdfast("restore", model), 1, "missing holdfast/wheels/", wheel.name)
    reseal(model)
    ran = holdfast("restore", model)
    assert ran.code in {1, 2}, ran
    check_refused(ran, ran.code, wheel.name)
    assert leftovers(holdfast.home / "store" / "environments") == []


def test_a_sealed_wheel_that_was_changed(small, model, tmp_path):
    (wheel,) = (model / "holdfast" / "wheels").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes().replace(b"small", b"smell"))
    holdfast = small.spoilable(tmp_path)
    check_refused(holdfast("restore", model), 1, "changed holdfast/wheels/")
    # Whoever changes the seal as well still meets the lock.
    reseal(model)
    check_refused(holdfast("restore", model), 1, "not the wheel that was locked")
    assert leftovers(holdfast.home / "store" / "building") == []
    assert leftovers(holdfast.home / "store" / "environments") == []


class _Index(BaseHTTPRequestHandler):
    """An index that gives the same answer to everything."""

    status, body = 200, b"other bytes"

    def answer(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_HEAD = answer  # noqa: N815 - the server's names

    def log_message(self, *_: object) -> None: ...


@contextmanager
def index(**answer: object) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Index", (_Index,), answer))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fetched_from(model: Path, port: int) -> None:
    """Have the lock take one small package from loopback, as if it had been locked from there."""
    lock = model / "pylock.toml"
    packages = lock.read_text().split("[[packages]]")
    there = f'"http://127.0.0.1:{port}/files/\\1"'
    for at, text in enumerate(packages):
        if text.startswith('\nname = "python-dateutil"'):
            # uv's cache is by the index, not by the file's address.
            without = re.sub(r"index = .*\n", "", text)
            packages[at] = re.sub(r'"https?://[^"]*/(python_dateutil-[^"/]*)"', there, without)
    lock.write_text("[[packages]]".join(packages))
    reseal(model)


def check_not_restored(small, model: Path, folder: Path, code: int, *words: str) -> None:
    holdfast = small.spoilable(folder)
    check_refused(holdfast("restore", model), code, "dateutil", *words)
    assert leftovers(holdfast.home / "store" / "building") == []
    assert leftovers(holdfast.home / "store" / "environments") == []


def test_an_index_that_serves_another_wheel(small, model, tmp_path):
    other = make_wheel(tmp_path / "index", {}, name="python_dateutil")
    with index(body=other.read_bytes()) as port:
        fetched_from(model, port)
        check_not_restored(small, model, tmp_path, 1, " mismatch", "other bytes")


def test_an_index_that_serves_a_page(small, model, tmp_path):
    with index(body=b"<html>Please log in</html>") as port:
        fetched_from(model, port)
        check_not_restored(small, model, tmp_path, 3, "no wheel: a proxy's page")


def test_an_index_that_wants_another_password(small, model, tmp_path):
    with index(status=401) as port:
        fetched_from(model, port)
        check_not_restored(small, model, tmp_path, 3, "401", "UV_INDEX_<NAME>_PASSWORD")


def test_an_index_that_is_not_there(small, model, tmp_path):
    with index() as port:
        pass
    fetched_from(model, port)
    check_not_restored(small, model, tmp_path, 3, "network")


def test_offline_and_not_here(small, model, tmp_path):
    fetched_from(model, 9)
    holdfast = small.spoilable(tmp_path)
    check_refused(holdfast("restore", model, "--offline"), 3, "dateutil", "--offline")


def test_a_python_that_cannot_be_had(holdfast, model):
    python = seal_of(model)["python"]
    edit_seal(model, python={**python, "version": "3.98.1"})
    check_refused(holdfast("restore", model), 3, "3.98.1", "uv python install")
    check_refused(holdfast("predict", model, "-i", "-", "--offline", "--format", "csv"), 2, "empty")
    edit_seal(model, python={**python, "version": "three"})
    check_refused(holdfast("restore", model), 2, "'three'")


SAVE = "mlflow.pyfunc.save_model(sys.argv[1], python_model=Answer(), input_example=example)"


def test_a_project_locked_by_a_newer_uv(small_project, small_script):
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas")
    project.write("train.py", small_script(call=SAVE))
    project.sync()
    lock = project.folder / "uv.lock"
    as_it_was = lock.read_text()

    # A revision more is read as before (uv's promise); another version is not, and nothing is lost.
    lock.write_text(re.sub(r"^revision = \d+", "revision = 99", as_it_was, flags=re.MULTILINE))
    ran = project.train("train.py", "revision")
    assert ran.code == 0, ran
    assert seal_of(project.folder / "revision")["grade"] in {"locked", "frozen"}
    lock.write_text(re.sub(r"^version = \d+", "version = 2", as_it_was, count=1))
    ran = project.train("train.py", "version")
    assert ran.code == 0, ran
    seal = seal_of(project.folder / "version")
    assert seal["grade"] == "frozen"
    assert any("uv.lock cannot be read" in reason for reason in seal["reasons"]), seal["reasons"]
    warned = [line for line in ran.err.splitlines() if "holdfast: sealed as" in line]
    assert len(warned) == 1, ran
    assert "Traceback" not in ran.err


# Rows that do not fit; what can be found out without the model is found out before.


@pytest.fixture
def predict(holdfast, small):
    """Predict a file with these contents; the output file must not come to be."""

    def run(name: str, contents: str | bytes | None, *options: str) -> Ran:
        source = holdfast.folder / name
        if contents is not None:
            source.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        ran = holdfast("predict", small.model, "-i", source, "-o", "answers.csv", *options)
        assert set(leftovers(holdfast.folder)) <= {name}, ran
        return ran

    return run


@pytest.mark.parametrize(
    ("name", "contents", "options", "words"),
    [
        ("rows.csv", None, (), ("rows.csv cannot be read: No such file",)),
        ("rows.csv", "", (), ("rows.csv is empty",)),
        ("rows.csv", "\n \n", (), ("rows.csv is empty",)),
        ("rows.txt", ROWS, (), ("ends in .txt", ".csv, .json, .parquet", "--format csv")),
        ("rows", ROWS, (), ("has no ending", "--format csv")),
        ("rows.csv", ROWS, ("--params", "{"), ("--params is not JSON",)),
        ("rows.csv", ROWS, ("--params", "[1]"), ("--params is not a JSON object",)),
        ("rows.csv", ROWS, ("-o", "answers.xls"), ("ends in .xls", "--output-format")),
        ("rows.csv", ROWS, ("-o", "no/such/folder.csv"), ("cannot be written", "No such file")),
        ("rows.csv", ROWS, ("-o", "."), ("cannot be written", "directory")),
        ("rows.csv", ROWS, ("-o", "/proc/answers.csv"), ("/proc/answers.csv cannot be written",)),
    ],
)
def test_what_is_wrong_without_looking_at_the_model(predict, name, contents, options, words):
    check_refused(predict(name, contents, *options), 2, *words)


@pytest.mark.parametrize(
    ("name", "contents", "options", "words"),
    [
        ("rows.csv", "name,weight\na,1\n", (), ("missing inputs ['count']", "holdfast show")),
        ("rows.csv", "name,weight,count\na,heavy,1\n", (), ("column 'weight'", "'heavy'")),
        ("rows.json", '[{"name": "a", "weight": "heavy", "count": 1}]', (), ("weight", "float")),
        ("rows.json", "{", (), ("not a json file", "line 1 column 2")),
        ("rows.csv", ROWS, ("--params", '{"faktor": 2}'), ("no parameter 'faktor'", "factor")),
        ("rows.parquet", b"PAR1", (), ("Parquet",)),
    ],
)
def test_rows_that_do_not_fit(predict, name, contents, options, words):
    check_refused(predict(name, contents, *options), 2, *words)


# MLflow's registry and server.


@pytest.fixture(scope="module")
def tracking(tmp_path_factory, small):
    """A tracking store with a model "small", version 1, and a run that logged nothing."""
    folder = tmp_path_factory.mktemp("tracking")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri, registry_uri=uri)
    run = client.create_run(client.create_experiment("none", str(folder / "artifacts")))
    client.create_registered_model("small")
    client.create_model_version("small", small.model.as_uri(), run_id=run.info.run_id)
    client.create_registered_model("lost")
    client.create_model_version("lost", (folder / "lost").as_uri())
    return uri, run.info.run_id


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("models:/small@champion", "champion"),
        ("models:/small/7", "version=7"),
        ("models:/smell/1", "name=smell"),
        ("models:/lost/1", "its files are not there"),
        ("runs:/{run}/model", "its files are not there"),
        (f"runs:/{'0' * 32}/model", "0" * 32),
        (f"models:/m-{'0' * 32}", "0" * 32),
    ],
)
def test_a_name_that_mlflow_does_not_know(holdfast, tracking, uri, words):
    store, run = tracking
    ran = holdfast("show", uri.format(run=run), MLFLOW_TRACKING_URI=store)
    check_refused(ran, 2, words)


def test_a_name_that_mlflow_knows(holdfast, tracking):
    ran = holdfast("show", "models:/small/1", MLFLOW_TRACKING_URI=tracking[0])
    assert ran.code == 0, ran


@pytest.mark.parametrize("uri", ["models:/", "models:/a", "models:/a/b/c", "runs:/", "runs:/abc"])
def test_a_name_that_names_nothing(holdfast, uri):
    check_refused(holdfast("show", uri), 2, "names no model", "models:/name@alias")


def test_asking_for_a_model_makes_no_store(holdfast):
    check_refused(holdfast("show", "models:/a/1"), 2, "no MLflow store", "MLFLOW_TRACKING_URI")
    assert leftovers(holdfast.folder) == []


def test_a_tracking_server_that_is_down(holdfast):
    with index() as port:
        pass
    server = f"http://ada:s3cret@127.0.0.1:{port}"
    env = {"MLFLOW_TRACKING_URI": server, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    for uri in ("models:/a/1", f"runs:/{'0' * 32}/model"):
        ran = holdfast("verify", uri, **env)
        check_refused(ran, 3, f"no answer from http://127.0.0.1:{port}", "MLFLOW_TRACKING_URI")
        assert "s3cret" not in ran.err


def test_a_tracking_server_that_is_none(holdfast):
    with index(status=200, body=b"<html>hello</html>") as port:
        env = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
        check_refused(holdfast("show", "models:/a/1", **env), 3, "MLflow cannot open models:/a/1")


def test_recording_needs_a_version(holdfast, small):
    check_refused(holdfast("verify", small.model, "--record"), 2, "no version in the registry")


# Usage.


@pytest.mark.parametrize(
    "words",
    [
        ["nosuch"],
        ["show"],
        ["show", "--nosuch", "model"],
        ["verify", "model", "--tolerance", "nan"],
        ["verify", "model", "--timeout", "0"],
        ["env", "prune", "--older-than", "soon"],
        ["env", "prune", "--max-size", "big"],
        ["run", "model"],
        ["run", "model", "--offline", "--", "true"],
    ],
)
def test_wrong_usage(holdfast, words):
    ran = holdfast(*words)
    assert (ran.code, ran.out) == (2, ""), ran
    assert "Traceback" not in ran.err
    assert "Error: " in ran.err


def test_a_home_that_others_can_write_to(holdfast, small):
    home = holdfast.folder / "home"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    ran = holdfast("restore", small.model, HOLDFAST_HOME=str(home))
    check_refused(ran, 3, "written by somebody else", "chmod go-w")
    (holdfast.folder / "file").touch()
    ran = holdfast("env", "list", HOLDFAST_HOME=str(holdfast.folder / "file"))
    check_refused(ran, 3, "cannot be used")


def test_with_v_the_traceback_is_there_too(holdfast, tmp_path):
    for words in (("-v", "show"), ("show", "-v")):
        ran = holdfast(*words, tmp_path / "nowhere")
        assert (ran.code, ran.out) == (2, "")
        assert "Traceback" in ran.err
        assert "error: " in ran.err


def test_golden_predictions_that_cannot_be_read(small, model, holdfast):
    golden = model / "holdfast" / "golden.json"
    contents = json.loads(golden.read_text())
    golden.write_text(json.dumps({**contents, "format": 99}))
    reseal(model)
    check_refused(holdfast("verify", model), 2, "golden.json has format 99", "--upgrade")
    contents["input"]["buffers"] = [base64.b64encode(b"?").decode()] * 9
    golden.write_text(json.dumps(contents))
    reseal(model)
    ran = holdfast("verify", model)
    assert ran.code in {1, 2, 3}, ran
    assert "Traceback" not in ran.err + ran.out


def test_a_store_in_a_database_takes_all_of_mlflow(holdfast, holdfast_wheel, tmp_path):
    (tmp_path / "mlflow.db").touch()
    python = tmp_path / "tool" / "bin" / "python"
    run_uv(["venv", "--quiet", "--python", sys.executable, str(tmp_path / "tool")])
    run_uv(["pip", "install", "--quiet", "--python", str(python), str(holdfast_wheel)])
    env = surroundings(MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path / 'mlflow.db'}")
    ran = run([str(python), "-m", "holdfast", "show", "models:/x/1"], cwd=tmp_path, env=env)
    check_refused(ran, 3, "in a database (sqlite)", "uv tool install --with mlflow holdfast")
