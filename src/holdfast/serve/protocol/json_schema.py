"""A signature as JSON Schema: what `/invocations` takes, and what it answers.

The schemas say the plain way to ask; MLflow takes more than they allow (columns in another order,
numbers as text, further columns), and so does the gateway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

JsonSchema = dict[str, Any]
Specs = Sequence[Mapping[str, Any]]

_INT32 = {"minimum": -(1 << 31), "maximum": (1 << 31) - 1}
_INT64 = {"minimum": -(1 << 63), "maximum": (1 << 63) - 1}
_COLUMNS: dict[str, JsonSchema] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32", **_INT32},
    "long": {"type": "integer", "format": "int64", **_INT64},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
}
# What a body may have instead of one of MLflow's own wrappings: chats and completions.
_UNWRAPPED = {"messages", "input", "prompt"}


def request_schema(inputs: Specs, params: Specs) -> JsonSchema:
    """What the body of a request may be, in JSON.

    Args:
        inputs: Of the signature, as MLflow's JSON has them; empty where there is none.
        params: Of the signature, likewise.
    """
    more = {"params": _params(params)} if params else {}
    forms = [
        {"title": name, "type": "object", "required": [name], "properties": {name: form, **more}}
        for name, form in _forms(inputs).items()
    ]
    if _UNWRAPPED & {spec.get("name") for spec in inputs}:
        forms.append(_chat(inputs, more))
    return {"anyOf": forms}


def answer_schema(outputs: Specs) -> JsonSchema:
    """What is answered: a body with "predictions".

    Of what form they are is said in words: nothing holds a model to the outputs in its signature,
    and those that MLflow infers are not always what it answers.
    """
    said = ", ".join(map(_in_words, outputs)) or "nothing"
    return {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": {"description": f"The signature says of them: {said}"}},
    }


def _in_words(spec: Mapping[str, Any]) -> str:
    tensor = spec.get("tensor-spec")
    kind = f"{tensor['dtype']} {list(tensor['shape'])}" if tensor else spec.get("type")
    return f"{spec['name']}: {kind}" if spec.get("name") else str(kind)


def _forms(inputs: Specs) -> dict[str, JsonSchema]:
    if not inputs:
        table = {"type": "object", "properties": {"columns": {"type": "array"}, "data": _TABLE}}
        return {
            "dataframe_split": table,
            "dataframe_records": _RECORDS,
            "inputs": {},
            "instances": {},
        }
    if all("tensor-spec" in spec for spec in inputs):
        return _tensor_forms(inputs)
    if not all("name" in spec for spec in inputs):
        return {"inputs": {}, "instances": {}}
    records = _list(_record(inputs))
    names = [spec["name"] for spec in inputs]
    rows = _row(inputs)
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {"columns": {"const": names}, "data": _list(rows)},
        "additionalProperties": False,
    }
    return {
        "dataframe_split": split,
        "dataframe_records": records,
        "inputs": records,
        "instances": records,
    }


_TABLE: JsonSchema = {"type": "array", "items": {"type": "array"}}
_RECORDS: JsonSchema = {"type": "array", "items": {"type": "object"}}


def _list(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items, "minItems": 1}


def _row(inputs: Specs) -> JsonSchema:
    """One row, its values in the order of the columns."""
    values = [_value(spec) for spec in inputs]
    count = {"minItems": len(values), "maxItems": len(values)}
    if all(value == values[0] for value in values):
        return {"type": "array", "items": values[0], **count}
    return {"type": "array", "prefixItems": values, **count}


def _record(specs: Specs) -> JsonSchema:
    found: JsonSchema = {
        "type": "object",
        "properties": {spec["name"]: _value(spec) for spec in specs},
    }
    required = [spec["name"] for spec in specs if spec.get("required", True)]
    return found | ({"required": required} if required else {})


def _value(spec: Mapping[str, Any]) -> JsonSchema:
    found = _type(spec)
    return found if spec.get("required", True) else {"anyOf": [found, {"type": "null"}]}


def _type(spec: Mapping[str, Any]) -> JsonSchema:
    kind = spec.get("type")
    if kind == "array":
        return {"type": "array", "items": _type(spec.get("items") or {})}
    if kind == "map":
        return {"type": "object", "additionalProperties": _type(spec.get("values") or {})}
    if kind == "object":
        properties: Mapping[str, Mapping[str, Any]] = spec.get("properties") or {}
        return _record([{**of, "name": name} for name, of in properties.items()])
    return dict(_COLUMNS.get(str(kind), {}))


def _tensor_forms(inputs: Specs) -> dict[str, JsonSchema]:
    """`inputs` has tensors; `instances` a list of what each holds for one row."""
    if len(inputs) == 1 and not inputs[0].get("name"):
        tensor = _tensor(inputs[0])
        return {"inputs": tensor, "instances": tensor}
    whole = {spec["name"]: _tensor(spec) for spec in inputs}
    rows = {name: schema.get("items", {}) for name, schema in whole.items()}
    named = {"type": "object", "required": list(whole), "properties": whole}
    row = {"type": "object", "required": list(whole), "properties": rows}
    return {"inputs": named, "instances": _list(row)}


def _tensor(spec: Mapping[str, Any]) -> JsonSchema:
    """Nested arrays; -1 is any length but none."""
    tensor = spec["tensor-spec"]
    found = _element(str(tensor["dtype"]))
    for length in reversed(tensor["shape"]):
        fixed = {"minItems": length, "maxItems": length} if length >= 0 else {"minItems": 1}
        found = {"type": "array", "items": found, **fixed}
    return found


def _element(dtype: str) -> JsonSchema:
    if dtype.startswith("float"):
        return {"type": "number"}
    if dtype.startswith(("int", "uint")):
        bits = int(dtype.lstrip("uint") or 64)
        if dtype.startswith("u"):
            return {"type": "integer", "minimum": 0, "maximum": (1 << bits) - 1}
        return {"type": "integer", "minimum": -(1 << bits - 1), "maximum": (1 << bits - 1) - 1}
    return {"type": "boolean"} if dtype == "bool" else {}


def _params(params: Specs) -> JsonSchema:
    return {
        "type": "object",
        "properties": {
            str(spec["name"]): _type(spec)
            | ({"default": spec["default"]} if spec.get("default") is not None else {})
            for spec in params
            if "name" in spec and spec.get("shape") is None
        },
    }


def _chat(inputs: Specs, more: Mapping[str, Any]) -> JsonSchema:
    found = _record(inputs)
    return {"title": "unwrapped", **found, "properties": {**found["properties"], **more}}
