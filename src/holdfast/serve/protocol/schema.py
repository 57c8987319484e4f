"""A model's signature, as far as serving needs it: MLflow's JSON, read into values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """A named column: `kind` is MLflow's type ("double", …), "" for one that has no plain type."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor: NumPy's name of its type, and its shape, -1 for any length. "" for no name."""

    name: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """The inputs of a signature: columns, or tensors, or neither."""

    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()


def read_schema(inputs: list[Mapping[str, Any]] | None) -> Schema:
    """The schema of a signature's "inputs", as MLmodel and the worker give them.

    What it does not understand makes the whole schema empty: then the worker decodes.
    """
    found = inputs or []
    if found and all(spec.get("type") == "tensor" for spec in found):
        return Schema(tensors=tuple(map(_tensor, found)))
    if found and all(type(spec.get("name")) is str for spec in found):
        return Schema(columns=tuple(map(_column, found)))
    return Schema()


def _column(spec: Mapping[str, Any]) -> Column:
    kind = spec.get("type")
    return Column(
        name=spec["name"],
        kind=kind if isinstance(kind, str) else "",
        required=bool(spec.get("required", True)) and not spec.get("optional", False),
    )


def _tensor(spec: Mapping[str, Any]) -> Tensor:
    shape = spec["tensor-spec"]
    return Tensor(
        name=spec.get("name") or "", kind=str(shape["dtype"]), shape=tuple(map(int, shape["shape"]))
    )
