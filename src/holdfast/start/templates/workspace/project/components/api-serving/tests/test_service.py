import os
import signal
from collections.abc import Iterator

import mlflow
import pytest
from fastapi.testclient import TestClient
from holdfast.errors import ModelError

from api_serving.service import GROWERS, Service, create_app
from api_serving.train import load

WINE = load()[0].iloc[0].to_dict()


@pytest.fixture(scope="module")
def client(model: str) -> Iterator[TestClient]:
    with TestClient(create_app(Service(model=model))) as client:
        yield client


def test_it_answers_what_the_model_answers(client: TestClient, model: str) -> None:
    rows = load()[0].iloc[::60]
    answer = client.post("/predict", json=rows.to_dict("records"))
    assert answer.status_code == 200, answer.text
    expected = [GROWERS[number] for number in mlflow.pyfunc.load_model(model).predict(rows)]
    assert answer.json()["growers"] == expected
    assert len(set(expected)) > 1


def test_a_wine_that_cannot_be_is_refused(client: TestClient) -> None:
    assert client.post("/predict", json=[{**WINE, "ash": -1}]).status_code == 422
    assert client.post("/predict", json=[{**WINE, "hue": "red"}]).status_code == 422
    assert client.post("/predict", json=[{"hue": 1.0}]).status_code == 422
    assert client.post("/predict", json=[]).status_code == 422


def test_it_says_when_the_model_is_not_there_any_more(client: TestClient) -> None:
    """The last test here, since it ends the model's process."""
    assert client.get("/healthz").json()["status"] == "ok"
    os.kill(client.app.state.worker.pid, signal.SIGKILL)
    with pytest.raises(ModelError):
        client.post("/predict", json=[WINE])
    assert client.get("/healthz").status_code == 503
