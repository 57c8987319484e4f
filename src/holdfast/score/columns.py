"""Columns: what a model's signature asks of a table, in Arrow's types. Pure.

MLflow's types of columns and the casts that MLflow itself makes when it enforces a signature
(`mlflow.models.utils._enforce_mlflow_datatype`): to a wider type of the same kind, and from
integers of at most 32 bits to double. Nothing else is cast, here as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

# MLflow's types of columns in Arrow; text and bytes with the 64-bit offsets of the wire.
TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.large_string(),
    "binary": pa.large_binary(),
    "datetime": pa.timestamp("ns"),
}
# Integers that a double holds exactly, of those that MLflow casts to it.
_INTO_DOUBLE = 32


@dataclass(frozen=True, slots=True)
class Column:
    """A named column of a signature: `kind` is MLflow's type, "" where that is no plain one."""

    name: str
    kind: str
    required: bool = True


def read_columns(inputs: Iterable[Mapping[str, Any]] | None) -> tuple[Column, ...]:
    """The named columns of a signature's "inputs", as MLmodel has them; () where it has none."""
    found = list(inputs or ())
    if not all(isinstance(each, Mapping) and type(each.get("name")) is str for each in found):
        return ()
    if any(each.get("type") == "tensor" for each in found):
        return ()
    return tuple(map(_column, found))


def _column(spec: Mapping[str, Any]) -> Column:
    kind = spec.get("type")
    required = bool(spec.get("required", True)) and not spec.get("optional", False)
    return Column(spec["name"], kind if isinstance(kind, str) and kind in TYPES else "", required)


def castable(found: pa.DataType, kind: str) -> bool:
    """Whether MLflow takes a column of Arrow's type `found` for its own type `kind`.

    By the type alone: an integer column with nulls is refused where it is read.
    """
    if pa.types.is_dictionary(found):
        found = found.value_type
    if not kind or pa.types.is_null(found):
        return True
    return bool(_CASTABLE[kind](found))


def _is_wider(kind: str, found: pa.DataType) -> bool:
    wanted = TYPES[kind].bit_width
    if pa.types.is_signed_integer(found):
        return bool(found.bit_width <= wanted)
    return bool(pa.types.is_unsigned_integer(found) and found.bit_width < wanted)


def _is_float(kind: str, found: pa.DataType) -> bool:
    if pa.types.is_floating(found):
        return bool(found.bit_width <= TYPES[kind].bit_width)
    small = pa.types.is_integer(found) and found.bit_width <= _INTO_DOUBLE
    return kind == "double" and bool(small)


def _is_text(found: pa.DataType) -> bool:
    return any(is_one(found) for is_one in (pa.types.is_string, pa.types.is_large_string))


def _is_bytes(found: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_one(found) for is_one in kinds)


def _is_moment(found: pa.DataType) -> bool:
    if pa.types.is_timestamp(found):
        return bool(found.tz is None)
    return bool(pa.types.is_date(found))


_CASTABLE = {
    "boolean": pa.types.is_boolean,
    "integer": lambda found: _is_wider("integer", found),
    "long": lambda found: _is_wider("long", found),
    "float": lambda found: _is_float("float", found),
    "double": lambda found: _is_float("double", found),
    "string": _is_text,
    "binary": _is_bytes,
    "datetime": _is_moment,
}
