"""What is asked of a server, and what is made of its answer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from digits.cli import main
from digits.drawing import read_drawing

DRAWING = Path(__file__).parents[1] / "seven.png"
SURE = [0.0] * 7 + [0.75, 0.25, 0.0]


@pytest.fixture
def server():
    """A server that answers what `answer` says, and keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        answer = (200, {"predictions": [SURE]})
        asked = None

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            Handler.asked = self.path, json.loads(self.rfile.read(length))
            code, content = Handler.answer
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{running.server_port}"
    yield Handler
    running.shutdown()
    running.server_close()


def test_it_prints_the_digit_and_how_sure_it_is(server, capsys):
    assert main(["predict", str(DRAWING), "--server", server.url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{DRAWING}: 7"
    assert lines[8].split() == ["7", "75.00%", "#" * 30]
    path, asked = server.asked
    assert path == "/invocations"
    assert (np.array(asked["inputs"]) == read_drawing(DRAWING)).all()


def test_json(server, capsys):
    assert main(["predict", "--json", str(DRAWING), "--server", server.url]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {"file": str(DRAWING), "digit": 7, "probabilities": SURE}


def test_a_server_that_serves_something_else(server, capsys):
    for answer, said in (
        ((200, {"predictions": [1.0]}), "answered with (1,), not (1, 10)"),
        ((400, {"message": "no"}), "answered 400"),
    ):
        server.answer = answer
        assert main(["predict", str(DRAWING), "--server", server.url]) == 2
        assert said in capsys.readouterr().err


def test_wrong_input_is_said_in_a_line(capsys, tmp_path):
    for arguments, said in (
        (["predict", str(DRAWING), "--server", "http://127.0.0.1:9"], "does not answer"),
        (["predict", str(DRAWING), "--server", "file:///etc/hosts"], "no address of a server"),
        (["predict", str(tmp_path / "none.png")], "none.png"),
        (["evaluate", "--data", str(tmp_path)], "has no t10k-images-idx3-ubyte.gz"),
        (["train", "--epochs", "0", "--data", str(tmp_path)], "at least 1"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
