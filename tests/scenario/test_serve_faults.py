"""What goes wrong under load, every request counted: nobody is left without an answer.

The longer forms, and what leaves no more than a number behind, are slow.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from load import Ask, Load, temper
from serving import DIE, HANG, RAISE, SLOW, Served, Server, plain, serving, wait_ready

ASKS = [temper(float(x)) for x in range(500)]


@pytest.fixture(scope="module")
def server(served: Served) -> Iterator[Server]:
    """`temper` with two workers that predict several requests at once, and `numbers` beside it."""
    models = [f"temper={served.model('temper')}", f"numbers={served.model('numbers')}"]
    with serving(served.home, *models, "--workers", "2", "--batch", "--timeout", "20") as found:
        yield found


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(found) for found in text.split()]


def workers(server: Server, model: str = "temper") -> list[int]:
    """The processes that hold a model; for a while one of them is there to prove it."""
    found = []
    for pid in children(server.process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if any(part.endswith(f"/{model}".encode()) for part in command):
            found.append(pid)
    return found


def once(server: Server, *asks: Ask) -> Load:
    """Each of these requests, sent once and at the same time."""
    with Load(server.url, asks, connections=len(asks), once=True) as load:
        load.wait()
    return load


def eventually(check: Callable[[], object], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_workers_are_killed(server: Server):
    with Load(server.url, ASKS, connections=16) as load:
        for _ in range(3):
            load.wait_for(50)
            os.kill(workers(server)[0], signal.SIGKILL)
        load.wait_for(50)
    assert load.seen.only(200), load.seen


def test_a_request_that_kills_workers_does_so_for_itself_only(server: Server):
    with Load(server.url, ASKS, connections=16) as load:
        load.wait_for(50)
        assert once(server, temper(DIE, statuses=(500,))).seen.only(500)
        load.wait_for(50)
    assert load.seen.only(200), load.seen


def test_a_request_on_which_the_model_raises_spoils_no_other(server: Server):
    with Load(server.url, ASKS, connections=16) as load:
        load.wait_for(20)
        raising = once(server, *[temper(RAISE, statuses=(400,))] * 8)
        load.wait_for(20)
    assert raising.seen.only(400), raising.seen
    assert load.seen.only(200), load.seen
    body = {"dataframe_split": {"columns": ["x"], "data": [[RAISE]]}}
    said = plain.post(f"{server.url}/invocations", json=body).json()
    assert said["error_code"] == "BAD_REQUEST"
    assert "out of temper" in said["message"]


def test_a_worker_hangs(served: Served):
    """Its batch mates are answered in time, by the other worker; it ends, and another comes."""
    options = ("--workers", "2", "--batch", "--timeout", "8")
    with serving(served.home, served.model("temper"), *options) as server:
        eventually(lambda: len(workers(server)) == 2)
        before = workers(server)
        with Load(server.url, ASKS, connections=8) as load:
            load.wait_for(20)
            started = time.monotonic()
            hanging = once(server, temper(HANG, statuses=(504,)))
            assert 8 <= time.monotonic() - started < 11
            assert hanging.seen.only(504), hanging.seen
            load.wait_for(20)
        assert load.seen.only(200), load.seen
        eventually(lambda: len(workers(server)) == 2)
        assert workers(server) != before


def test_a_busy_model_does_not_hold_up_another(server: Server):
    body = {"dataframe_split": {"columns": [f"x{at}" for at in range(10)], "data": [[0.5] * 10]}}
    with Load(server.url, [temper(SLOW)], connections=8) as load:
        load.wait_for(1)
        times = []
        for _ in range(10):
            started = time.monotonic()
            answer = plain.post(f"{server.url}/models/numbers/invocations", json=body)
            assert answer.status_code == 200
            times.append(time.monotonic() - started)
    assert load.seen.only(200), load.seen
    assert sorted(times)[5] < 0.5


def test_a_full_queue_is_said_at_once(served: Served):
    options = ("--no-batch", "--queue", "4", "--timeout", "10")
    with serving(served.home, served.model("temper"), *options) as server:
        with Load(server.url, [temper(SLOW, statuses=(200, 503))], connections=12) as load:
            load.wait_for(20)
            answer = plain.post(
                f"{server.url}/invocations",
                json={"dataframe_split": {"columns": ["x"], "data": [[SLOW]]}},
            )
        assert load.seen.only(200, 503), load.seen
        assert load.seen.answers[503] > 0
        assert answer.status_code in (200, 503)
        assert (answer.status_code == 503) == ("retry-after" in answer.headers)


def test_sigterm_loses_nothing(served: Served):
    with serving(served.home, served.model("temper"), "--batch") as server:
        with Load(server.url, ASKS, connections=32) as load:
            load.wait_for(100)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert plain.get(f"{server.url}/ping").status_code == 503
            assert server.process.wait(20) == 0
        assert load.seen.only(200), load.seen
        assert load.seen.closes >= 32


def test_a_second_signal_ends_at_once(served: Served):
    with serving(served.home, served.model("temper")) as server:
        with Load(server.url, [temper(HANG)], connections=1, timeout=5) as load:
            time.sleep(0.5)
            found = workers(server)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert server.process.poll() is None
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(3) != 0
        # The load may have asked once more before it saw that nobody is there.
        assert load.seen.lost
        assert not load.seen.answers
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in found))


def test_a_killed_gateway_leaves_nothing(served: Served, tmp_path: Path):
    with serving(served.home, served.model("temper"), "--workers", "2", TMPDIR=str(tmp_path)) as s:
        eventually(lambda: len(workers(s)) == 2)
        found = workers(s)
        s.process.kill()
        s.process.wait()
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in found))
        eventually(lambda: not list(tmp_path.glob("holdfast-worker-*")))


def test_more_connections_than_files(served: Served):
    """Some are turned away, none without a word; the server does not spin, and goes on."""
    few = 256

    with serving(served.home, served.model("temper"), "--batch", ready=False) as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (few // 2, few))
        wait_ready(server)
        asks = [temper(float(x), statuses=(200, 503)) for x in range(500)]
        with Load(server.url, asks, connections=170) as load:
            load.wait_for(500)
            os.kill(workers(server)[0], signal.SIGKILL)
            load.wait_for(500)
        assert load.seen.only(200, 503), load.seen
        assert load.seen.answers[200] > 100
        assert load.seen.answers[503] > 0
        port = httpx.URL(server.url).port
        many = [socket.create_connection(("127.0.0.1", port or 0)) for _ in range(400)]
        time.sleep(1)
        assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < few
        spent = _seconds_of_cpu(server.process.pid)
        time.sleep(1)
        assert _seconds_of_cpu(server.process.pid) - spent < 0.5
        for sock in many:
            sock.close()
        eventually(lambda: once(server, temper(1.0, statuses=(200, 503))).seen.answers[200])


def _seconds_of_cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_full_disk(served: Served, tmp_path: Path):
    """What is temporary has no room, nor has the log: workers come back, requests are answered."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with serving(
            served.home, served.model("temper"), "--batch", "--access-log", "text", TMPDIR=str(disk)
        ) as server:
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            (disk / "full").write_bytes(bytes(free))
            assert os.statvfs(disk).f_bavail == 0
            with Load(server.url, ASKS, connections=8) as load:
                load.wait_for(50)
                os.kill(workers(server)[0], signal.SIGKILL)
                load.wait_for(50)
            assert load.seen.only(200), load.seen
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


@pytest.mark.parametrize(
    "seconds", [6, pytest.param(600, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_memory_stays_flat(served: Served, seconds: int):
    """Under all that clients do; the first third is for what is kept for good."""
    body = {"dataframe_split": {"columns": ["x"], "data": [[1.0]] * 3000}}
    with serving(served.home, served.model("temper"), "--batch") as server:
        eventually(lambda: len(workers(server)) == 1)
        (worker,) = workers(server)
        asks = [*ASKS[:50], temper(RAISE, statuses=(400,)), *ASKS[50:100]]
        samples = []
        with Load(server.url, asks, connections=8, pause=0.005) as load:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                assert plain.post(f"{server.url}/invocations", json=body).status_code == 200
                assert plain.post(f"{server.url}/invocations", content=b"[").status_code == 415
                plain.get(f"{server.url}/metrics")
                gone = socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0))
                gone.sendall(b"POST /invocations HTTP/1.1\r\ncontent-length: 9\r\n\r\n")
                gone.close()
                pids = (server.process.pid, worker)
                files = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
                samples.append((*map(_resident, pids), files))
                time.sleep(seconds / 200)
        assert load.seen.only(200, 400), load.seen
        third = len(samples) // 3
        for early, late in zip(
            _medians(samples[third : 2 * third]), _medians(samples[2 * third :]), strict=True
        ):
            assert late < early * 1.1 + 10, samples[:: max(1, third // 5)]


def _resident(pid: int) -> float:
    """Megabytes in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _medians(samples: list[tuple[float, ...]]) -> list[float]:
    return [sorted(column)[len(column) // 2] for column in zip(*samples, strict=True)]
