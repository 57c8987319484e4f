"""The description of a gateway in OpenAPI 3.1, made from its models' signatures and examples.

Every model has paths of its own, since each takes something else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.serve.protocol.datatype import DATATYPES
from holdfast.serve.protocol.inference import translate
from holdfast.serve.protocol.json_schema import JsonSchema, Specs, answer_schema, request_schema

_JSON = "application/json"
Operation = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A model, as far as a description needs it.

    Attributes:
        name: Under which it is served.
        version: Which one is.
        inputs: Of its signature, as MLflow's JSON has them.
        outputs: Likewise.
        params: Likewise.
        example: A request that `/invocations` takes; None where there is none.
    """

    name: str
    version: str
    inputs: Specs = ()
    outputs: Specs = ()
    params: Specs = ()
    example: Mapping[str, Any] | None = None


def describe_gateway(models: Sequence[Described], version: str, server: str) -> dict[str, Any]:
    """The document.

    Args:
        models: What is served; the first answers where no name is given.
        version: Holdfast's.
        server: The path before all paths; "/" for none.
    """
    schemas = dict(_SCHEMAS)
    paths = dict(_OF_GATEWAY)
    if models:
        paths["/invocations"] = {"post": _invoke(models[0], "invoke")}
    for model in models:
        schemas[f"{model.name}.Request"] = request_schema(model.inputs, model.params)
        schemas[f"{model.name}.Answer"] = answer_schema(model.outputs)
        paths |= _of_model(model)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "version": version,
            "description": "Models, each in its sealed environment.",
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _of_model(model: Described) -> dict[str, Any]:
    name = model.name
    path, inference = f"/models/{name}", f"/v2/models/{name}"
    version = f"{inference}/versions/{model.version}"
    return {
        f"{path}/invocations": {"post": _invoke(model, f"invoke.{name}")},
        f"{path}/ping": _get(f"ping.{name}", f"Whether {name} answers", _PING),
        path: _get(f"model.{name}", f"Which version of {name} is served", _object()),
        f"{path}/receipt": _get(f"receipt.{name}", f"The proof of {name}", _RECEIPT),
        inference: _get(f"metadata.{name}", f"What {name} takes and gives", _METADATA),
        f"{inference}/ready": _get(f"ready.{name}", f"Whether {name} answers", _READY),
        f"{inference}/infer": {"post": _infer(model, f"infer.{name}")},
        version: _get(f"metadata.{name}.version", f"What {name} takes and gives", _METADATA),
        f"{version}/ready": _get(f"ready.{name}.version", f"Whether {name} answers", _READY),
        f"{version}/infer": {"post": _infer(model, f"infer.{name}.version")},
    }


def _get(name: str, summary: str, responses: Mapping[str, Any]) -> Operation:
    return {"get": {"operationId": name, "summary": summary, "responses": dict(responses)}}


def _invoke(model: Described, name: str) -> Operation:
    """MLflow's scoring protocol."""
    body: JsonSchema = {"schema": {"$ref": f"#/components/schemas/{model.name}.Request"}}
    content = {_JSON: body}
    if model.example is not None:
        body["example"] = model.example
    if model.inputs and not any("tensor-spec" in spec for spec in model.inputs):
        content["text/csv"] = {"schema": {"type": "string"}, **_csv_example(model.example)}
    answer = _content({"$ref": f"#/components/schemas/{model.name}.Answer"})
    return {
        "operationId": name,
        "summary": f"Predictions of {model.name}",
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "The predictions", **answer}, **_REFUSALS},
    }


def _csv_example(example: Mapping[str, Any] | None) -> dict[str, Any]:
    split = (example or {}).get("dataframe_split")
    if not isinstance(split, dict):
        return {}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([split["columns"], *split["data"]])
    return {"example": out.getvalue()}


def _infer(model: Described, name: str) -> Operation:
    """The Open Inference Protocol."""
    request: JsonSchema = {"schema": {"$ref": "#/components/schemas/InferenceRequest"}}
    example = translate(model.example, model.inputs) if model.example else None
    if example is not None:
        request["example"] = example
    answer = _content({"$ref": "#/components/schemas/InferenceResponse"})
    return {
        "operationId": name,
        "summary": f"Predictions of {model.name}, in the Open Inference Protocol",
        "requestBody": {"required": True, "content": {_JSON: request}},
        "responses": {"200": {"description": "The predictions", **answer}, **_INFERENCE_REFUSALS},
    }


def _content(schema: JsonSchema, kind: str = _JSON) -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


def _object(description: str = "What there is to say") -> dict[str, Any]:
    return {"200": {"description": description, **_content({"type": "object"})}}


def _text(description: str) -> dict[str, Any]:
    return {"200": {"description": description, **_content({"type": "string"}, "text/plain")}}


_PROBLEM = _content({"$ref": "#/components/schemas/Problem"})
_ERROR = _content({"$ref": "#/components/schemas/InferenceError"})
_REFUSED = {
    "400": "The request is not one for this model",
    "401": "A key is needed",
    "413": "The body is too large",
    "415": "The body is of a type that is not read here",
    "500": "The model died on this request",
    "503": "There is no room, or no worker; try again",
    "504": "There was no answer in time",
}
_REFUSALS = {status: {"description": why, **_PROBLEM} for status, why in _REFUSED.items()}
_INFERENCE_REFUSALS = {status: {"description": why, **_ERROR} for status, why in _REFUSED.items()}

_PING = {"200": {"description": "It answers"}, "503": {"description": "It does not, yet"}}
_READY = {
    "200": {"description": "It does", **_content({"type": "object"})},
    "400": {"description": "It does not, yet", **_content({"type": "object"})},
    "503": {"description": "It is loading", **_ERROR},
}
_RECEIPT = {**_object("The last receipt"), "202": {"description": "It is being made"}}
_METADATA = {
    "200": {
        "description": "Names, datatypes and shapes",
        **_content({"$ref": "#/components/schemas/ModelMetadata"}),
    },
    "503": {"description": "It is loading", **_ERROR},
}

_OF_GATEWAY: dict[str, Any] = {
    "/ping": _get("ping", "Whether every model answers", _PING),
    "/health": _get("health", "Whether every model answers", _PING),
    "/version": _get("version", "MLflow's version, where the model is", _text("The version")),
    "/models": _get("models", "What is served", _object()),
    "/receipt": _get("receipt", "The proof of the first model", _RECEIPT),
    "/metrics": _get("metrics", "Counters, for Prometheus", _text("Counters")),
    "/openapi.json": _get("openapi", "This document", _object()),
    "/v2": _get("server", "What answers", _object()),
    "/v2/health/live": _get("live", "Whether the gateway answers", _object()),
    "/v2/health/ready": _get("ready", "Whether every model answers", _READY),
}

_DATATYPE = {"type": "string", "enum": list(DATATYPES)}
_DATA = {"type": "array", "items": {}}


def _tensor(required: Sequence[str], **more: JsonSchema) -> JsonSchema:
    shape = {"type": "array", "items": {"type": "integer"}}
    properties = {"name": {"type": "string"}, "datatype": _DATATYPE, "shape": shape, **more}
    return {
        "type": "object",
        "required": ["name", "datatype", "shape", *required],
        "properties": properties,
    }


_PARAMETERS: JsonSchema = {"type": "object"}
_INPUT_SHAPE: JsonSchema = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 1,
    "maxItems": 32,
}
_SCHEMAS: dict[str, JsonSchema] = {
    "Problem": {
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
    },
    "InferenceError": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}},
    },
    "InferenceRequest": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": _PARAMETERS,
            "inputs": {
                "type": "array",
                "minItems": 1,
                "items": _tensor(["data"], shape=_INPUT_SHAPE, data=_DATA, parameters=_PARAMETERS),
            },
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "parameters": _PARAMETERS},
                },
            },
        },
    },
    "InferenceResponse": {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": _tensor(["data"], data=_DATA)},
        },
    },
    "ModelMetadata": {
        "type": "object",
        "required": ["name", "platform", "inputs", "outputs"],
        "properties": {
            "name": {"type": "string"},
            "versions": {"type": "array", "items": {"type": "string"}},
            "platform": {"type": "string"},
            "inputs": {"type": "array", "items": _tensor([])},
            "outputs": {"type": "array", "items": _tensor([])},
        },
    },
}
