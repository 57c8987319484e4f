"""What model loaders have been broken by (docs/threats.md), tried on this one.

A model, a seal, a lock, a wheel, a registry and an artifact store are other people's input.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import pickle
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from mlflow import MlflowClient

from holdfast.errors import HoldfastError, InputError, MismatchError
from holdfast.mlflow_store import fetch
from holdfast.model import open_model
from holdfast.seal.digest import digest_folder
from holdfast.seal.grade import Grade
from holdfast.seal.seal import SealedIndex, SealedPython
from holdfast.seal.store import read_seal, write_seal
from kit import REPOSITORY, Holdfast, run, seal_of, surroundings
from small import ROWS, edit_seal, reseal

SOURCE = REPOSITORY / "src" / "holdfast"


@pytest.fixture
def holdfast(small, tmp_path) -> Holdfast:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "rows.csv").write_text(ROWS)
    return small.holdfast(folder)


@pytest.fixture
def model(small, tmp_path) -> Path:
    return small.copy(tmp_path / "model")


# Code runs when a model is loaded.


class _Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.fixture
def bomb(model, tmp_path) -> Path:
    """The marker that the model leaves when it is loaded."""
    marker = tmp_path / "it-went-off"
    (model / "python_model.pkl").write_bytes(pickle.dumps(_Bomb(marker)))
    return marker


EVERY_VERB = [
    ("image", "{model}", "--dockerfile", "context"),
    ("diff", "{model}", "{model}"),
    ("show", "{model}", "--html", "-"),
    ("show", "{model}"),
    ("show", "{model}", "--packages", "--json"),
    ("restore", "{model}"),
    ("run", "{model}", "true"),
    ("verify", "{model}"),
    ("verify", "{model}", "--strict", "--tolerance", "1"),
    ("predict", "{model}", "-i", "rows.csv"),
    ("diff", "{model}", "{model}", "--replay"),
]


@pytest.mark.parametrize("words", EVERY_VERB)
def test_a_model_that_was_changed_is_never_loaded(holdfast, model, bomb, words):
    ran = holdfast(*(word.format(model=model) for word in words))
    assert ran.code in ({1} if words[0] in {"verify", "predict"} else {0, 1}), ran
    assert not bomb.exists()


@pytest.mark.parametrize("words", EVERY_VERB[:7])
def test_no_command_but_two_loads_a_model_at_all(holdfast, model, bomb, words):
    reseal(model)
    ran = holdfast(*(word.format(model=model) for word in words))
    assert ran.code == 0, ran
    assert not bomb.exists()


def test_a_seal_proves_that_nothing_changed_not_that_all_is_well(holdfast, model, bomb):
    # Whoever may write the model and the seal decides what is loaded: in the worker, never here.
    reseal(model)
    assert holdfast("verify", model).code == 1
    assert bomb.exists()


def test_other_files_that_run_when_a_model_is_loaded(holdfast, model, tmp_path):
    for name in ("code/sitecustomize.py", "code/mlflow.py", "loader.py", "python_model.py"):
        path = model / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    mlmodel = model / "MLmodel"
    mlmodel.write_text(mlmodel.read_text().replace("mlflow.pyfunc.model", "loader"))
    ran = holdfast("predict", model, "-i", "rows.csv")
    assert ran.code == 1, ran
    assert "changed MLmodel; added code/mlflow.py, code/sitecustomize.py, loader.py" in ran.err
    assert not (tmp_path / "ran").exists()


# No pickle on any socket; no shell; in the source, once for all.


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
            yield from (
                f"{word.arg}={ast.unparse(word.value)}" for word in node.keywords if word.arg
            )


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name)
def test_no_pickle_and_no_shell_in_the_source(path):
    tree = ast.parse(path.read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    }
    assert not imported & {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "pty"}
    forbidden = {
        *("eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "yaml.load"),
        *("shell=True", "allow_pickle=True", "shutil.unpack_archive"),
    }
    calls = set(_calls(tree))
    # Tars are looked into where images are made of them; nothing there unpacks what one says.
    if SOURCE / "image" in path.parents:
        assert not {"extract", "extractall"} & {call.rpartition(".")[2] for call in calls}
    else:
        forbidden.add("tarfile.open")
    assert not calls & forbidden


HOSTILE = [
    "; touch went-off",
    "$(touch went-off)",
    "`touch went-off`",
    "a\ntouch went-off",
    "--help",
    "../../etc",
    "'\"; touch went-off; '",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_never_a_shells_words(holdfast, small, text, monkeypatch, own_home):
    monkeypatch.chdir(holdfast.folder)
    for uri in (f"models:/{text}/1", f"runs:/{text}/m", f"models:/a@{text}", f"./{text}", text):
        with pytest.raises(InputError):
            open_model(uri)
    copy = small.copy(holdfast.folder / "models" / text.replace("/", "_"))
    ran = holdfast("restore", "--", copy)
    assert ran.code == 0, ran
    if "\n" not in text:  # MLflow cannot load from such a folder
        ran = holdfast("predict", "-i", "rows.csv", "--", copy)
        assert ran.code == 0, ran
    assert not list(holdfast.folder.rglob("went-off"))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_seal_says_is_never_a_shells_word_nor_an_option(small, model, tmp_path, text):
    holdfast = small.spoilable(tmp_path)
    python = seal_of(model)["python"]
    for change in ({"version": text}, {"implementation": text}, {"version": f"3.11.7{text}"}):
        edit_seal(model, python={**python, **change})
        ran = holdfast("restore", model)
        assert (ran.code, ran.out) == (2, ""), ran
        assert "does not name a Python release" in ran.err
    reseal(model, python=SealedPython(**python),
           indexes=(_index(text, "http://127.0.0.1:9/"), _index("", text)))  # fmt: skip
    ran = holdfast("restore", model)
    assert ran.code in {0, 2, 3}, ran
    assert not list(tmp_path.rglob("went-off"))
    assert not (Path.cwd() / "went-off").exists()


def _index(name: str, url: str) -> SealedIndex:
    # A seal of this version; its fields may have grown.
    given = {"name": name, "url": url}
    rest = {
        field.name: False if field.type in {"bool", bool} else ()
        for field in dataclasses.fields(SealedIndex)
        if field.name not in given and field.default is dataclasses.MISSING
    }
    return SealedIndex(**given, **rest)  # type: ignore[arg-type]


def test_what_a_model_says_does_not_write_on_the_terminal(holdfast, small, model):
    name = "a\x1b[2K\r✓ model-files      all is well\nall is well"
    (model / name).touch()
    project = seal_of(model)["project"]
    edit_seal(model, project={**project, "name": "\x1b]0;owned\x07"}, reasons=["one\rtwo"])
    for words in (
        ("verify", model),
        ("show", model),
        ("predict", model, "-i", "rows.csv"),
        ("diff", small.model, model),
    ):
        ran = holdfast(*words)
        shown = ran.out + ran.err
        assert not set(shown) & {"\x1b", "\x07", "\r"}, ran
        assert not any(
            line.startswith(("✓ model-files", "all is well")) for line in shown.split("\n")
        )


# Paths and links in models, seals and locks.


OUTSIDE = ["../outside.whl", "/etc/hostname", "holdfast/../../outside.whl", "a\\..\\b", ".", ""]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_seal_that_names_a_file_outside(holdfast, model, tmp_path, path):
    (tmp_path / "outside.whl").write_bytes(b"")
    seal = seal_of(model)
    edit_seal(model, files={**seal["files"], path: {"size": 0, "sha256": "0" * 64}})
    for words in (("verify", model), ("predict", model, "-i", "rows.csv")):
        ran = holdfast(*words)
        assert (ran.code, ran.out) == (2, ""), ran
        assert "leads out of" in ran.err or "no sealed path has" in ran.err
    edit_seal(model, files=seal["files"], wheels=[{**seal["wheels"][0], "path": path}])
    ran = holdfast("restore", model)
    assert (ran.code, ran.out) == (2, ""), ran


@pytest.mark.parametrize("path", OUTSIDE[:3])
def test_a_lock_that_names_a_wheel_outside(small, model, tmp_path, path):
    (wheel,) = (model / "holdfast" / "wheels").glob("*.whl")
    (tmp_path / "outside.whl").write_bytes(wheel.read_bytes())
    lock = model / "pylock.toml"
    inside = f"holdfast/wheels/{wheel.name}"
    for there in (inside, f"./{inside}"):
        lock.write_text(lock.read_text().replace(f'"{there}"', f'"{path}"'))
    assert path in lock.read_text()
    reseal(model)
    ran = small.spoilable(tmp_path)("restore", model)
    assert (ran.code, ran.out) == (2, ""), ran
    assert "not in the folder" in ran.err or "cannot be read" in ran.err, ran


@pytest.mark.parametrize(
    "name", ["pylock.toml", "holdfast/wheels", "holdfast", "holdfast/seal.json"]
)
def test_a_link_where_a_file_is_opened(holdfast, model, tmp_path, name):
    away = (model / name).rename(tmp_path / "away")
    (model / name).symlink_to(away)
    ran = holdfast("restore", model)
    assert ran.code in {1, 2}, ran
    assert ran.out == ""
    assert "link" in ran.err or "not as it was sealed" in ran.err, ran


def test_a_link_in_a_models_folder_is_not_followed(holdfast, model, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (model / "extra").symlink_to(tmp_path)
    receipt = holdfast.receipt(model)
    assert receipt["checks"][0]["details"] == ["added: extra"]
    # A seal cannot bless a link, either.
    reseal(model)
    assert open_model(model).compare_files().changed == ("extra",)


# A store of artifacts, and a registry, that are not to be trusted.


class _Artifacts(BaseHTTPRequestHandler):
    """MLflow's protocol for artifacts over HTTP: folders listed, files sent."""

    root: Path
    lies: ClassVar[dict[str, list[dict[str, Any]]]] = {}
    asked: ClassVar[list[str]] = []
    turn = staticmethod(lambda path, data: data)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        place = parts.path.partition("/artifacts")[2].strip("/")
        self.asked.append(self.path)
        if "path" in parse_qs(parts.query):
            self._answer(json.dumps(self._listed(parse_qs(parts.query)["path"][0])).encode())
            return
        path = self.root / unquote(place)
        if path.is_file():
            self._answer(self.turn(path, path.read_bytes()))
        else:
            self.send_error(404)

    def _listed(self, place: str) -> dict[str, Any]:
        folder = self.root / place
        found = [
            {"path": one.name, "is_dir": one.is_dir(), "file_size": one.stat().st_size}
            for one in (sorted(folder.iterdir()) if folder.is_dir() else [])
        ]
        return {"files": [*found, *self.lies.get(place, [])]}

    def _answer(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def artifacts(root: Path, **answers: Any) -> Iterator[tuple[str, list[str]]]:
    """Serve the folders in `root`; the address, and what was asked for."""
    asked: list[str] = []
    kind = type("Artifacts", (_Artifacts,), {"root": root, "asked": asked, **answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        where = f"http://127.0.0.1:{server.server_port}/api/2.0/mlflow-artifacts/artifacts"
        yield where, asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def own_home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    return tmp_path / "home"


def test_a_model_is_downloaded_once_into_a_private_folder(model, tmp_path, own_home):
    with artifacts(tmp_path) as (where, asked):
        first = open_model(f"{where}/model")
        count = len(asked)
        again = open_model(f"{where}/model")
        assert all("seal.json" in request for request in asked[count:])
    assert first.path == again.path == own_home / "models" / first.digest
    assert first.compare_files().matches
    for folder in (own_home, own_home / "models", first.path):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o022 == 0
    assert stat.S_IMODE(own_home.stat().st_mode) == 0o700
    assert stat.S_IMODE((own_home / "models").stat().st_mode) == 0o700
    assert [path.name for path in (own_home / "models").iterdir()] == [first.digest]


def test_a_store_that_lists_files_outside(model, tmp_path, own_home):
    for path in ("../../evil", "/evil", "..%2f..%2fevil", "%2e%2e/evil"):
        (tmp_path / "evil").write_text("evil")
        lies = {"model": [{"path": path, "is_dir": False, "file_size": 4}]}
        with artifacts(tmp_path, lies=lies) as (where, _), pytest.raises(HoldfastError) as caught:
            open_model(f"{where}/model").check_files()
        assert caught.value.exit_code in {1, 2, 3}
        found = [one for one in own_home.rglob("*evil*") if (own_home / "models") in one.parents]
        outside = [one for one in own_home.rglob("*evil*") if one not in found]
        assert not outside


def test_a_store_that_changes_files_on_their_way(model, tmp_path, own_home):
    def turned(path: Path, data: bytes) -> bytes:
        return data + b"\n" if path.name == "MLmodel" else data

    with artifacts(tmp_path, turn=staticmethod(turned)) as (where, _):
        opened = open_model(f"{where}/model")
    with pytest.raises(MismatchError, match="changed MLmodel"):
        opened.check_files()


def test_a_store_that_changes_the_seal_on_its_way(model, tmp_path, own_home):
    seals = iter(range(10))

    def turned(path: Path, data: bytes) -> bytes:
        return data + b" " * next(seals) if path.name == "seal.json" else data

    with (
        artifacts(tmp_path, turn=staticmethod(turned)) as (where, _),
        pytest.raises(MismatchError, match="another seal"),
    ):
        open_model(f"{where}/model")
    assert list((own_home / "models").iterdir()) == []


def test_a_download_that_was_spoilt_here_is_made_again(model, tmp_path, own_home):
    with artifacts(tmp_path) as (where, _):
        first = open_model(f"{where}/model")
        edit_seal(first.path, reasons=["mine"])
        again = open_model(f"{where}/model")
    assert again.digest == first.digest
    assert again.compare_files().matches
    assert [path.name for path in (own_home / "models").iterdir()] == [first.digest]


def test_a_model_in_a_store_without_a_seal_says_so(model, tmp_path, own_home):
    (model / "holdfast" / "seal.json").unlink()
    with artifacts(tmp_path) as (where, _):
        with pytest.raises(InputError, match="is not sealed"):
            open_model(f"{where}/model")
        with pytest.raises(InputError, match="is not there"):
            open_model(f"{where}/nothing")


def test_a_version_whose_files_were_replaced(holdfast, model, tmp_path):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(store, registry_uri=store)
    client.create_registered_model("m")
    client.create_model_version("m", model.as_uri())
    env = {"MLFLOW_TRACKING_URI": store}
    uri = "models:/m/1"
    first = holdfast.receipt(uri, "--record", **env)
    assert first["matches"]
    assert client.get_model_version("m", "1").tags["holdfast.seal"] == first["seal"]

    # Sealed anew and in itself in order: only the record tells.
    (model / "extra.txt").write_text("of somebody else")
    reseal(model)
    ran = holdfast("predict", uri, "-i", "rows.csv", **env)
    assert (ran.code, ran.out) == (1, ""), ran
    assert first["seal"][:16] in ran.err
    second = holdfast.receipt(uri, "--record", **env)
    assert not second["matches"]
    assert second["checks"][0]["name"] == "registry"
    # To record it does not make it right.
    tags = client.get_model_version("m", "1").tags
    assert (tags["holdfast.verified"], tags["holdfast.seal"]) == ("false", first["seal"])


# Folders that others share.


def test_folders_are_private_from_the_start(small, tmp_path):
    command = ["/usr/bin/env", "bash", "-c", 'umask 000; exec "$@"', "-"]
    holdfast = small.spoilable(tmp_path)
    words = [*command, sys.executable, "-m", "holdfast", "restore", str(small.model)]
    ran = run(words, cwd=tmp_path,
              env=surroundings(HOLDFAST_HOME=str(holdfast.home), **holdfast.env))  # fmt: skip
    assert ran.code == 0, ran
    for folder in (holdfast.home, holdfast.home / "store", *(holdfast.home / "store").iterdir()):
        if folder.is_dir():
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_a_uri_with_a_password_is_shown_without(own_home):
    with pytest.raises(HoldfastError) as caught:
        fetch("http://ada:s3cret@127.0.0.1:9/api/2.0/mlflow-artifacts/artifacts/model")
    assert "s3cret" not in str(caught.value)


def test_requirements_that_are_more_than_packages(holdfast, model):
    (model / "pylock.toml").unlink()
    odd = ("-e ../stranger", "--extra-index-url http://127.0.0.1:9/simple", "-r /etc/passwd")
    lines = ("mlflow-skinny", *odd, "mine @ file:///etc")
    (model / "requirements.txt").write_text("\n".join(lines), encoding="utf-8")
    seal, _ = read_seal(model)
    unlocked = dataclasses.replace(
        seal, grade=Grade.INFERRED, lock="", wheels=(), files=digest_folder(model)
    )
    write_seal(model, unlocked)
    ran = holdfast("restore", model)
    assert ran.code == 2, ran
    assert all(line in ran.err for line in lines[1:]), ran
    assert ran.out == ""
