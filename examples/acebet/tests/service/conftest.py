"""The service as it runs, with made-up matches, and somebody who answers as the model would."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from people import PASSWORD, SECRET, let_in
from starlette.testclient import TestClient

from acebet.features import History
from acebet.service.app import create_app
from acebet.service.settings import Settings
from acebet.service.users import add_user

PLAYERS = {
    1: ("Ana Écru", "FRA"),
    2: ("Bo de la Cruz", "ESP"),
    3: ("Cy O'Hara", "IRL"),
    4: ("Di Smith", "USA"),
    5: ("Di Smith", "GBR"),
}
# (winner, loser, date, surface): the first is always better.
_PLAYED = [
    (1, 2, "2020-01-06", "Hard"),
    (1, 3, "2020-01-06", "Hard"),
    (2, 3, "2020-05-04", "Clay"),
    (1, 2, "2020-06-29", "Grass"),
    (4, 5, "2021-01-04", "Hard"),
]


@dataclass
class Model:
    """Answers `POST /invocations` by Elo, or as it is told; keeps what it was asked."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    answer: tuple[int, bytes] | None = None


@pytest.fixture(scope="session")
def history() -> History:
    rows = []
    for number, (winner, loser, day, surface) in enumerate(_PLAYED):
        row: dict[str, Any] = {
            "tournament": f"t{day}",
            "name": "Nowhere",
            "date": pd.Timestamp(day),
            "round": "R16" if number else "R32",
            "surface": surface,
            "level": "A",
            "best_of": 3.0,
            "number": float(number),
            "finished": True,
        }
        for side, player in (("winner", winner), ("loser", loser)):
            name, country = PLAYERS[player]
            said = {"id": player, "name": name, "country": country, "hand": "R", "height": 180.0}
            said |= {"games": 12 if side == "winner" else 7}
            said |= {"age": 25.0, "rank": float(player), "points": 1000.0 / player}
            row |= {f"{side}_{key}": value for key, value in said.items()}
        rows.append(row)
    return History.of(pd.DataFrame(rows))


@pytest.fixture
def model(answering: Model) -> Model:
    """Somebody who answers as the model would."""
    answering.asked, answering.keys, answering.answer = [], [], None
    return answering


@pytest.fixture(scope="session")
def answering() -> Iterator[Model]:
    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.say(200, b"\n")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            table = json.loads(body)["dataframe_split"]
            (values,) = table["data"]
            model.asked.append(row := dict(zip(table["columns"], values, strict=True)))
            model.keys.append(self.headers.get("authorization"))
            odds = row["elo_difference"] / 100
            said = {
                "probability": 1 / (1 + math.exp(-odds)),
                "because_elo": odds,
                "because_rest": 0.01,
            }
            self.say(*(model.answer or (200, json.dumps({"predictions": [said]}).encode())))

        def say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("x-holdfast-version", "7")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    model = Model(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield model
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def kept_users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("users") / "users.json"
    for name in ("ada", "eve"):
        add_user(path, name, PASSWORD)
    return path


@pytest.fixture
def users(kept_users: Path, tmp_path: Path) -> Path:
    """A file with two users, for one test alone."""
    path = tmp_path / "users.json"
    path.touch(mode=0o600)
    path.write_bytes(kept_users.read_bytes())
    return path


@pytest.fixture
def start(history: History, model: Model, users: Path) -> Iterator[Callable[..., TestClient]]:
    """Start the service: `start(proxies="10.0.0.1")`; a test may start several."""
    clients = []

    def started(client: str = "192.0.2.1", **settings: Any) -> TestClient:
        given = {"secret_key": SECRET, "users": users, "model_url": model.url} | settings
        app = create_app(Settings(**given), history)
        # A failure is an answer here, as it is for users.
        opened = TestClient(app, client=(client, 1), raise_server_exceptions=False)
        clients.append(opened.__enter__())
        return opened

    yield started
    for opened in clients:
        opened.__exit__()


@pytest.fixture
def service(start: Callable[..., TestClient]) -> TestClient:
    return start()


@pytest.fixture
def ada(service: TestClient) -> TestClient:
    """The service, for somebody who is signed in."""
    return let_in(service)
