"""Where it listens and as whom: sockets, ports in use, other users, a system that is read-only."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from certificates import Authority
from kit import surroundings
from serving import Served, plain, serving

ROW = {"dataframe_split": {"columns": [f"x{at}" for at in range(10)], "data": [[0.5] * 10]}}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "holdfast", "serve", *map(str, arguments)]


def refused(*arguments: str | Path, **env: str) -> str:
    """What a server says that does not start, and does so at once."""
    line, env = command(*arguments), surroundings(**env)
    ran = subprocess.run(line, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert ran.returncode == 2, ran
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    return ran.stderr


@contextmanager
def until_ready(
    line: list[str], **env: str
) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    """A server that prints JSON when it is ready: the process and what it printed."""
    process = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings(**env)
    )
    try:
        assert process.stdout is not None
        printed = process.stdout.readline()
        if not printed:
            raise AssertionError(process.communicate(timeout=30)[1])
        yield process, json.loads(printed)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=60)


def test_a_unix_socket_for_this_user_only(served: Served, tmp_path: Path):
    path = tmp_path / "here.sock"
    # One that a killed server left behind.
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    line = command(served.model("numbers"), "--uds", path, "--json", "--access-log", "text")
    with until_ready(line, HOLDFAST_HOME=str(served.home)) as (process, ready):
        assert ready["url"] == f"http+unix://{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://any.name") as client:
            assert client.get("/ping").status_code == 200
            forwarded = {"x-forwarded-for": "6.6.6.6, 192.0.2.7"}
            answer = client.post("/invocations", json=ROW, headers=forwarded)
            assert answer.json() == {"predictions": [1]}
        assert "listens on" in refused(served.model("numbers"), "--uds", path)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
    # Only this user's programs reach it: one that forwards is believed.
    assert " 192.0.2.7 POST /invocations 200 " in said
    assert not path.exists()


def test_what_is_no_socket_is_not_replaced(tmp_path: Path):
    file = tmp_path / "precious"
    file.write_text("here")
    assert "no socket" in refused("nothing", "--uds", file)
    assert file.read_text() == "here"


def test_a_port_in_use_is_said_before_anything_is_loaded():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused("models:/there-is/no-such-model", "--port", str(port))
    assert f"port {port} of 127.0.0.1 is in use already" in said
    assert "--port 0" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--host", "192.0.2.1"], "cannot be had"),
        (["--host", "no such name"], "is no address"),
        (["--user", "no-such-user", "--port", "0"], "no user no-such-user"),
        (["--tls-key", "KEY"], "need --tls-cert"),
        (["--tls-cert", "KEYS", "--port", "0"], "no certificate"),
        (["--api-key-file", "CERT", "--port", "0"], "others"),
        (["--max-body", "much"], "no size"),
        (["--memory", "0"], "size of nothing"),
        (["--trust-proxy", "here"], "does not appear to be"),
        (["--cors-origin", "https://a.example/path"], "no origin"),
        (["--root-path", "/a?b"], "no path"),
        (["--timeout", "0"], "--timeout"),
    ],
)
def test_what_cannot_be_is_said_at_once(tmp_path: Path, options: list[str], expected: str):
    cert, key = Authority(tmp_path).sign("localhost")
    keys = tmp_path / "keys"
    keys.write_text("a-key-of-ours\n")
    cert.chmod(0o644)
    files = {"KEY": str(key), "CERT": str(cert), "KEYS": str(keys)}
    assert expected in refused("nothing", *(files.get(text, text) for text in options))


def context(authority: Authority, *cert: Path) -> ssl.SSLContext:
    found = ssl.create_default_context(cafile=str(authority.ca))
    if cert:
        found.load_cert_chain(*cert)
    return found


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes of models: children that hold a model's folder."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    started = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    return [int(child) for child, line in zip(children, started, strict=True) if b"--model" in line]


def test_clients_show_a_certificate_and_workers_keep_to_their_limits(
    served: Served, tmp_path: Path
):
    authority = Authority(tmp_path)
    cert, key = authority.sign("localhost")
    (tmp_path / "stranger").mkdir()
    stranger = Authority(tmp_path / "stranger").sign("client")
    line = command(
        *(served.model("numbers"), "--port", "0", "--json", "--tls-cert", cert, "--tls-key", key),
        *("--tls-client-ca", authority.ca, "--workers", "2", "--cpus", "1", "--memory", "8GiB"),
    )
    with until_ready(line, HOLDFAST_HOME=str(served.home)) as (process, ready):
        url = str(ready["url"])
        assert url.startswith("https://127.0.0.1:")
        known = context(authority, *authority.sign("client"))
        with httpx.Client(verify=known, base_url=url) as client:
            assert client.post("/invocations", json=ROW).status_code == 200
            told = client.get("/metrics").text
        for unknown in (context(authority), context(authority, *stranger)):
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{url}/ping", verify=unknown)
        assert told.count("holdfast_worker_resident_memory_bytes{") == 2
        pids = workers_of(process)
        assert len(pids) == 2
        for pid in pids:
            assert len(os.sched_getaffinity(pid)) == 1
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert re.search(rf"Max data size +{8 << 30} ", limits)


CAGE = """
mount --make-rprivate /
for open in "$HOLDFAST_HOME" "$TMPDIR"; do mount --bind "$open" "$open"; done
mount --bind "$SEALED" "$SEALED" && mount -o remount,ro,bind "$SEALED"
mount -o remount,ro,bind /
grep -q " $BOTTOM " /proc/self/mountinfo && mount -o remount,ro,bind "$BOTTOM"
! touch "$BOTTOM/here" 2>/dev/null || exit 9
exec unshare --user --map-user=4711 --map-group=4711 -- "$@"
"""


def caged() -> bool:
    """Whether this machine lets a test make a file system read-only for one process."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    tried = ["unshare", "--mount", "unshare", "--user", "--map-user=4711", "--map-group=4711", "id"]
    ran = subprocess.run(tried, capture_output=True, text=True, check=False)
    return ran.returncode == 0 and "uid=4711" in ran.stdout


@pytest.mark.skipif(not caged(), reason="needs root and namespaces")
def test_as_a_user_who_can_write_nowhere_but_in_its_home(served: Served, tmp_path: Path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {
        "HOLDFAST_HOME": str(served.home),
        "TMPDIR": str(temporary),
        "SEALED": str(served.model("numbers")),
        # The mount that the tests' own folder is on; not always that of "/".
        "BOTTOM": mount_point(tmp_path),
        "HOME": "/nonexistent",
    }
    inside = command(served.model("numbers"), "--port", "0", "--json")
    line = ["unshare", "--mount", "sh", "-ec", CAGE, "sh", *inside]
    with until_ready(line, **env) as (process, ready):
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(r"CapEff:\s+0+\n", status)
        answer = plain.post(f"{ready['url']}/invocations", json=ROW)
        assert answer.json() == {"predictions": [1]}
    assert list(temporary.iterdir()) == []


def mount_point(path: Path) -> str:
    while not path.is_mount():
        path = path.parent
    return str(path)


BECOME = """
import os, sys
from pathlib import Path
from holdfast.serve.privileges import become
become("nobody", Path(sys.argv[1]))
print(os.getresuid(), os.getgroups(), os.environ["HOME"])
try:
    os.setuid(0)
except PermissionError:
    print("for good")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_becomes_somebody_else_for_good(tmp_path: Path):
    path = tmp_path / "here.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    ran = subprocess.run(
        [sys.executable, "-c", BECOME, path], capture_output=True, text=True, check=True
    )
    nobody = pwd.getpwnam("nobody")
    uid = nobody.pw_uid
    first, second = ran.stdout.splitlines()
    assert first.startswith(f"({uid}, {uid}, {uid}) ")
    assert "0" not in re.findall(r"\d+", first.partition("[")[2].partition("]")[0])
    assert first.endswith(nobody.pw_dir)
    assert second == "for good"
    assert path.stat().st_uid == uid


VERB = """
import os, signal, sys, threading
import holdfast

def ready(started):
    print(started.url, *started.endpoints)
    os.kill(os.getpid(), signal.SIGTERM)

holdfast.serve({"a": sys.argv[1]}, port=0, on_ready=ready)
print("over", threading.active_count())
"""


def test_the_verb_serves_until_it_is_told_to_stop(served: Served):
    ran = subprocess.run(
        [sys.executable, "-c", VERB, served.model("numbers")],
        env=surroundings(HOLDFAST_HOME=str(served.home)),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    first, last = ran.stdout.splitlines()
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+ a", first)
    assert last.startswith("over")


def test_a_server_that_others_reach_without_a_key_is_warned_of(served: Served):
    with serving(served.home, served.model("numbers"), "--host", "0.0.0.0", ready=False) as server:  # noqa: S104
        wait_until(lambda: is_open(server.url), server.said)
        assert server.said.count("warning: ") == 1
        # There, any name is right.
        answer = plain.get(f"{server.url}/metrics", headers={"host": "models.example"})
        assert answer.status_code == 200
        # A second Ctrl-C does not wait for what the first one waits for.
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(5) in {0, 130}


def test_ctrl_c_while_models_are_loaded(served: Served):
    with serving(served.home, served.model("numbers"), ready=False) as server:
        wait_until(lambda: is_open(server.url), server.said)
        server.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        server.process.wait(15)
        assert time.monotonic() - began < 10
        assert "Traceback" not in server.said


def is_open(url: str) -> bool:
    try:
        return plain.get(f"{url}/ping").status_code in {200, 503}
    except httpx.TransportError:
        return False


def wait_until(true: Callable[[], bool], said: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, said
        time.sleep(0.05)
