"""Requests in the Open Inference Protocol (V2, REST), as requests in MLflow's.

A model with columns takes one input for each, of shape [n] or [n, 1], or all in one of shape
[n, columns]; a model of one tensor takes one input. What does not fit the signature goes on as it
is: it means what it means to MLflow.

The binary tensor extension is not spoken: tensors come in JSON, nested or flat.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from holdfast.serve.protocol.datatype import DATATYPES, as_datatype, describe
from holdfast.serve.protocol.schema import Schema

# The name of an input to which the signature gives none; any is taken.
INPUT = "inputs"

_MOST_AXES = 32
# Types of columns whose values are lists or more.
_NESTED = {"", "any", "array", "map", "object"}
# A matrix: rows and columns.
_MATRIX = 2


class InferenceError(Exception):
    """The request is not one of the protocol's, or not for this model: the client's mistake."""


class _Input(Struct):
    name: str
    shape: Annotated[list[Annotated[int, Meta(ge=0)]], Meta(min_length=1, max_length=_MOST_AXES)]
    datatype: str
    data: list[Any] | UnsetType = UNSET
    parameters: dict[str, Any] = field(default_factory=dict)


class _Output(Struct):
    name: str


class _Request(Struct):
    inputs: Annotated[list[_Input], Meta(min_length=1)]
    id: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    outputs: list[_Output] = field(default_factory=list)


_parse = msgspec.json.Decoder(_Request).decode


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for.

    Attributes:
        body: The same request in MLflow's scoring protocol.
        id: What the client calls its request.
        outputs: Names of the outputs it wants; none for all.
    """

    body: bytes
    id: str | None
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Tensor:
    """An input: its values in one list, the last axis first."""

    name: str
    shape: tuple[int, ...]
    values: list[Any]


def read_request(body: bytes, schema: Schema, params: Collection[str] = ()) -> Asked:
    """Read a request's body.

    Args:
        body: The body.
        schema: Of the model's inputs.
        params: Names of the model's parameters, which a request may have among its own.

    Raises:
        InferenceError: It is no request for this model.
    """
    try:
        request = _parse(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InferenceError(_why_unreadable(body, error)) from error
    tensors = [_tensor(one) for one in request.inputs]
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise InferenceError("two inputs have one name")
    given = {name: value for name, value in request.parameters.items() if name in params}
    said = _said(tensors, schema) | ({"params": given} if given else {})
    try:
        translated = msgspec.json.encode(said)
    # Half a character, which JSON can escape and UTF-8 has not.
    except ValueError as error:
        raise InferenceError(f"this cannot be written in UTF-8: {error}") from error
    return Asked(translated, request.id, tuple(output.name for output in request.outputs))


def translate(
    request: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """A request in MLflow's protocol in this one: how to ask the same; None where it cannot be.

    Args:
        request: As `/invocations` takes it.
        inputs: Of the signature, as MLflow's JSON has them.
    """
    split, given = request.get("dataframe_split"), request.get("inputs")
    if isinstance(split, dict):
        values = dict(
            zip(split["columns"], map(list, zip(*split["data"], strict=True)), strict=True)
        )
    elif isinstance(given, dict):
        values = given
    else:
        values = {INPUT: given}
    tensors = [
        {"name": spec["name"], "datatype": spec["datatype"], "data": values.get(spec["name"])}
        for spec in describe(inputs, INPUT)
    ]
    if not tensors or not all(isinstance(tensor["data"], list) for tensor in tensors):
        return None
    return {"inputs": [{**tensor, "shape": _shape(tensor["data"])} for tensor in tensors]}


def _shape(data: Any) -> list[int]:
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0] if data else None
    return shape


def _why_unreadable(body: bytes, error: Exception) -> str:
    if b'"binary_data_size"' in body:
        return "the binary tensor extension is not supported here: send the tensors' data as JSON"
    said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return f"this is no inference request: {said}"


def _said(tensors: list[_Tensor], schema: Schema) -> dict[str, Any]:
    """What the tensors are in MLflow's protocol."""
    if schema.columns:
        names, rows = _table(tensors, schema)
        return {"dataframe_split": {"columns": names, "data": rows}}
    if len(tensors) == 1 and not any(tensor.name for tensor in schema.tensors):
        return {"inputs": _nest(tensors[0])}
    return {"inputs": {tensor.name: _nest(tensor) for tensor in tensors}}


def _table(tensors: list[_Tensor], schema: Schema) -> tuple[list[str], list[Any]]:
    """Names of columns, and rows, in the signature's order where the names are its own."""
    columns = [column.name for column in schema.columns]
    if len(tensors) == 1 and len(tensors[0].shape) == _MATRIX and tensors[0].name not in columns:
        return columns, _matrix(tensors[0], len(columns))
    lengths = {tensor.shape[0] for tensor in tensors}
    if len(lengths) > 1:
        raise InferenceError(f"inputs of different lengths: {sorted(lengths)}")
    values = {tensor.name: _column(tensor, schema) for tensor in tensors}
    names = columns if values.keys() == set(columns) else list(values)
    return names, list(zip(*(values[name] for name in names), strict=True))


def _matrix(tensor: _Tensor, width: int) -> list[Any]:
    if tensor.shape[1] != width:
        raise InferenceError(
            f"input {tensor.name!r} has shape {list(tensor.shape)}, expected [n, {width}], or an "
            "input for each column"
        )
    return _nest(tensor)


def _column(tensor: _Tensor, schema: Schema) -> list[Any]:
    """A column's values; lists of them where the signature has arrays there."""
    nested = {column.name for column in schema.columns if column.kind in _NESTED}
    if tensor.name in nested and len(tensor.shape) > 1:
        return _nest(tensor)
    if tensor.shape[1:] in {(), (1,)}:
        return tensor.values
    raise InferenceError(
        f"input {tensor.name!r} has shape {list(tensor.shape)}, expected [n] or [n, 1]"
    )


def _tensor(given: _Input) -> _Tensor:
    """Check an input against its own shape and datatype."""
    where = f"input {given.name!r}"
    if given.datatype not in DATATYPES:
        raise InferenceError(
            f"{where} has datatype {given.datatype!r}, expected one of {', '.join(DATATYPES)}"
        )
    if given.data is UNSET:
        binary = "binary_data_size" in given.parameters
        raise InferenceError(
            f"{where} has no data" + (": the binary tensor extension is not supported" * binary)
        )
    values = _flatten(given.data, given.shape)
    if len(values) != math.prod(given.shape):
        raise InferenceError(f"{where} has data that do not fill the shape {given.shape}")
    if not values:
        raise InferenceError(f"{where} is empty")
    try:
        values = as_datatype(values, given.datatype)
    except msgspec.ValidationError as error:
        raise InferenceError(f"{where} is not of datatype {given.datatype}: {error}") from error
    return _Tensor(given.name, tuple(given.shape), values)


def _flatten(data: list[Any], shape: list[int]) -> list[Any]:
    """Nested data in one list; what is not nested as the shape says stays nested."""
    for length in shape[1:]:
        if not all(type(part) is list and len(part) == length for part in data):
            break
        data = list(chain.from_iterable(data))
    return data


def _nest(tensor: _Tensor) -> list[Any]:
    values = tensor.values
    for length in reversed(tensor.shape[1:]):
        values = [values[at : at + length] for at in range(0, len(values), length)]
    return values
