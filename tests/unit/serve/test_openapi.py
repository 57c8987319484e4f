from __future__ import annotations

import pytest

from holdfast.serve.protocol.json_schema import answer_schema, request_schema
from holdfast.serve.protocol.openapi import Described, describe_gateway

COLUMNS = [
    {"type": "double", "name": "x", "required": True},
    {"type": "string", "name": "city", "required": False},
]
TENSOR = [{"type": "tensor", "tensor-spec": {"dtype": "uint8", "shape": [-1, 28]}}]
NAMED = [
    {"type": "tensor", "name": "l", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}},
    {"type": "tensor", "name": "r", "tensor-spec": {"dtype": "int64", "shape": [-1]}},
]
CHAT = [{"type": "array", "items": {"type": "string"}, "name": "messages", "required": True}]
NUMBER = {"type": "number"}


def forms(inputs, params=()):
    schema = request_schema(inputs, params)
    return {form["title"]: form for form in schema["anyOf"]}


def body(inputs, name):
    form = forms(inputs)[name]
    assert form["required"] == [name]
    return form["properties"][name]


def test_columns():
    split = body(COLUMNS, "dataframe_split")["properties"]
    assert split["columns"] == {"const": ["x", "city"]}
    row = split["data"]["items"]
    double, text = row["prefixItems"]
    assert double == {"type": "number", "format": "double"}
    assert text == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert row["minItems"] == row["maxItems"] == 2
    record = body(COLUMNS, "dataframe_records")["items"]
    assert record["required"] == ["x"]
    assert record["properties"] == {"x": double, "city": text}
    assert forms(COLUMNS).keys() == {"dataframe_split", "dataframe_records", "inputs", "instances"}


def test_columns_of_columns():
    inputs = [
        {
            "name": "item",
            "type": "object",
            "properties": {
                "tags": {"type": "array", "items": {"type": "string"}, "required": True},
                "price": {"type": "float", "required": False},
            },
        },
        {"name": "counts", "type": "map", "values": {"type": "long"}},
        {"name": "whatever", "type": "any"},
    ]
    item, counts, whatever = body(inputs, "dataframe_records")["items"]["properties"].values()
    assert item["required"] == ["tags"]
    assert item["properties"]["tags"] == {"type": "array", "items": {"type": "string"}}
    assert counts["additionalProperties"]["format"] == "int64"
    assert whatever == {}


def test_tensors():
    assert forms(TENSOR).keys() == {"inputs", "instances"}
    tensor = body(TENSOR, "inputs")
    assert tensor["minItems"] == 1
    assert "maxItems" not in tensor
    assert tensor["items"]["minItems"] == tensor["items"]["maxItems"] == 28
    assert tensor["items"]["items"] == {"type": "integer", "minimum": 0, "maximum": 255}
    assert body(NAMED, "inputs")["required"] == ["l", "r"]
    row = body(NAMED, "instances")["items"]["properties"]
    assert row["l"] == {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
    assert row["r"]["type"] == "integer"


def test_a_chat_comes_without_a_wrapper():
    unwrapped = forms(CHAT)["unwrapped"]
    assert unwrapped["required"] == ["messages"]
    assert "dataframe_split" in forms(CHAT)


def test_a_model_without_a_signature_takes_anything():
    assert forms([]).keys() == {"dataframe_split", "dataframe_records", "inputs", "instances"}


def test_parameters():
    params = [
        {"name": "top", "type": "long", "default": 3, "shape": None},
        {"name": "stops", "type": "string", "default": None, "shape": [-1]},
    ]
    (top,) = forms(COLUMNS, params)["dataframe_split"]["properties"]["params"][
        "properties"
    ].values()
    assert (top["type"], top["default"]) == ("integer", 3)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([{"type": "double"}], "double"),
        (TENSOR, "uint8 [-1, 28]"),
        (COLUMNS, "x: double, city: string"),
        ([], "nothing"),
    ],
)
def test_what_is_answered_is_said_in_words(outputs, said):
    (predictions,) = answer_schema(outputs)["properties"].values()
    assert predictions == {"description": f"The signature says of them: {said}"}


def test_the_whole():
    example = {"dataframe_split": {"columns": ["x", "city"], "data": [[1.5, 'a,"b'], [2.0, None]]}}
    models = [
        Described(name="a", version="3", inputs=COLUMNS, example=example),
        Described(name="b", version="f00", inputs=TENSOR),
    ]
    document = describe_gateway(models, "1.2", "/prefix")
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/prefix"}]
    paths = document["paths"]
    first, own = (
        paths[path]["post"]["requestBody"]["content"]
        for path in ("/invocations", "/models/a/invocations")
    )
    assert first == own
    assert own["application/json"]["example"] == example
    assert own["text/csv"]["example"] == 'x,city\n1.5,"a,""b"\n2.0,\n'
    infer = paths["/v2/models/a/infer"]["post"]["requestBody"]["content"]["application/json"]
    assert infer["example"]["inputs"] == [
        {"name": "x", "datatype": "FP64", "shape": [2], "data": [1.5, 2.0]},
        {"name": "city", "datatype": "BYTES", "shape": [2], "data": ['a,"b', None]},
    ]
    tensor = paths["/models/b/invocations"]["post"]["requestBody"]["content"]
    assert tensor.keys() == {"application/json"}
    assert {"/v2/models/a/versions/3/infer", "/v2/models/b/versions/f00/infer"} <= paths.keys()
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere():
    models = [Described(name="a.b-c_d", version="3", inputs=COLUMNS)]
    document = describe_gateway(models, "1.2", "/")
    schemas = document["components"]["schemas"]
    found = set(references(document))
    assert found
    assert found <= {f"#/components/schemas/{name}" for name in schemas}


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from references(part)
