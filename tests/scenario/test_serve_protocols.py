"""Clients as they are: MLflow's own, Triton's, whatever reads OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from holdfast.model import open_model, read_signature
from holdfast.serve.endpoint.example import example_request
from holdfast.serve.protocol.schema import read_schema
from holdfast.uv import run_uv
from serving import Served, Server, plain, serving

NAMES = ("mixed", "numbers", "tensor", "chances")
PEOPLE = pd.DataFrame(
    {"city": ["Bern", "Genève"], "member": [True, False], "age": [71, 20], "weight": [70.5, 60.0]}
)
LABELS = ["old", "young"]


@pytest.fixture(scope="module")
def server(served: Served) -> Iterator[Server]:
    with serving(served.home, *(f"{name}={served.model(name)}" for name in NAMES)) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def kept(served: Served, name: str) -> dict:
    model = open_model(served.model(name))
    return example_request(model, read_schema(read_signature(model)["inputs"]))


def tensor(name, data, datatype, shape=None):
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


def people():
    kinds = ("BYTES", "BOOL", "INT64", "FP64")
    return [
        tensor(name, PEOPLE[name].tolist(), kind)
        for name, kind in zip(PEOPLE.columns, kinds, strict=True)
    ]


class TestMlflow:
    def test_the_client_of_its_scoring_server(self, server):
        from mlflow.pyfunc.scoring_server.client import ScoringServerClient

        port = server.url.rpartition(":")[2]
        client = ScoringServerClient("127.0.0.1", port)
        client.wait_server_ready(timeout=10)
        assert client.get_version()[0].isdigit()
        assert client.invoke(PEOPLE).get_predictions()[0].tolist() == LABELS
        # What it asks of one model is below the model's path.
        client = ScoringServerClient("127.0.0.1", f"{port}/models/tensor")
        client.ping()
        assert client.invoke(np.zeros((3, 10))).get_predictions().shape == (3, 1)
        with pytest.raises(Exception, match="error code 400"):
            client.invoke(np.zeros((3, 9)))

    @pytest.mark.parametrize("name", NAMES)
    def test_its_serving_inputs(self, client, served, name):
        from mlflow.deployments import PredictionsResponse
        from mlflow.models import convert_input_example_to_serving_input

        example = kept(served, name)
        (form, content) = next(iter(example.items()))
        table = form == "dataframe_split"
        given = pd.DataFrame(**content) if table else np.array(content)
        body = convert_input_example_to_serving_input(given)
        headers = {"content-type": "application/json"}
        answer = client.post(f"/models/{name}/invocations", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert len(PredictionsResponse.from_json(answer.text).get_predictions()) == len(given)


class TestTheOpenInferenceProtocol:
    def test_what_it_says_of_the_server(self, client):
        assert client.get("/v2").json()["name"] == "holdfast"
        for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/mixed/ready"):
            assert client.get(path).status_code == 200

    def test_what_it_says_of_a_model(self, client):
        said = client.get("/v2/models/mixed").json()
        assert (said["name"], said["platform"]) == ("mixed", "mlflow_sklearn")
        assert [(one["name"], one["datatype"], one["shape"]) for one in said["inputs"]] == [
            ("city", "BYTES", [-1]),
            ("member", "BOOL", [-1]),
            ("age", "INT64", [-1]),
            ("weight", "FP64", [-1]),
        ]
        (version,) = said["versions"]
        assert client.get(f"/v2/models/mixed/versions/{version}").json() == said
        (one,) = client.get("/v2/models/tensor").json()["inputs"]
        assert (one["datatype"], one["shape"]) == ("FP64", [-1, 10])

    def test_a_tensor_a_column(self, client):
        answer = client.post("/v2/models/mixed/infer", json={"id": "7", "inputs": people()})
        said = answer.json()
        assert (answer.status_code, said["id"], said["model_name"]) == (200, "7", "mixed")
        assert answer.headers["x-holdfast-version"] == said["model_version"]
        (output,) = said["outputs"]
        assert (output["datatype"], output["shape"]) == ("BYTES", [2])
        assert output["data"] == LABELS

    @pytest.mark.parametrize("name", ["numbers", "chances", "tensor"])
    def test_all_in_one_tensor(self, client, served, name):
        example = kept(served, name)
        rows = example.get("inputs") or example["dataframe_split"]["data"]
        expected = client.post(f"/models/{name}/invocations", json=example).json()["predictions"]
        for data in (rows, [value for row in rows for value in row]):
            body = {"inputs": [tensor("in", data, "FP64", [len(rows), 10])]}
            (output,) = client.post(f"/v2/models/{name}/infer", json=body).json()["outputs"]
            assert np.reshape(output["data"], output["shape"]).tolist() == expected

    def test_more_than_is_read_on_the_loop(self, client):
        rows = 20_000
        body = {"inputs": [tensor("in", [[0.5] * 10] * rows, "FP64", [rows, 10])]}
        answer = client.post("/v2/models/numbers/infer", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"][0]["shape"] == [rows]
        assert answer.json()["model_version"] == answer.headers["x-holdfast-version"]

    def test_a_version_by_name(self, client):
        (version,) = client.get("/v2/models/mixed").json()["versions"]
        path = f"/v2/models/mixed/versions/{version}"
        assert client.get(f"{path}/ready").status_code == 200
        answer = client.post(f"{path}/infer", json={"inputs": people()}).json()
        assert (answer["outputs"][0]["data"], answer["model_version"]) == (LABELS, version)
        for method, ending in (("GET", ""), ("GET", "/ready"), ("POST", "/infer")):
            answer = client.request(method, f"/v2/models/mixed/versions/other{ending}")
            assert answer.status_code == 404
            assert version in answer.json()["error"]

    @pytest.mark.parametrize(
        ("path", "body", "status", "said"),
        [
            ("mixed/infer", {"inputs": []}, 400, "length >= 1"),
            ("mixed/infer", {"inputs": people()[1:]}, 400, "city"),
            ("mixed/infer", {"inputs": people(), "outputs": [{"name": "no"}]}, 400, "'no'"),
            ("tensor/infer", {"inputs": [tensor("in", [1.0], "FP64")]}, 400, "hape"),
            ("nobody/infer", {"inputs": people()}, 404, "mixed, numbers"),
            ("mixed/other", {"inputs": people()}, 404, "nothing at"),
        ],
    )
    def test_errors_are_in_its_form(self, client, path, body, status, said):
        answer = client.post(f"/v2/models/{path}", json=body)
        assert answer.status_code == status
        assert answer.json().keys() == {"error"}
        assert said in answer.json()["error"]

    @pytest.mark.slow
    def test_tritons_client(self, server):
        packages = ["--with", "tritonclient[http]"]
        python = ["uv", "run", "--quiet", "--no-project", *packages, "python", "-c", TRITON]
        host = server.url.removeprefix("http://")
        out = run_uv([*python[1:], host], timeout=300)
        assert json.loads(out) == {
            "labels": LABELS,
            "shape": [2, 2],
            "refused": "400",
            "binary": True,
        }


TRITON = """
import json, sys
import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("mixed")
client.get_server_metadata()
arrays = {
    "city": np.array(["Bern", "Genève"], dtype=object), "member": np.array([True, False]),
    "age": np.array([71, 20]), "weight": np.array([70.5, 60.0]),
}
inputs = []
for said in client.get_model_metadata("mixed")["inputs"]:
    array = arrays[said["name"]]
    inputs.append(triton.InferInput(said["name"], list(array.shape), said["datatype"]))
    inputs[-1].set_data_from_numpy(array, binary_data=False)
labels = client.infer("mixed", inputs).as_numpy("predictions")

def one(columns, binary):
    array = np.zeros((2, columns))
    given = triton.InferInput("any", list(array.shape), "FP64")
    given.set_data_from_numpy(array, binary_data=binary)
    return [given]

wanted = triton.InferRequestedOutput("predictions", binary_data=False)
chances = client.infer("chances", one(10, False), outputs=[wanted]).as_numpy("predictions")
np.testing.assert_allclose(chances.sum(axis=1), 1)
try:
    client.infer("chances", one(9, False))
except InferenceServerException as error:
    refused = error.status()
try:
    client.infer("chances", one(10, True))
except InferenceServerException as error:
    binary = "binary tensor extension" in error.message()
said = {"labels": labels.tolist(), "shape": list(chances.shape), "refused": refused}
print(json.dumps({**said, "binary": binary}))
"""


class TestOpenapi:
    def test_its_examples_are_answered(self, client):
        document = client.get("/openapi.json").json()
        asked = 0
        for path, operations in document["paths"].items():
            content = operations.get("post", {}).get("requestBody", {}).get("content", {})
            for kind, said in content.items():
                if "example" in said:
                    body = said["example"]
                    text = body if isinstance(body, str) else json.dumps(body)
                    answer = client.post(path, content=text, headers={"content-type": kind})
                    assert answer.status_code == 200, (path, kind, answer.text)
                    asked += 1
        # Each model in JSON, those with columns in CSV, and the first one without its name; each
        # in the Open Inference Protocol, with and without its version.
        assert asked == (4 + 3 + 2) + 2 * 4

    def test_all_that_can_be_got_is_there(self, client):
        for path, operations in client.get("/openapi.json").json()["paths"].items():
            if "get" in operations:
                answer = client.get(path)
                assert str(answer.status_code) in operations["get"]["responses"], path
                assert answer.status_code < 400, path

    def test_below_a_prefix(self, served):
        model = f"one={served.model('numbers')}"
        with serving(served.home, model, "--root-path", "/here", ready=True) as server:
            document = plain.get(f"{server.url}/here/openapi.json").json()
            assert document["servers"] == [{"url": "/here"}]
            body = kept(served, "numbers")
            for path in ("/here/invocations", "/here/models/one/invocations?a=b"):
                assert plain.post(server.url + path, json=body).status_code == 200
            answer = plain.get(f"{server.url}/here/v2/models/none")
            assert (answer.status_code, answer.json().keys()) == (404, {"error"})


class TestPaths:
    def test_a_query_or_an_escaped_letter_changes_nothing(self, client, served):
        body = kept(served, "mixed")
        first = client.post("/invocations", json=body)
        assert first.status_code == 200
        for path in (
            "/invocations?a=b",
            "/models/m%69xed/invocations",
            "/models/mixed/invocations",
        ):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.json()) == (200, first.json()), path
            same = "x-holdfast-version"
            assert answer.headers[same] == first.headers[same]

    @pytest.mark.parametrize(
        "path", ["/models/none/invocations", "/models/none", "/models/none/ping"]
    )
    def test_the_names_there_are_where_one_is_not(self, client, path):
        method = "POST" if path.endswith("invocations") else "GET"
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
        assert "mixed, numbers, tensor, chances" in answer.json()["message"]

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/invocations", "POST"),
            ("DELETE", "/models/mixed/invocations", "POST"),
            ("PUT", "/v2/models/mixed/infer", "POST"),
            ("POST", "/ping", "GET"),
            ("POST", "/v2/health/live", "GET"),
        ],
    )
    def test_another_method(self, client, method, path, allowed):
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert allowed in answer.headers["allow"]
        assert answer.headers["content-type"] == "application/json"

    def test_nothing_there(self, client):
        answer = client.get("/nothing")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_an_example_is_read_only_as_it_was_sealed(served, tmp_path):
    import shutil

    folder = Path(shutil.copytree(served.model("numbers"), tmp_path / "model"))
    model = open_model(folder)
    schema = read_schema(read_signature(model)["inputs"])
    assert len(example_request(model, schema)["dataframe_split"]["data"]) == 5
    for file in folder.glob("*input_example.json"):
        file.write_text(file.read_text().replace("x0", "x9"))
    assert example_request(model, schema) is None
