"""Real clusters on this machine: Ray with several nodes, Spark's standalone master and workers.

Each node has a home of its own, and so a store of its own. The engines live in
an environment that is neither the model's nor the tests': drivers run there as scripts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.uv import run_uv
from kit import Ran, UvProject, made_once, real_python, run, surroundings
from serving import free_port

MODELS = '''
import time

import mlflow
import pandas as pd


class Slow(mlflow.pyfunc.PythonModel):
    """Doubles `x`; takes its time, so that something can happen meanwhile."""

    def predict(self, context, model_input, params=None):
        time.sleep(0.1)
        if (model_input["x"] < 0).any():
            raise ValueError("x is below zero")
        return (model_input["x"] * 2).to_numpy()


class Kinds(mlflow.pyfunc.PythonModel):
    """Answers in columns of many types."""

    def predict(self, context, model_input, params=None):
        eighths = (model_input["x"] * 8).astype("int64")
        return pd.DataFrame(
            {
                "count": eighths,
                "small": (eighths % 256).astype("uint8"),
                "half": (model_input["x"] / 2).astype("float32"),
                "name": ["odd" if one % 2 else "gerade" for one in eighths],
                "known": [None if one % 3 else "by three" for one in eighths],
                "sure": eighths > 50,
                "when": pd.Timestamp("2026-11-21") + pd.to_timedelta(eighths, unit="h"),
            }
        )
'''

TRAIN = """
import sys
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.neighbors import NearestCentroid

from slow.models import Kinds, Slow

out = Path(sys.argv[1])
x = pd.DataFrame({"x": [number / 8 for number in range(100)]})
for name, model in (("slow", Slow()), ("kinds", Kinds())):
    mlflow.pyfunc.save_model(
        out / name,
        python_model=model,
        input_example=x.head(3),
        signature=infer_signature(x, model.predict(None, x)),
    )
# Half way between the classes' means is 23.5 eighths.
classifier = NearestCentroid().fit(x.head(48), [0] * 24 + [1] * 24)
mlflow.sklearn.save_model(classifier, out / "classifier", input_example=x.head(3))
"""


@pytest.fixture(scope="session")
def cluster_models(
    new_project_in: Callable[..., UvProject], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of sealed models with one environment, of another Python than the engines'."""

    def make(folder: Path) -> None:
        project = new_project_in(folder, python="3.12", own=True)
        wanted = ("mlflow-skinny", "pandas", "scikit-learn", "skops")
        project.pyproject(*wanted, packaged=True, project={"name": "slow"})
        project.write("src/slow/__init__.py", "")
        project.write("src/slow/models.py", MODELS)
        project.write("train.py", TRAIN)
        project.sync()
        ran = project.train("train.py", folder)
        assert ran.code == 0, ran
        project.delete()

    return made_once(tmp_path_factory.getbasetemp(), "cluster-models", make)


@pytest.fixture(scope="session")
def slow_model(cluster_models: Path) -> Path:
    """Doubles `x`, slowly."""
    return cluster_models / "slow"


@dataclass(frozen=True)
class Engines:
    """An environment with Ray, Spark and Holdfast, but without any model's packages."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def spark(self) -> Path:
        return next(self.folder.glob("lib/*/site-packages/pyspark"))

    def drive(self, script: str, *arguments: object, cwd: Path, **env: str) -> Ran:
        """Run a job's driver."""
        path = cwd / "driver.py"
        path.write_text(script, encoding="utf-8")
        return self._run([path, *arguments], cwd, env)

    def holdfast(self, *arguments: object, cwd: Path, **env: str) -> Ran:
        """Run the command line, on a machine that is no node."""
        return self._run(["-m", "holdfast", *arguments], cwd, env)

    def _run(self, arguments: list[object], cwd: Path, env: dict[str, str]) -> Ran:
        command = [str(self.python), *map(str, arguments)]
        extra = {
            "HOLDFAST_HOME": str(cwd / "home"),
            "SPARK_HOME": str(self.spark),
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        extra |= {"PYSPARK_PYTHON": str(self.python), **_QUIET, **env}
        return run(command, cwd=cwd, env=surroundings(**extra), timeout=500)


# Whoever has no token is refused, other users of this machine too.
_QUIET = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


@pytest.fixture(scope="session")
def engines(holdfast_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Engines:
    """Made with uv: Ray and Spark are no dependencies of the tests."""

    def make(folder: Path) -> None:
        run_uv(["venv", "--quiet", "--python", real_python("3.11"), str(folder / "venv")])
        python = str(folder / "venv" / "bin" / "python")
        wanted = f"holdfast[ray,spark] @ {holdfast_wheel.as_uri()}"
        run_uv(["pip", "install", "--quiet", "--python", python, wanted])

    return Engines(made_once(tmp_path_factory.getbasetemp(), "engines", make) / "venv")


@dataclass
class Node:
    """One node: its process, and the home that its tasks find."""

    process: subprocess.Popen[bytes]
    home: Path

    def kill(self) -> None:
        """As when the power fails: all of it, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def environments(self) -> list[Path]:
        return [path for path in self.home.glob("store/environments/*") if path.is_dir()]


@dataclass
class Cluster:
    """A running cluster.

    Attributes:
        engine: "ray" or "spark".
        address: What a driver connects to.
        client: What a driver connects to that is no part of the cluster, of Ray's.
        folder: Its files, logs too.
        logs: Where its tasks' stderr goes, as a pattern below `folder`.
    """

    engine: str
    address: str
    folder: Path
    logs: str
    client: str = ""
    nodes: list[Node] = field(default_factory=list)

    def said(self, words: str) -> int:
        """How many lines with `words` its tasks have written."""
        return sum(
            line.count(words)
            for log in self.folder.glob(self.logs)
            if log.is_file()
            for line in log.read_text(errors="replace").splitlines()
        )

    def start(self, command: list[str], home: Path, **env: str) -> Node:
        home.mkdir(exist_ok=True, parents=True)
        # Environments of copies: a test that spoils one may not spoil all.
        extra = {"HOLDFAST_HOME": str(home), "UV_LINK_MODE": "copy", **_QUIET, **env}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=surroundings(**extra),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return Node(process, home)


@contextmanager
def ray_cluster(engines: Engines, folder: Path, nodes: int = 3, **env: str) -> Iterator[Cluster]:
    """A head that runs nothing, and nodes with room for an actor and for a task that writes.

    Args:
        engines: Whose Ray.
        folder: Empty; a short path, since Ray's sockets lie below.
        nodes: How many.
        **env: Variables of all nodes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.2:{free_port()}"
    logs = "ray/session_2*/logs/worker-*.err"
    cluster = Cluster("ray", address, folder, logs, client=f"ray://127.0.0.2:{free_port()}")
    ray = [str(engines.folder / "bin" / "ray"), "start", "--block", "--disable-usage-stats"]
    ray += ["--object-store-memory", "100000000"]
    head = [*ray, "--head", "--port", address.split(":")[1], "--node-ip-address", "127.0.0.2"]
    head += ["--include-dashboard", "false", "--temp-dir", str(folder / "ray"), "--num-cpus", "0"]
    head += ["--ray-client-server-port", cluster.client.rpartition(":")[2]]
    # With gRPC's fork handlers what serves a client crashes when it starts, now and then.
    started = [cluster.start(head, folder / "head", GRPC_ENABLE_FORK_SUPPORT="0", **env)]
    try:
        _wait_for(cluster, "Ray runtime started")
        for number in range(nodes):
            where = ["--address", address, "--node-ip-address", f"127.0.0.{number + 3}"]
            room = ["--num-cpus", "2"]
            node = cluster.start([*ray, *where, *room], folder / f"home-{number}", **env)
            cluster.nodes.append(node)
            started.append(node)
            # One after the other: a node that is kept waiting for a processor gives up.
            _wait_for(cluster, "Ray runtime started", number + 2)
        yield cluster
    finally:
        for node in reversed(started):
            node.stop()


@contextmanager
def spark_cluster(engines: Engines, folder: Path, nodes: int = 3) -> Iterator[Cluster]:
    """A master, and workers of one processor each."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    cluster = Cluster("spark", address, folder, "work-*/app-*/*/stderr")
    program = str(engines.spark / "bin" / "spark-class")
    env = {"SPARK_HOME": str(engines.spark), "PYSPARK_PYTHON": str(engines.python)}
    deploy = "org.apache.spark.deploy"
    where = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    master = [program, f"{deploy}.master.Master", *where]
    started = [cluster.start(master, folder / "master", SPARK_LOCAL_IP="127.0.0.1", **env)]
    try:
        _wait_for(cluster, "I have been elected leader")
        for number in range(nodes):
            host = f"127.0.0.{number + 3}"
            size = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--host", host]
            work = ["--work-dir", str(folder / f"work-{number}"), cluster.address]
            worker = [program, f"{deploy}.worker.Worker", *size, *work]
            home = folder / f"home-{number}"
            cluster.nodes.append(cluster.start(worker, home, SPARK_LOCAL_IP=host, **env))
            started.append(cluster.nodes[-1])
        _wait_for(cluster, "Successfully registered with master", nodes)
        yield cluster
    finally:
        for node in reversed(started):
            node.stop()


def _wait_for(cluster: Cluster, words: str, times: int = 1, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    log = cluster.folder / "log"
    while time.monotonic() < until:
        if log.read_text(errors="replace").count(words) >= times:
            return
        time.sleep(0.2)
    raise AssertionError(f"no {words!r} in {seconds} s: {log.read_text(errors='replace')}")


def write_csv(folder: Path, rows: int, bad: int = -1) -> Path:
    """One CSV file as of `write_input`; in row `bad`, `x` is what the model does not answer."""
    folder.mkdir()
    lines = [f"{one},{-1 if one == bad else one / 8},-" for one in range(rows)]
    (folder / "rows.csv").write_text("\n".join(["id,x,unused", *lines]) + "\n")
    return folder


def write_input(folder: Path, files: int, rows: int) -> Path:
    """Parquet files with `id`, counting through all, `x` = id / 8 and a column nobody needs."""
    folder.mkdir(parents=True)
    for number in range(files):
        ids = range(number * rows, (number + 1) * rows)
        table = pa.table({"id": ids, "x": [one / 8 for one in ids], "unused": ["-"] * rows})
        pq.write_table(table, folder / f"part-{number:03}.parquet")
    return folder


def check_output(folder: Path, rows: int) -> None:
    """No row lost, none doubled, each with its own answer."""
    table = pq.read_table(folder).sort_by("id")
    assert table.column_names == ["id", "prediction"]
    assert table["id"].to_pylist() == list(range(rows))
    assert table["prediction"].to_pylist() == [one / 4 for one in range(rows)]


def kill_when_half_done(node: Node, out: Path, files: int, seconds: float = 300) -> None:
    """Kill `node` once `files` files or more are being written to `out`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if len(list(out.rglob("*.parquet"))) >= files:
            return node.kill()
        time.sleep(0.05)
    raise AssertionError(f"nothing written in {seconds} s")


@contextmanager
def tampered(node: Node) -> Iterator[str]:
    """One byte of a module that is installed there is another, at the same size and time."""
    (environment,) = node.environments
    (module,) = environment.glob("lib/*/site-packages/pandas/__init__.py")
    kept, found = module.read_bytes(), module.stat()
    module.write_bytes(kept[:-1] + b" ")
    os.utime(module, ns=(found.st_atime_ns, found.st_mtime_ns))
    try:
        yield module.relative_to(environment).as_posix()
    finally:
        module.write_bytes(kept)
        os.utime(module, ns=(found.st_atime_ns, found.st_mtime_ns))
