"""The ways to score a file: a command each, and how its answers are read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
from rows import FORMATS, KEY
from stand import Model, Stand

_LIMIT = Path(__file__).with_name("limit.py")


@dataclass(frozen=True, slots=True)
class Way:
    """One way of scoring.

    Attributes:
        name: As it is printed.
        command: For a model, an input and a folder that is new, in which the output is to be.
        answers: The predictions that lie in that folder, in the order of the rows.
        formats: What it can read.
    """

    name: str
    command: Callable[[Stand, Model, Path, Path], list[str]]
    answers: Callable[[Path], list[Any]]
    formats: tuple[str, ...] = field(default=FORMATS)


def _of_files(folder: Path) -> list[Any]:
    """By their keys: engines keep no order. Names that begin with an underscore are not data."""
    files = [path for path in folder.rglob("[!_.]*") if path.suffix in {".csv", ".parquet"}]
    dataset = pyarrow.dataset.dataset(files, format=files[0].suffix[1:])
    return _last(dataset.to_table().sort_by(KEY))


def answers_in(path: Path) -> list[Any]:
    """The last column of a file."""
    return _last(pyarrow.dataset.dataset(path, format=path.suffix[1:]).to_table())


def _last(table: pa.Table) -> list[Any]:
    return list(table.column(table.num_columns - 1).to_pylist())


def _of_json(folder: Path) -> list[Any]:
    text = (folder / "answers.json").read_text(encoding="utf-8")
    return list(json.loads(text)["predictions"])


def limit(call: str) -> Way:
    """In-process chunks, see limit.py."""

    def command(stand: Stand, model: Model, rows: Path, folder: Path) -> list[str]:
        python, output = stand.programs("mlflow") / "python", folder / f"answers{rows.suffix}"
        return [str(each) for each in (python, _LIMIT, model.folder, rows, output, call)]

    return Way(call, command, _of_files)


def mlflow(manager: str) -> Way:
    """`mlflow models predict`, which reads CSV and JSON; `manager` makes it an environment."""

    def command(stand: Stand, model: Model, rows: Path, folder: Path) -> list[str]:
        files = ["-i", str(rows), "-o", str(folder / "answers.json"), "-t", "csv"]
        how = ["-m", str(model.folder), "--env-manager", manager]
        return [str(stand.programs("mlflow") / "mlflow"), "models", "predict", *how, *files]

    return Way(f"mlflow {manager}", command, _of_json, ("csv",))


def holdfast(name: str, *options: str) -> Way:
    """`holdfast score` on this machine; an engine starts a cluster of one node for itself."""

    def command(stand: Stand, model: Model, rows: Path, folder: Path) -> list[str]:
        program = [str(stand.programs("holdfast") / "holdfast"), "score", "-q"]
        files = [str(model.folder), str(rows), "-o", str(folder / "out"), "--keep", KEY]
        return [*program, *files, *options]

    return Way(f"holdfast {name}", command, _of_files)


LIMIT = limit("pyfunc")
WAYS = [
    LIMIT,
    limit("bare"),
    *(holdfast(workers, "--workers", workers) for workers in ("1", "2")),
    *(holdfast(engine, "--engine", engine) for engine in ("ray", "spark")),
    mlflow("local"),
    mlflow("uv"),
]
