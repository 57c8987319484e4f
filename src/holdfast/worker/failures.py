"""Failures: what can go wrong in the worker, and how it is told to the parent.

An error is `{"kind", "type", "message", "missing", "traceback"}`; its kind is "input" where the
data does not fit the model, "model" where the model failed, "answer" where what it answers cannot
be sent, "wire" where the message was not understood, "rows" where the answers cannot be told apart.
`missing` names the module that was not there, where that is why.

Standard library only, and Python 3.8 upwards: this file runs inside restored environments.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

_FOLDER = str(Path(__file__).resolve().parent) + os.sep
_LAST_LINES = 12
_LONGEST_MESSAGE = 4000
_LONGEST_NAME = 200


class InputError(Exception):
    """What the parent sent does not fit the model."""


class WireError(Exception):
    """What the parent sent is not a request."""


class AnswerError(Exception):
    """What the model answers has no exact form on the wire."""


class RowsError(Exception):
    """The model does not answer each row that it was given by one answer."""


_KINDS = {InputError: "input", WireError: "wire", AnswerError: "answer", RowsError: "rows"}


def describe(error: BaseException) -> dict[str, Any]:
    """`error` as it is sent."""
    ours = isinstance(error, tuple(_KINDS))
    trace = [] if ours else traceback.format_exception(type(error), error, error.__traceback__)
    lines = "".join(trace).splitlines()
    return {
        "kind": _kind_of(error),
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": text_of(error)[:_LONGEST_MESSAGE],
        "missing": _missing_module(error)[:_LONGEST_NAME],
        "traceback": "\n".join(lines[-_LAST_LINES:])[-_LONGEST_MESSAGE:],
    }


def text_of(error: BaseException) -> str:
    """What `error` says, without the data that MLflow puts before it."""
    try:
        text = str(error)
        inner = error.__cause__ or error.__context__
        return str(inner) if inner and text.startswith("Failed to enforce schema of data") else text
    # An exception is the model's code too.
    except Exception as second:  # noqa: BLE001
        return f"(its message could not be had: {type(second).__name__})"


def raised_by_schema(error: BaseException) -> bool:
    """Whether MLflow's own check of the data raised, before any code of the model ran.

    The type is not enough: a model may raise MlflowException, and the check may fail with others.
    """
    mlflow = sys.modules.get("mlflow")
    folder = str(Path(getattr(mlflow, "__file__", None) or os.devnull).parent) + os.sep
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        file = code.co_filename
        if file.startswith(_FOLDER) or file.endswith("contextlib.py"):
            continue
        if not file.startswith(folder):
            return False
        if code.co_name.startswith(
            ("_validate_prediction_input", "_enforce_", "_validate_model_input")
        ):
            return True
    return False


def _kind_of(error: BaseException) -> str:
    for kind, name in _KINDS.items():
        if isinstance(error, kind):
            return name
    return "input" if raised_by_schema(error) else "model"


def _missing_module(error: BaseException) -> str:
    """The module that `error`, or what led to it, says is not there."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        if isinstance(found, ModuleNotFoundError):
            return str(found.name or "")
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return ""
