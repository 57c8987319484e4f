"""The ways to score a file: a command each, and how its answers are read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """Folders and files with an underscore are not data."""
    files = sorted(path for path in folder.rglob("[!_]*") if path.suffix in {".csv", ".parquet"})
    return [answer for path in files for answer in answers_in(path)]


def answers_in(path: Path) -> list[Any]:
    """The last column of a file."""
    table = pyarrow.dataset.dataset(path, format=path.suffix[1:]).to_table()
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


def holdfast(workers: int) -> Way:
    """`holdfast score` on this machine."""

    def command(stand: Stand, model: Model, rows: Path, folder: Path) -> list[str]:
        program = [str(stand.programs("holdfast") / "holdfast"), "score", "-q"]
        files = [str(model.folder), str(rows), "-o", str(folder / "out"), "--keep", KEY]
        return [*program, *files, "--workers", str(workers)]

    return Way(f"holdfast {workers}", command, _of_files)


LIMIT = limit("pyfunc")
WAYS = [LIMIT, limit("bare"), holdfast(1), holdfast(2), mlflow("local"), mlflow("uv")]
