"""What the seal, `MLmodel` and the project's own words say: flat names, compared one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from holdfast.diff.difference import Change, changes
from holdfast.model import Model, describe_column, read_mlmodel, read_signature
from holdfast.seal.digest import inside
from holdfast.seal.seal import Seal

PYPROJECT = "holdfast/project/pyproject.toml"

# What names one model and no other: two of one content differ in it.
_IDENTITY = {
    *("artifact_path", "model_id", "model_size_bytes", "model_uuid", "run_id"),
    *("utc_time_created", "signature"),
}
_MOST = 2000  # names in one file
_LONGEST = 2000  # characters of one value
_DEEPEST = 12


def seal_changes(a: Seal, b: Seal) -> tuple[Change, ...]:
    """Grade and reasons."""
    return changes(
        *({"grade": one.grade.value, "reasons": "; ".join(one.reasons)} for one in (a, b))
    )


def python_changes(a: Seal, b: Seal) -> tuple[Change, ...]:
    """The interpreter, field by field."""
    return changes(asdict(a.python), asdict(b.python))


def project_changes(a: Seal, b: Seal) -> tuple[Change, ...]:
    """Where the models came from."""
    return changes(_project(a), _project(b))


def asked_changes(a: Model, b: Model) -> tuple[Change, ...]:
    """What the projects asked for and set."""
    return changes(_pyproject(a), _pyproject(b))


def signature_changes(a: Model, b: Model) -> tuple[Change, ...]:
    """What the models take and answer."""
    return changes(_signature(a), _signature(b))


def metadata_changes(a: Model, b: Model) -> tuple[Change, ...]:
    """The rest of `MLmodel`."""
    return changes(_mlmodel(a), _mlmodel(b))


def _project(seal: Seal) -> dict[str, str]:
    found = dict(_flat(asdict(seal.project)))
    for place, index in enumerate(seal.indexes):
        name = f"index {index.name or place}"
        found |= dict(_flat({key: one for key, one in asdict(index).items() if one}, name))
    return found


def _pyproject(model: Model) -> dict[str, str]:
    if PYPROJECT not in model.seal.files:
        return {}
    import tomli

    model.check_files(PYPROJECT)
    try:
        table = tomli.loads(inside(model.path, PYPROJECT).read_text(encoding="utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {"pyproject.toml": "cannot be read"}
    return dict(_flat(table))


def _signature(model: Model) -> dict[str, str]:
    found = {}
    for side, columns in read_signature(model).items():
        for place, column in enumerate(columns):
            name = column.get("name") if isinstance(column, dict) else None
            key = f"{side} {name if isinstance(name, str) else place}"
            found[key] = describe_column(column)[:_LONGEST]
    return found


def _mlmodel(model: Model) -> dict[str, str]:
    model.check_files("MLmodel")
    known = read_mlmodel(model)
    return dict(_flat({key: one for key, one in known.items() if key not in _IDENTITY}))


def _flat(value: Mapping[Any, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Names with dots and what they hold, so many at most: YAML can be made to go on for ever."""
    left = [_MOST]

    def walk(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
        if left[0] <= 0:
            return
        if isinstance(value, Mapping) and value and depth < _DEEPEST:
            for key, one in value.items():
                yield from walk(one, f"{place}.{key}" if place else str(key), depth + 1)
            return
        left[0] -= 1
        yield place[:_LONGEST], _said(value)

    yield from walk(value, place, 0)


def _said(value: Any) -> str:
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return ", ".join(value)[:_LONGEST]
    if isinstance(value, (Mapping, list, tuple)):
        return _begins(value)
    return str(value)[:_LONGEST]


def _begins(value: Any) -> str:
    """How `value` begins as JSON; never all of it: see `_flat`."""
    text = ""
    try:
        encoder = json.JSONEncoder(default=str, ensure_ascii=False, skipkeys=True)
        for piece in encoder.iterencode(value):
            text += piece
            if len(text) > _LONGEST:
                break
    except (ValueError, RecursionError):  # it holds itself
        text += "…"
    return text[:_LONGEST]
