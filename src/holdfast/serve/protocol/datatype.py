"""The Open Inference Protocol's datatypes, and what a signature's types are among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

# What JSON may hold for each. JSON has neither NaN nor bytes: missing numbers and texts are null.
_HOLDS: dict[str, Any] = {
    "BOOL": bool,
    "UINT8": Annotated[int, Meta(ge=0, le=(1 << 8) - 1)],
    "UINT16": Annotated[int, Meta(ge=0, le=(1 << 16) - 1)],
    "UINT32": Annotated[int, Meta(ge=0, le=(1 << 32) - 1)],
    "UINT64": Annotated[int, Meta(ge=0)],
    "INT8": Annotated[int, Meta(ge=-(1 << 7), le=(1 << 7) - 1)],
    "INT16": Annotated[int, Meta(ge=-(1 << 15), le=(1 << 15) - 1)],
    "INT32": Annotated[int, Meta(ge=-(1 << 31), le=(1 << 31) - 1)],
    "INT64": Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)],
    "FP16": float | None,
    "FP32": float | None,
    "FP64": float | None,
    "BYTES": str | None,
}
DATATYPES = tuple(_HOLDS)
_LISTS = {name: list.__class_getitem__(kind) for name, kind in _HOLDS.items()}

# MLflow's types of columns, and NumPy's of tensors; anything else is text.
_NAMED = {
    "boolean": "BOOL",
    "bool": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    **{
        f"{sign}int{bits}": f"{sign}int{bits}".upper()
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}


def as_datatype(values: list[Any], datatype: str) -> list[Any]:
    """`values` as that datatype has them: integers among floats become floats.

    Raises:
        msgspec.ValidationError: One is not of that datatype; says which.
        KeyError: There is no such datatype.
    """
    converted: list[Any] = msgspec.convert(values, _LISTS[datatype])
    return converted


def datatype_of(values: list[Any]) -> str | None:
    """The datatype that holds what a model has answered; None where none does."""
    for datatype in ("BOOL", "INT64", "FP64", "BYTES") if values else ("FP64",):
        if holds(values, datatype):
            return datatype
    return None


def holds(values: list[Any], datatype: str) -> bool:
    """Whether all values are of that datatype."""
    try:
        as_datatype(values, datatype)
    except msgspec.ValidationError:
        return False
    return True


def describe(specs: Sequence[Mapping[str, Any]] | None, fallback: str) -> list[dict[str, Any]]:
    """Tensors as a model's metadata names them: name, datatype and shape, -1 for any length.

    Args:
        specs: One side of a signature, as MLflow's JSON has it.
        fallback: The name of what has none.
    """
    return [_describe(spec, fallback) for spec in specs or ()]


def _describe(spec: Mapping[str, Any], fallback: str) -> dict[str, Any]:
    name = spec.get("name") or fallback
    tensor = spec.get("tensor-spec")
    if isinstance(tensor, dict):
        kind, shape = str(tensor.get("dtype")), list(tensor.get("shape") or ())
    else:
        kind, shape = _column(spec)
    return {"name": name, "datatype": _NAMED.get(kind, "BYTES"), "shape": shape}


def _column(spec: Any) -> tuple[str, list[int]]:
    """A column's type and shape: arrays have an axis more for each level."""
    shape = [-1]
    while isinstance(spec, dict) and spec.get("type") == "array":
        spec = spec.get("items")
        shape.append(-1)
    kind = spec.get("type") if isinstance(spec, dict) else ""
    return str(kind), shape
