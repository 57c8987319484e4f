"""The servers to compare: how each is started, and how it is spoken to."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stand import COLUMNS, FLAVORS, Model, Stand

_PEERS = Path(__file__).with_name("peers")


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a server wants rows and gives answers, both as JSON."""

    path: str
    ask: Callable[[list[list[float]]], Any]
    answers: Callable[[Any], list[Any]]

    def body(self, rows: list[list[float]]) -> bytes:
        """The body of a request for the answers to some rows."""
        return json.dumps(self.ask(rows)).encode()


@dataclass(frozen=True, slots=True)
class Launch:
    """A command to start, in a folder of its own."""

    command: list[str]
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """One way of serving.

    Attributes:
        name: As it is printed.
        environment: In which of the stand's it runs.
        launch: The command for a model, on a port; it may write into the folder.
        protocol: How it is spoken to.
    """

    name: str
    environment: str
    launch: Callable[[Stand, Model, int, Path], Launch]
    protocol: Protocol


_MLFLOW = Protocol(
    "/invocations",
    lambda rows: {"dataframe_split": {"columns": COLUMNS, "data": rows}},
    lambda said: said["predictions"],
)
_BENTO = Protocol("/predict", lambda rows: {"rows": rows}, lambda said: said)
_LIT = Protocol("/predict", lambda rows: {"rows": rows}, lambda said: said["predictions"])
_V2 = Protocol(
    "/v2/models/model/infer",
    lambda rows: {
        "inputs": [
            {
                "name": "rows",
                "shape": [len(rows), len(COLUMNS)],
                "datatype": "FP64",
                "data": [value for row in rows for value in row],
            }
        ]
    },
    lambda said: said["outputs"][0]["data"],
)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def holdfast(workers: int) -> Server:
    """`holdfast serve`."""

    def launch(stand: Stand, model: Model, port: int, folder: Path) -> Launch:
        del folder
        program = str(stand.programs("holdfast") / "holdfast")
        how = ["--workers", str(workers), "--port", str(port)]
        home = {"HOLDFAST_HOME": str(stand.home)}
        return Launch([program, "serve", str(model.folder), *how], home)

    return Server(
        "holdfast" if workers == 1 else f"holdfast {workers}", "holdfast", launch, _MLFLOW
    )


def _mlflow(stand: Stand, model: Model, port: int, folder: Path) -> Launch:
    programs = stand.programs("mlflow")
    serve = [str(programs / "mlflow"), "models", "serve", "-m", str(model.folder)]
    how = ["--env-manager", "local", "-w", "1", "-h", "127.0.0.1", "-p", str(port)]
    tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    return Launch([*serve, *how], tracking)


def _bare(stand: Stand, model: Model, port: int, folder: Path) -> Launch:
    del folder
    program = str(stand.programs("bare") / "uvicorn")
    where = ["--app-dir", str(_PEERS), "--host", "127.0.0.1", "--port", str(port)]
    how = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    what = {"FLAVOR": FLAVORS[model.name], "MODEL": str(model.folder)}
    return Launch([program, "bare:app", *where, *how], what)


def _bento(*, batch: bool) -> Server:
    def launch(stand: Stand, model: Model, port: int, folder: Path) -> Launch:
        program = str(stand.programs("bentoml") / "bentoml")
        where = ["--working-dir", str(_PEERS), "--host", "127.0.0.1", "--port", str(port)]
        what = {"BATCH": str(int(batch)), "MODEL": str(model.joblib), "BENTOML_HOME": str(folder)}
        return Launch([program, "serve", "bento:Model", *where], what)

    return Server("bentoml batched" if batch else "bentoml", "bentoml", launch, _BENTO)


def _lit(*, batch: bool) -> Server:
    def launch(stand: Stand, model: Model, port: int, folder: Path) -> Launch:
        del folder
        program = str(stand.programs("litserve") / "python")
        what = {"BATCH": str(int(batch)), "MODEL": str(model.joblib)}
        return Launch([program, str(_PEERS / "lit.py"), str(port)], what)

    return Server("litserve batched" if batch else "litserve", "litserve", launch, _LIT)


def _mlserver(*, batch: bool, workers: int) -> Server:
    """Its scikit-learn runtime, which takes LightGBM's classifier as well."""

    def launch(stand: Stand, model: Model, port: int, folder: Path) -> Launch:
        settings = {
            "debug": False,
            "host": "127.0.0.1",
            "http_port": port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
            "parallel_workers": workers,
        }
        of_model: dict[str, Any] = {
            "name": "model",
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(model.joblib)},
        }
        if batch:
            of_model |= {"max_batch_size": 64, "max_batch_time": 0.002}
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "model-settings.json").write_text(json.dumps(of_model), encoding="utf-8")
        return Launch([str(stand.programs("mlserver") / "mlserver"), "start", str(folder)])

    inside = "" if workers else " in one process"
    return Server(f"mlserver{' batched' * batch}{inside}", "mlserver", launch, _V2)


HOLDFAST = holdfast(workers=1)
MLFLOW = Server("mlflow", "mlflow", _mlflow, _MLFLOW)
BARE = Server("bare", "bare", _bare, _MLFLOW)
OTHERS = (
    _bento(batch=False),
    _bento(batch=True),
    _lit(batch=False),
    _lit(batch=True),
    _mlserver(batch=False, workers=1),
    _mlserver(batch=True, workers=1),
    _mlserver(batch=False, workers=0),
    _mlserver(batch=True, workers=0),
)
SERVERS = (MLFLOW, *OTHERS, BARE, HOLDFAST)
