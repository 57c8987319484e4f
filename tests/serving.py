"""Models to serve, sealed once a run in one environment, and the real server in front of them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kit import UvProject, made_once, surroundings

OWN = '''
import os
import signal
import time

import mlflow


class Temper(mlflow.pyfunc.PythonModel):
    """Doubles `x`, unless `x` says to misbehave: below -1e6 it is an instruction."""

    def predict(self, context, model_input, params=None):
        print("asked for", len(model_input))
        for value in model_input["x"]:
            if value == -1_000_001:
                raise ValueError("x is out of temper")
            if value == -1_000_002:
                os.kill(os.getpid(), signal.SIGKILL)
            if value == -1_000_003:
                time.sleep(3600)
            if value == -1_000_004:
                time.sleep(1)
        return model_input["x"] * 2


class Odd(mlflow.pyfunc.PythonModel):
    """Answers with what it was given, under names that somebody meant to do harm with."""

    def predict(self, context, model_input, params=None):
        answer = model_input.rename(columns={"note": "<i>note</i>"})
        return answer.assign(said=(params or {}).get("said", ""))


class Drawn(mlflow.pyfunc.PythonModel):
    """What digit a picture shows, as ten chances."""

    def __init__(self, classifier):
        self.classifier = classifier

    def predict(self, context, model_input, params=None):
        return self.classifier.predict_proba(model_input.reshape(len(model_input), -1))
'''

TRAIN = """
import sys
from pathlib import Path

import lightgbm
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from served.temper import Drawn, Odd, Temper

out = Path(sys.argv[1])
rng = np.random.default_rng(7)
X = pd.DataFrame(rng.normal(size=(500, 10)), columns=[f"x{i}" for i in range(10)])
y = (X.x0 + X.x1 * X.x2 > 0).astype(int)
scaled = make_pipeline(StandardScaler(), LogisticRegression())
mlflow.sklearn.save_model(scaled.fit(X, y), out / "numbers", input_example=X.head(5))
mlflow.sklearn.save_model(
    scaled.fit(X, y), out / "chances", input_example=X.head(5), pyfunc_predict_fn="predict_proba"
)
mlflow.lightgbm.save_model(
    lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(X, y), out / "trees",
    input_example=X.head(5),
)
mlflow.sklearn.save_model(
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X.to_numpy(), y), out / "tensor",
    input_example=X.head(5).to_numpy(),
)
M = pd.DataFrame({
    "city": rng.choice(["Bern", "Genève", "Zürich"], 500), "member": rng.random(500) > 0.5,
    "age": rng.integers(18, 90, 500), "weight": rng.normal(70, 9, 500),
})
mixed = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"),
    LogisticRegression(max_iter=2000),
)
label = np.where(M.age + 20 * M.member > 60, "old", "young")
mlflow.sklearn.save_model(mixed.fit(M, label), out / "mixed", input_example=M.head(5))
x = pd.DataFrame({"x": [1.0, 2.5, -3.0]})
mlflow.pyfunc.save_model(
    out / "temper", python_model=Temper(), input_example=x, signature=infer_signature(x, x.x * 2)
)
evil = "<img src=x onerror=alert(1)>"
o = pd.DataFrame({
    evil: [evil, "plain"], "when": pd.to_datetime(["2026-01-02T03:04:05", "2026-11-21T10:00:00"]),
    "member": [True, False], "count": [2**53 + 1, 7], "weight": [0.5, None],
    "note": ["two\\nlines", None],
})
kinds = ["string", "datetime", "boolean", "long", "double", "string"]
columns = [ColSpec(k, n, required=n not in ("weight", "note")) for k, n in zip(kinds, o)]
said = ParamSchema([ParamSpec("said", "string", "<b>!</b>")])
mlflow.pyfunc.save_model(
    out / "odd", python_model=Odd(), signature=ModelSignature(Schema(columns), params=said),
    input_example=(o, {"said": "<b>!</b>"}),
)
digits = load_digits()
# As they come, 8 x 8 and from 0 to 16; and as dark ink on white, in bytes and with a channel.
large = np.kron(digits.images, np.ones((3, 3)))
pictures = {"digits": digits.images, "dark": (255 - 255 / 16 * large).astype("uint8")[..., None]}
for name, images in pictures.items():
    nearest = KNeighborsClassifier(9, weights="distance")
    mlflow.pyfunc.save_model(
        out / name, input_example=images[:5],
        python_model=Drawn(nearest.fit(images.reshape(len(images), -1), digits.target)),
        signature=infer_signature(images, nearest.predict_proba(images[:5].reshape(5, -1))),
    )
"""
MODELS = ("numbers", "chances", "trees", "tensor", "mixed", "temper", "odd", "digits", "dark")
# What `temper` understands; see its docstring.
RAISE, DIE, HANG, SLOW = -1_000_001.0, -1_000_002.0, -1_000_003.0, -1_000_004.0


# What `httpx.get` and the others do, a connection a request, without making a TLS context for each:
# that takes a core 25 ms, and the tests ask thousands of times.
plain = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))


@dataclass(frozen=True)
class Served:
    """Sealed models by name, never to be changed; the store with their one environment; its Python.

    `python` has MLflow whole, so that stock `mlflow models serve` runs there, too.
    """

    folder: Path

    def model(self, name: str) -> Path:
        return self.folder / "models" / name

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"


@pytest.fixture(scope="session")
def served(
    holdfast_wheel: Path,
    new_project_in: Callable[..., UvProject],
    tmp_path_factory: pytest.TempPathFactory,
) -> Served:
    """The models, made and restored once for all of xdist's processes."""

    def make(folder: Path) -> None:
        _make(new_project_in(folder, "served"), Served(folder))

    return Served(made_once(tmp_path_factory.getbasetemp(), "served", make))


def _make(project: UvProject, served: Served) -> None:
    project.environment = served.folder / "venv"
    project.pyproject(
        *("mlflow", "scikit-learn", "lightgbm", "pandas"), packaged=True, project={"name": "served"}
    )
    project.write("src/served/__init__.py", "")
    project.write("src/served/temper.py", OWN)
    project.write("train.py", TRAIN)
    project.sync()
    (served.folder / "models").mkdir()
    ran = project.train("train.py", served.folder / "models")
    assert ran.code == 0, ran
    env = surroundings(HOLDFAST_HOME=str(served.home))
    for name in MODELS:
        command = [sys.executable, "-m", "holdfast", "restore", "-q", str(served.model(name))]
        subprocess.run(command, env=env, check=True, capture_output=True)


@dataclass
class Server:
    """A running `holdfast serve`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """What it has written to stderr and stdout."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def serving(
    home: Path, *arguments: str | Path, ready: bool = True, seconds: float = 120, **env: str
) -> Iterator[Server]:
    """`holdfast serve …` on a free port, from when `/ping` says 200 until SIGTERM."""
    port = free_port()
    command = [sys.executable, "-m", "holdfast", "serve", *map(str, arguments), "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=surroundings(HOLDFAST_HOME=str(home), **env),
            )
        server = Server(f"http://127.0.0.1:{port}", process, log)
        try:
            if ready:
                wait_ready(server, seconds)
            yield server
            if process.poll() is None:
                server.stop()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def wait_ready(server: Server, seconds: float = 120) -> None:
    """Until every model answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert server.process.poll() is None, server.said
        try:
            if plain.get(f"{server.url}/ping", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready in {seconds} s: {server.said}")
