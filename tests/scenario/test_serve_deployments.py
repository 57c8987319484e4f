"""`mlflow deployments -t holdfast`: endpoints on this machine, made, changed and ended."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from holdfast.deployments import HoldfastDeploymentClient, book, server
from holdfast.uv import run_uv
from kit import EXCLUDE_NEWER, Ran, real_python, run, surroundings
from serving import Served, free_port, wait_ready
from serving import Server as Foreground

FRAME = pd.DataFrame([[0.5] * 10, [-2.0] * 10], columns=[f"x{at}" for at in range(10)])


@pytest.fixture
def client(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[HoldfastDeploymentClient]:
    """MLflow's client; nothing that it started is left afterwards."""
    monkeypatch.setenv("HOLDFAST_HOME", str(served.home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    before = set(book.names())
    client = HoldfastDeploymentClient("holdfast")
    yield client
    for name in set(book.names()) - before:
        client.delete_deployment(name)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Where a Unix socket's path is not too long."""
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        yield Path(folder)


def predicted(client: HoldfastDeploymentClient, name: str, inputs: object = FRAME) -> list[object]:
    answer: list[object] = client.predict(name, inputs)["predictions"]
    return answer


@pytest.fixture(scope="module")
def mlflow_command(
    served: Served, holdfast_wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Ran]:
    """MLflow's own command, in an environment with nothing but MLflow and `holdfast[serve]`."""
    folder = tmp_path_factory.mktemp("door")
    venv = folder / "venv"
    run_uv(["venv", "--quiet", "--python", real_python(), str(venv)])
    wanted = ["mlflow", f"holdfast[serve] @ {holdfast_wheel.as_uri()}"]
    newest = ["--exclude-newer", EXCLUDE_NEWER]
    run_uv(["pip", "install", "--quiet", *newest, "--python", str(venv), *wanted])

    def mlflow(verb: str, *arguments: str | Path) -> Ran:
        command = [str(venv / "bin" / "mlflow"), "deployments", verb, "-t", "holdfast"]
        env = surroundings(HOLDFAST_HOME=str(served.home), MLFLOW_DISABLE_TELEMETRY="true")
        return run([*command, *map(str, arguments)], cwd=folder, env=env)

    return mlflow


def test_mlflows_own_command(mlflow_command: Callable[..., Ran], served: Served, tmp_path: Path):
    rows = tmp_path / "rows.json"
    FRAME.to_json(rows)
    name = ("--name", "by-command")
    ran = mlflow_command("create", *name, "-m", served.model("numbers"), "-C", "poll=5")
    try:
        assert ran.code == 0, ran
        ran = mlflow_command("predict", *name, "-I", rows)
        assert json.loads(ran.out.splitlines()[-1]) == {"predictions": [1, 0]}, ran
        ran = mlflow_command("get", *name)
        assert "status: running" in ran.out, ran
        assert "grade: locked" in ran.out, ran
        pid = int(ran.out.partition("pid: ")[2].split()[0])
    finally:
        ran = mlflow_command("delete", *name)
    assert ran.code == 0, ran
    assert server.born(pid) == ""


def test_what_a_caller_may_hand_in(client: HoldfastDeploymentClient, served: Served):
    client.create_deployment("inputs", str(served.model("numbers")))
    answers = [1, 0]
    for inputs in (
        FRAME,
        FRAME.to_dict("records"),
        FRAME.to_dict("list"),
        {name: np.array(FRAME[name]) for name in FRAME},
        {"dataframe_split": FRAME.to_dict("split")},
        json.dumps({"dataframe_records": FRAME.to_dict("records")}),
    ):
        assert predicted(client, "inputs", inputs) == answers, inputs
    answer = client.predict(endpoint="inputs", inputs=FRAME)
    assert answer.get_predictions().to_numpy().ravel().tolist() == answers
    with pytest.raises(MlflowException, match="x0") as refused:
        client.predict("inputs", FRAME.drop(columns="x0"))
    assert refused.value.error_code in {"BAD_REQUEST", "INVALID_PARAMETER_VALUE"}
    with pytest.raises(MlflowException, match="one deployment"):
        client.predict("inputs", FRAME, endpoint="another")
    client.update_deployment("inputs", str(served.model("tensor")))
    for inputs in (FRAME.to_numpy(), FRAME.to_numpy().tolist()):
        assert predicted(client, "inputs", inputs) == answers, inputs


@pytest.mark.parametrize("where", [pytest.param("port", marks=pytest.mark.slow), "socket"])
def test_an_update_loses_no_request(
    client: HoldfastDeploymentClient, served: Served, where: str, short_folder: Path
):
    name = f"update-{where}"
    path = short_folder / "endpoint"
    config = {"uds": str(path)} if where == "socket" else {}
    made = client.create_deployment(name, str(served.model("numbers")), config=config)
    done = threading.Event()

    def ask() -> list[object]:
        answers = []
        while not done.is_set():
            answers.append(tuple(np.ravel(predicted(client, name))))
        return answers

    with ThreadPoolExecutor() as threads:
        asking = [threads.submit(ask) for _ in range(4)]
        try:
            for model in ("chances", "numbers"):
                updated = client.update_deployment(name, str(served.model(model)))
        finally:
            time.sleep(0.2)
            done.set()
        counts = [len(one.result()) for one in asking]
        answers = {answer for one in asking for answer in one.result()}
    assert all(counts)
    assert {len(one) for one in answers} == {2, 4}, answers
    assert server.born(made["pid"]) == ""
    assert updated["config"] == config
    assert (updated["url"] == made["url"]) == (where == "socket")
    client.delete_deployment(name)
    assert not path.is_symlink()
    assert not list(short_folder.iterdir())


def test_what_died_is_listed_and_starts_again(client: HoldfastDeploymentClient, served: Served):
    made = client.create_deployment("mortal", str(served.model("numbers")), config={"workers": 1})
    os.kill(made["pid"], signal.SIGKILL)
    until = time.monotonic() + 10
    while client.get_deployment("mortal")["status"] == "running" and time.monotonic() < until:
        time.sleep(0.05)
    assert {"mortal": "dead"}.items() <= {
        one["name"]: one["status"] for one in client.list_deployments()
    }.items()
    with pytest.raises(MlflowException, match="does not run any more") as gone:
        client.predict("mortal", FRAME)
    assert gone.value.error_code == "TEMPORARILY_UNAVAILABLE"
    again = client.update_deployment("mortal")
    assert (again["status"], again["config"]) == ("running", {"workers": "1"})
    assert predicted(client, "mortal") == [1, 0]


def test_a_pid_that_is_somebody_elses_is_left_alone(client: HoldfastDeploymentClient):
    with subprocess.Popen(["/bin/sleep", "60"]) as innocent:
        try:
            record = book.Record(
                name="reused", uri="models:/m/1", config={}, url="http://127.0.0.1:1",
                pid=innocent.pid, born="another boot 1", model={}, created="", updated="",
                generation=1,
            )  # fmt: skip
            book.make_folder("reused")
            book.write(record)
            assert client.get_deployment("reused")["status"] == "dead"
            client.delete_deployment("reused")
            assert innocent.poll() is None
        finally:
            innocent.terminate()
    client.delete_deployment("reused")
    with pytest.raises(MlflowException, match="no deployment reused") as absent:
        client.get_deployment("reused")
    assert absent.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_what_does_not_come_up_leaves_nothing_and_says_why(
    client: HoldfastDeploymentClient, served: Served, tmp_path: Path
):
    with pytest.raises(MlflowException, match="nowhere is not there"):
        client.create_deployment("none", str(tmp_path / "nowhere"))
    assert "none" not in book.names()
    port = free_port()
    client.create_deployment("stays", str(served.model("numbers")), config={"port": port})
    with pytest.raises(MlflowException, match="there is a deployment stays already") as there:
        client.create_deployment("stays", str(served.model("numbers")))
    assert there.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException, match="nowhere is not there"):
        client.update_deployment("stays", str(tmp_path / "nowhere"))
    assert predicted(client, "stays") == [1, 0]
    assert client.get_deployment("stays")["url"] == f"http://127.0.0.1:{port}"
    with pytest.raises(MlflowException, match=rf"port {port} .* is in use"):
        client.create_deployment("late", str(served.model("numbers")), config={"port": port})


def test_only_this_user_reads_the_book_and_a_key_is_shown(
    client: HoldfastDeploymentClient, served: Served, tmp_path: Path
):
    keys = tmp_path / "keys"
    keys.write_text("# ours\nvery-secret-key\n", encoding="utf-8")
    keys.chmod(0o600)
    made = client.create_deployment(
        "locked", str(served.model("numbers")), config={"api_key_file": str(keys)}
    )
    assert predicted(client, "locked") == [1, 0]
    port = int(made["url"].rpartition(":")[2])
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as stranger:
        stranger.request("POST", "/invocations", b"{}", {"content-type": "application/json"})
        assert stranger.getresponse().status == 401
    folder = book.folder_of("locked")
    assert {path.stat().st_mode & 0o077 for path in (folder, folder.parent)} == {0}
    assert all("very-secret" not in path.read_text() for path in folder.iterdir())


def test_run_local_ends_with_who_runs_it(served: Served, tmp_path: Path):
    port = free_port()
    code = "import sys; from holdfast.deployments import run_local; run_local(*sys.argv[1:3], "
    code += f"config={{'port': '{port}'}})"
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", code, "here", str(served.model("numbers"))],
            env=surroundings(HOLDFAST_HOME=str(served.home)),
            stdout=out,
            stderr=out,
        )
    local = Foreground(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_ready(local)
    finally:
        code = local.stop()
    assert code == 0, local.said
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))
