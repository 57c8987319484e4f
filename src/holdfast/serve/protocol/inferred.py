"""Answers in the Open Inference Protocol: a model's predictions as tensors.

Numbers, truth values and texts in a regular shape are one tensor; a list of records is a tensor a
column, a dictionary a tensor a key. Anything else is text: the JSON of each prediction, as BYTES.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from holdfast.serve.protocol.datatype import datatype_of, describe, holds
from holdfast.serve.protocol.inference import Asked, InferenceError

# The name of an output to which the signature gives none.
OUTPUT = "predictions"


class _Answer(msgspec.Struct):
    predictions: Any


_predictions = msgspec.json.Decoder(_Answer).decode


def write_answer(
    answer: bytes,
    asked: Asked,
    signature: Sequence[Mapping[str, Any]] | None,
    model: Mapping[str, str],
) -> bytes:
    """The response to an inference request.

    Args:
        answer: The answer in MLflow's protocol, `{"predictions": …}`.
        asked: The request.
        signature: The outputs of the model's signature, as MLflow's JSON has them.
        model: "model_name" and "model_version".

    Raises:
        InferenceError: It asks for an output that the model has not given.
    """
    outputs = _outputs(_predictions(answer).predictions, describe(signature, OUTPUT))
    if asked.outputs:
        outputs = _wanted(outputs, asked.outputs)
    named = {"id": asked.id} if asked.id is not None else {}
    return msgspec.json.encode({**model, **named, "outputs": outputs})


def _wanted(outputs: list[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    found = {output["name"]: output for output in outputs}
    missing = [name for name in names if name not in found]
    if missing:
        raise InferenceError(f"there is no output {missing[0]!r}, only {', '.join(found)}")
    return [found[name] for name in names]


def _outputs(predictions: Any, declared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {spec["name"]: spec["datatype"] for spec in declared}
    if isinstance(predictions, dict):
        named = predictions
    elif _is_table(predictions):
        named = {name: [row[name] for row in predictions] for name in predictions[0]}
    else:
        named = {declared[0]["name"] if len(declared) == 1 else OUTPUT: predictions}
    return [_output(name, value, kinds.get(name, "")) for name, value in named.items()]


def _is_table(predictions: Any) -> bool:
    """Whether these are records that all have the same names."""
    return (
        isinstance(predictions, list)
        and bool(predictions)
        and all(type(row) is dict for row in predictions)
        and bool(predictions[0])
        and all(row.keys() == predictions[0].keys() for row in predictions)
    )


def _output(name: str, value: Any, declared: str) -> dict[str, Any]:
    listed = value if isinstance(value, list) else [value]
    shape, data = _flatten(listed)
    datatype = declared if declared and holds(data, declared) else datatype_of(data)
    if datatype is None:
        shape, data = [len(listed)], [msgspec.json.encode(one).decode() for one in listed]
        datatype = "BYTES"
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def _flatten(values: list[Any]) -> tuple[list[int], list[Any]]:
    """The shape of nested lists as far as they are regular, and what they hold then."""
    shape = [len(values)]
    while values and all(type(part) is list for part in values):
        lengths = set(map(len, values))
        if len(lengths) > 1:
            break
        shape += lengths
        values = list(chain.from_iterable(values))
    return shape, values


def write_error(problem: bytes) -> bytes:
    """An error, of its body in MLflow's protocol."""
    try:
        said = msgspec.json.decode(problem)["message"]
    except (msgspec.DecodeError, KeyError, TypeError):
        said = problem.decode("utf-8", "replace")
    return msgspec.json.encode({"error": said})
