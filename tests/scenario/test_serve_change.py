"""What is served changes while it is served: aliases that move, canaries, shadows, proof."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit import surroundings
from load import Ask, Load
from serving import Served, Server, plain, serving

TRAIN = """
import os
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

out = Path(sys.argv[1])
x = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
for name, factor in (("one", 1.0), ("two", 2.0)):
    model = LinearRegression(fit_intercept=False).fit(x, factor * x["x"])
    model.coef_ = np.array([factor])
    mlflow.sklearn.save_model(model, out / name, input_example=x)


class Moody(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"] * float(os.environ.get("MOOD", "7"))


mlflow.pyfunc.save_model(
    out / "moody", python_model=Moody(), input_example=x, signature=infer_signature(x, x.x * 2)
)
"""


@dataclass(frozen=True)
class Registry:
    """A registry with one model: version 1 gives x, 2 gives 2x; 3 was changed, 4 is moody."""

    served: Served
    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def model(self, name: str) -> Path:
        return self.folder / "models" / name

    def move(self, alias: str, version: int) -> None:
        """Let an alias mean a version."""
        self._client().set_registered_model_alias("churn", alias, str(version))

    def register(self, *sources: Path) -> None:
        self._client().create_registered_model("churn")
        for source in sources:
            self._client().create_model_version("churn", str(source))

    def serving(self, *arguments: str, ready: bool = True, **env: str) -> Any:
        """`holdfast serve`, told to look at its aliases only by a test."""
        env = {"MLFLOW_TRACKING_URI": self.uri, **env}
        poll = () if "--poll" in arguments else ("--poll", "0")
        return serving(self.served.home, *arguments, *poll, ready=ready, **env)

    def _client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)


@pytest.fixture(scope="module")
def registry(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    found = Registry(served, tmp_path_factory.mktemp("change"))
    project = shutil.copytree(
        served.folder / "served", found.folder / "served", ignore=shutil.ignore_patterns(".venv")
    )
    (project / "versions.py").write_text(TRAIN, encoding="utf-8")
    (found.folder / "models").mkdir()
    subprocess.run(
        [str(served.python), str(project / "versions.py"), str(found.folder / "models")],
        cwd=project,
        env=surroundings(MOOD="2"),
        check=True,
        capture_output=True,
    )
    changed = shutil.copytree(found.model("two"), found.model("changed"))
    with (changed / "MLmodel").open("a") as file:
        file.write("# changed since\n")
    found.register(*map(found.model, ("one", "two", "changed", "moody")))
    found.move("champion", 1)
    found.move("challenger", 2)
    return found


def ask(x: float = 3.0, path: str = "/invocations", factors: tuple[float, ...] = (1, 2)) -> Ask:
    """A row, and whether the answer is one of the versions'."""
    body = json.dumps({"dataframe_split": {"columns": ["x"], "data": [[x]]}}).encode()
    wanted = [{"predictions": [factor * x]} for factor in factors]
    return Ask(body, lambda status, said: status == 200 and said in wanted, path)


def post(server: Server, x: float = 3.0) -> httpx.Response:
    body = {"dataframe_split": {"columns": ["x"], "data": [[x]]}}
    return plain.post(f"{server.url}/invocations", json=body, timeout=60)


def about(server: Server, name: str = "churn") -> dict[str, Any]:
    """What the server says of a model."""
    found: dict[str, Any] = plain.get(f"{server.url}/models/{name}", timeout=60).json()
    return found


def reload(server: Server, name: str = "churn") -> None:
    answer = plain.post(f"{server.url}/models/{name}/reload", timeout=60)
    assert answer.status_code == 202, answer.text


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What `what` gives, once that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not in {seconds} s")


def wait_for_version(server: Server, version: int) -> None:
    try:
        until(lambda: about(server)["version"] == str(version))
    except AssertionError:
        raise AssertionError(f"{about(server)}\n{server.said}") from None


def receipt(server: Server, path: str = "/receipt") -> dict[str, Any]:
    """The receipt, as soon as there is one."""
    found: dict[str, Any] = until(
        lambda: (answer := plain.get(server.url + path)).status_code == 200 and answer.json()
    )
    return found


def workers(server: Server) -> set[int]:
    """The server's children, by process id."""
    task = Path(f"/proc/{server.process.pid}/task")
    found = (path.read_text().split() for path in task.glob("*/children"))
    return {int(pid) for pids in found for pid in pids}


@pytest.fixture(scope="module")
def running(registry: Registry) -> Iterator[Server]:
    registry.move("champion", 1)
    with registry.serving("models:/churn@champion") as server:
        yield server


@pytest.fixture
def champion(registry: Registry, running: Server) -> Server:
    """A server of which version 1 is the champion, whatever went before."""
    registry.move("champion", 1)
    reload(running)
    wait_for_version(running, 1)
    until(lambda: about(running)["failed"] is None)
    return running


@pytest.mark.parametrize(
    "moves", [2, pytest.param(20, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_an_alias_moves_back_and_forth_under_load(registry, champion, moves):
    asks = [ask(float(x)) for x in range(1, 50)]
    before = about(champion)
    with Load(champion.url, asks, connections=8, pause=0.002) as load:
        load.wait_for(50)
        for move in range(moves):
            version = 2 - move % 2
            registry.move("champion", version)
            if move % 2:
                champion.process.send_signal(signal.SIGHUP)
            else:
                reload(champion)
            wait_for_version(champion, version)
            assert post(champion).json() == {"predictions": [3.0 * version]}
        load.wait_for(50)
    assert load.seen.only(200), load.seen
    after = about(champion)
    assert after["changes"] == before["changes"] + moves
    assert after["failures"] == before["failures"]
    until(lambda: len(workers(champion)) == 1)


def test_an_alias_that_moves_faster_than_versions_start_ends_at_the_last(registry, champion):
    with Load(champion.url, [ask()], connections=4, pause=0.002) as load:
        for version in (2, 1, 2, 1, 2, 1, 2):
            registry.move("champion", version)
            reload(champion)
            time.sleep(0.3)
            # One that answers, one that drains or is being built, and what hashes files.
            assert len(workers(champion)) <= 3
        wait_for_version(champion, 2)
        time.sleep(1)
        assert about(champion)["version"] == "2"
    assert load.seen.only(200), load.seen
    answer = post(champion)
    assert answer.headers["x-holdfast-version"] == "2"
    assert answer.json() == {"predictions": [6.0]}


@pytest.mark.parametrize(
    ("version", "why"), [(3, "MLmodel"), (4, "golden predictions replayed, and they differ")]
)
def test_a_version_that_is_not_as_sealed_is_refused(registry, champion, version, why):
    before = about(champion)["failures"]
    registry.move("champion", version)
    reload(champion)
    failed = until(lambda: about(champion)["failed"])
    assert failed["uri"] == f"models:/churn/{version}"
    assert why in failed["why"]
    reload(champion)
    # Twice at least: the look that the fixture asked for may have come this late, and seen it too.
    until(lambda: (about(champion)["failed"] or {}).get("tries", 0) >= 2)
    now = about(champion)
    assert now["failed"]["tries"] == now["failures"] - before
    told = f"models:/churn/{version} is not served, version 1 stays"
    assert champion.said.count(told) == 1
    assert post(champion).json() == {"predictions": [3.0]}
    failures = 'holdfast_model_change_failures_total{model="churn",part="main"} '
    until(lambda: f"{failures}{about(champion)['failures']:.1f}" in metrics(champion))
    registry.move("champion", 2)
    reload(champion)
    wait_for_version(champion, 2)
    assert about(champion)["failed"] is None


@pytest.mark.slow
def test_a_registry_that_is_down_stops_nothing(registry, tmp_path):
    registry.move("champion", 1)
    database = shutil.copy(registry.folder / "mlflow.db", tmp_path / "mlflow.db")
    uri = f"sqlite:///{database}"
    with registry.serving(
        "models:/churn@champion", "--poll", "0.2", MLFLOW_TRACKING_URI=uri
    ) as server:
        database.rename(tmp_path / "gone.db")
        until(lambda: about(server)["registry"])
        assert post(server).json() == {"predictions": [3.0]}
        time.sleep(1)
        assert server.said.count("cannot be looked up, what is served stays") == 1
        moved = Registry(registry.served, tmp_path)
        (tmp_path / "gone.db").rename(database)
        moved.move("champion", 2)
        wait_for_version(server, 2)
        assert about(server)["registry"] is None


def test_a_canary_answers_its_share(registry):
    registry.move("champion", 1)
    with registry.serving(
        "models:/churn@champion", "--canary", "churn=20%:models:/churn@challenger"
    ) as server:
        until(lambda: about(server)["canary"]["ready"])
        for weight, wanted in ((20, 20), (50, 50), (0, 0), (100, 100)):
            url = f"{server.url}/models/churn/canary"
            assert plain.put(url, json={"weight": weight}).status_code == 200
            answers = [post(server) for _ in range(100)]
            versions = Counter(one.headers["x-holdfast-version"] for one in answers)
            assert versions["2"] == wanted
            for one in answers:
                factor = int(one.headers["x-holdfast-version"])
                assert one.json() == {"predictions": [3.0 * factor]}
        for wrong in ({"weight": 101}, {"weight": "many"}, {}, []):
            assert plain.put(url, json=wrong).status_code == 400
        elsewhere = {"origin": "https://example.org"}
        assert plain.put(url, json={"weight": 1}, headers=elsewhere).status_code == 403
        assert about(server)["canary"]["weight"] == 100
        with Load(server.url, [ask()], connections=4) as load:
            load.wait_for(200)
        assert load.seen.only(200), load.seen


def test_a_shadow_is_compared_and_disturbs_nobody(registry):
    registry.move("champion", 1)
    with registry.serving(
        "models:/churn@champion", "--shadow", "models:/churn@challenger"
    ) as server:
        until(lambda: about(server)["shadow"]["ready"])
        for x in (0.0, 0.0, 1.0, 3.0):
            assert post(server, x).json() == {"predictions": [x]}
        wrong = plain.post(f"{server.url}/invocations", json={"dataframe_split": 1})
        assert wrong.status_code == 400
        said = until(lambda: seen if count(seen := about(server)["shadow"]["answers"]) == 4 else 0)
        assert said == {
            "agreed": 2,
            "disagreed": 2,
            "failed": 0,
            "dropped": 0,
            "numbers": 2,
            "others": 0,
            "largest": 3.0,
            "mean": 2.0,
        }
        assert 'holdfast_shadow_answers_total{model="churn",outcome="disagreed"} 2.0' in metrics(
            server
        )
        # Who makes the receipt stands back, too, and ends.
        receipt(server)
        (shadow,) = until(lambda: len(pids := standing_back(server)) == 1 and pids)
        os.kill(shadow, signal.SIGSTOP)
        with Load(server.url, [ask(1.0, factors=(1,))], connections=4) as load:
            load.wait_for(500)
        os.kill(shadow, signal.SIGCONT)
        assert load.seen.only(200), load.seen
        # A shadow that is waited for would hold an answer up for as long as a request may take.
        assert load.seen.slowest < 20, load.seen
        total = 4 + load.seen.answers[200]
        said = until(
            lambda: seen if count(seen := about(server)["shadow"]["answers"]) == total else 0
        )
        assert said["dropped"] > 0
        assert said["failed"] == 0


def standing_back(server: Server) -> list[int]:
    """The server's children that leave the CPU to others."""
    found = []
    for pid in workers(server):
        with suppress(ProcessLookupError):
            found += [pid] if os.getpriority(os.PRIO_PROCESS, pid) == 10 else []
    return found


def count(answers: dict[str, Any]) -> int:
    return sum(answers[name] for name in ("agreed", "disagreed", "failed", "dropped"))


def metrics(server: Server) -> str:
    return plain.get(f"{server.url}/metrics").text


def test_the_receipt_is_of_what_is_served(registry, champion):
    first = receipt(champion)
    assert first["matches"]
    assert first["model"] == "models:/churn/1"
    statuses = {one["name"]: one["status"] for one in first["checks"]}
    assert set(statuses) >= {"model-files", "packages", "installed-files", "python", "predictions"}
    assert statuses["predictions"] == "match"
    assert receipt(champion, "/models/churn/receipt") == first
    registry.move("champion", 2)
    reload(champion)
    wait_for_version(champion, 2)
    second = receipt(champion)
    assert second["model"] == "models:/churn/2"
    assert second["matches"]
    assert second["seal"] != first["seal"]
    assert plain.get(f"{champion.url}/models/other/receipt").status_code == 404


def test_verify_answers_nothing_that_is_not_proven(registry):
    registry.move("champion", 4)
    with registry.serving("models:/churn@champion", "--verify", ready=False) as server:
        said = until(lambda: answered(server, "/receipt"))
        assert said.status_code == 200, said.text
        assert not said.json()["matches"]
        refused = post(server)
        assert refused.status_code == 503
        assert "golden predictions replayed, and they differ" in refused.json()["message"]
        assert plain.get(f"{server.url}/ping").status_code == 503
        assert workers(server) == set()
        # The same model, in the mood that it was sealed in.
        registry.move("champion", 2)
        reload(server)
        wait_for_version(server, 2)
        assert post(server).json() == {"predictions": [6.0]}
        assert receipt(server)["matches"]


def answered(server: Server, path: str) -> httpx.Response | None:
    """The answer, once it is neither silence nor "not yet"."""
    assert server.process.poll() is None, server.said
    try:
        answer = plain.get(server.url + path)
    except httpx.TransportError:
        return None
    return None if answer.status_code == 202 else answer


@pytest.mark.slow  # copies an environment
def test_verify_finds_what_a_glance_does_not(registry, tmp_path):
    """An installed file that was changed, and has the size and the time that it had."""
    home, env = tmp_path / "home", {"UV_LINK_MODE": "copy"}
    shutil.copytree(registry.served.home, home, symlinks=True)
    found = next(home.rglob("site-packages/threadpoolctl.py"))
    before = found.stat()
    text = found.read_bytes()
    found.unlink()
    found.write_bytes(text.replace(b"import os", b"import sy", 1))
    os.utime(found, ns=(before.st_atime_ns, before.st_mtime_ns))
    with serving(home, registry.model("one"), "--verify", ready=False, **env) as server:
        until(lambda: answered(server, "/receipt"))
        assert "threadpoolctl.py" in plain.get(f"{server.url}/receipt").text
        assert post(server).status_code == 503


def test_one_that_fails_at_the_start_ends_all(registry):
    others = workers_named(str(registry.folder))  # of servers that other tests share
    with registry.serving(
        "one=models:/churn/1", "two=models:/churn/2", "three=models:/churn/3", ready=False
    ) as server:
        assert server.process.wait(60) == 1
        assert "is not as it was sealed: changed MLmodel" in server.said
        # What was just being loaded ends by itself, as soon as it sees that the gateway is gone.
        # While it imports libraries, that is when the import lets it look.
        until(lambda: not {*workers_named(str(registry.folder))} - {*others})


def workers_named(text: str) -> list[str]:
    """Processes of this machine with `text` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if text in command and "worker" in command:
            found.append(command)
    return found
