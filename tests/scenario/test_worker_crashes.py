"""Whatever a model does, the parent gets an error with a reason, and nothing is left behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import mlflow
import pytest

from holdfast.errors import ModelError
from holdfast.worker import frames, payload
from holdfast.worker.client import Worker

MODELS = Path(__file__).with_name("worker_models")
PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / "model"
    mlflow.pyfunc.save_model(
        folder,
        loader_module="odd",
        code_paths=[str(MODELS / "odd.py")],
        pip_requirements=["numpy"],
    )
    return folder


@pytest.fixture
def worker(model):
    with Worker.start(PYTHON, model) as started:
        yield started


def ask(worker, todo, **options):
    return payload.decode(*worker.predict(*payload.encode({"do": todo}), **options))


def is_running(pid: int) -> bool:
    """Whether a process does anything: an orphan that nobody reaps counts as ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("needs /proc")
    return [int(child) for child in listed.read_text().split()]


def ends(pid: int, seconds: float = 8.0) -> bool:
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.mark.parametrize(
    ("todo", "reason"),
    [
        ("exit", r"exited with code 3 while predicting\n\nlast words of https://example.org/x$"),
        ("kill", r"was killed by SIGKILL \(out of memory\?\) while predicting"),
        ("crash", r"was killed by SIGSEGV while predicting\n\n(?s:.*)in do_crash"),
        ("garbage", "sent what is not an answer: not a frame"),
        ("huge", "sent what is not an answer: a frame has 4611686018427387904 bytes"),
        ("truncated", "sent what is not an answer: a frame ended 103 bytes early"),
        ("fork_and_exit", "exited with code 4 while predicting"),
    ],
)
def test_a_worker_that_dies_says_why(worker, todo, reason):
    with pytest.raises(ModelError, match=reason):
        ask(worker, todo, timeout=60)
    assert ends(worker.pid, 0.0)
    with pytest.raises(ModelError, match="start another one"):
        ask(worker, "params")


def test_a_worker_that_hangs_is_stopped(worker):
    worker.load()
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"predicting took over 0\.5 s") as caught:
        ask(worker, "hang", timeout=0.5)
    assert time.monotonic() - start < 3
    assert "longer timeout" in caught.value.hint
    assert ends(worker.pid, 0.0)


def test_a_worker_that_does_not_read_is_stopped(worker):
    worker.load()
    os.kill(worker.pid, signal.SIGSTOP)
    with pytest.raises(ModelError, match="took over"):
        worker.predict({"kind": "json", "buffers": [0]}, [bytes(1 << 24)], timeout=0.5)
    assert ends(worker.pid, 0.0)


def test_a_model_that_raises_can_be_asked_again(worker):
    with pytest.raises(ModelError, match="failed predicting: ValueError: cannot reach") as caught:
        ask(worker, "raise")
    assert "in do_raise" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(ModelError, match="SystemExit: not today"):
        ask(worker, "sysexit")
    with pytest.raises(ModelError, match=r"UnprintableError: .its message could not be had"):
        ask(worker, "raise_oddly")
    with pytest.raises(ModelError, match="MlflowException: mine"):
        ask(worker, "raise_mlflow")
    with pytest.raises(ModelError, match=r"value\[0\]: builtins.object cannot cross"):
        ask(worker, "object")
    with pytest.raises(ModelError, match=r"did not understand: .*kind 'odd' is not known"):
        worker.predict({"kind": "odd"}, [])
    assert ask(worker, "thread") == "started"


def test_a_model_may_print(worker):
    assert ask(worker, "print") == "printed"
    assert ask(worker, "params") is None


def test_what_a_model_starts_ends_with_it(model):
    with Worker.start(PYTHON, model) as worker:
        parent, child = ask(worker, "fork")
        program = ask(worker, "program")
        assert parent == worker.pid
        assert is_running(child)
    assert ends(worker.pid, 0.0)
    assert ends(child, 1.0)
    assert ends(program, 1.0)


def test_a_model_that_wants_too_much_memory_is_told_so(model):
    with (
        Worker.start(PYTHON, model, memory_limit=4 << 30) as worker,
        pytest.raises(ModelError, match="failed predicting: MemoryError"),
    ):
        ask(worker, "memory")


def test_a_worker_is_stopped_while_another_thread_waits_for_it(worker):
    worker.load()
    threading.Timer(0.3, worker.kill).start()
    with pytest.raises(ModelError, match="was stopped while predicting"):
        ask(worker, "hang")
    assert ends(worker.pid, 1.0)


PARENT = """
import sys
from pathlib import Path
from holdfast.worker import payload
from holdfast.worker.client import Worker
with Worker.start(Path(sys.executable), Path(sys.argv[1])) as worker:
    worker.load()
    print(worker.pid, flush=True)
    worker.predict(*payload.encode({"do": sys.argv[2]}))
    input()
"""


@pytest.mark.parametrize(
    ("sent", "todo"), [(signal.SIGKILL, "hang"), (signal.SIGKILL, "fork"), (signal.SIGINT, "hang")]
)
def test_no_worker_outlives_its_parent(model, sent, todo, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(model), todo],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        started = [pid, *children_of(pid)]
        assert len(started) == (2 if todo == "fork" else 1)
        parent.send_signal(sent)
        assert all(map(ends, started))
        parent.wait(8)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_nobody_closed_ends_with_its_last_reference(model):
    worker = Worker.start(PYTHON, model)
    pid = worker.pid
    del worker
    gc.collect()
    assert ends(pid, 1.0)


def test_a_process_forked_from_the_parent_does_not_end_its_worker(model):
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from holdfast.worker.client import Worker\n"
        "worker = Worker.start(Path(sys.executable), Path(sys.argv[1]))\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit()\n"
        "os.waitpid(child, 0)\n"
        "print(worker.describe()['implementation'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model)], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{sys.implementation.name}\n".replace("cpython", "CPython")


def test_nothing_is_left_behind(model, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("needs /proc")
    before = len(list(folder.iterdir()))
    for _ in range(3):
        with Worker.start(PYTHON, model) as worker:
            worker.describe()
        worker.close()
        with pytest.raises(ModelError, match="starting took over"):
            Worker.start(PYTHON, model, start_timeout=0.0)
    assert len(list(folder.iterdir())) == before
    assert list(tmp_path.iterdir()) == []


def raw(model: Path, data: bytes):
    """A worker that is sent these bytes instead of a request; what it answers."""
    worker = Worker.start(PYTHON, model)
    try:
        worker._process.socket.settimeout(20)
        worker._process.socket.sendall(data)
        worker._process.socket.shutdown(1)
        return frames.receive(worker._process.socket)[0]
    finally:
        worker.close()


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n" * 9, b"HF1\n" + b"\xff" * 20, b"HF1\n" + bytes(3)]
)
def test_a_malformed_request_is_answered_and_is_the_last(model, data):
    assert raw(model, data)["error"]["kind"] == "wire"


def test_an_operation_that_is_not_there_is_refused(worker):
    with pytest.raises(ModelError, match="the operation is not known"):
        worker._request({"op": "__class__"}, (), 20, "asking")
    assert worker.describe()["implementation"] == "CPython"
