"""`mlflow run … --backend holdfast`: an MLproject runs in the environment of its uv.lock."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from kit import Ran, run, surroundings

MLPROJECT = """
name: tumours
entry_points:
  main:
    parameters:
      word: {type: string, default: plain}
      alpha: {type: float, default: 0.5}
      data: path
      where: {type: uri, default: "https://index.invalid/x"}
    command: "python train.py --word {word} --alpha {alpha} --data {data} --where {where}"
  fails:
    command: "python -c 'raise SystemExit(3)'"
  shell:
    command: "python -c 'print(1)' && echo $HOME"
  quoted:
    parameters: {word: string}
    command: "python -c 'import sys; print(sys.argv[1:])' \\"{word}\\""
  unknown:
    command: "no-such-program --now"
  waits:
    command: "python -c 'import time; time.sleep(600)'"
"""

TRAIN = """
import json
import os
import sys
from pathlib import Path

import mlflow
import pandas as pd
from tumours import doubled


class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return doubled(model_input["x"]).to_numpy()


seen = {
    "arguments": sys.argv[1:],
    "cwd": os.getcwd(),
    "prefix": sys.prefix,
    "version": sys.version.split()[0],
    "run": os.environ["MLFLOW_RUN_ID"],
    "experiment": os.environ["MLFLOW_EXPERIMENT_ID"],
    "tracking": os.environ["MLFLOW_TRACKING_URI"],
}
with mlflow.start_run() as run:
    assert run.info.run_id == seen["run"]
    mlflow.log_dict(seen, "seen.json")
    example = pd.DataFrame({"x": [1.0, 2.0]})
    mlflow.pyfunc.log_model(name="m", python_model=Answer(), input_example=example)
"""


@dataclass
class Launcher:
    """MLflow's command line where Holdfast is installed, and nothing of any project."""

    interpreter: Path
    folder: Path
    env: dict[str, str]

    def __call__(self, *words: str | Path, **env: str) -> Ran:
        command = [str(self.interpreter.with_name("mlflow")), "run", *map(str, words)]
        return self._run(command, **env)

    def python(self, text: str, **env: str) -> Ran:
        return self._run([str(self.interpreter), "-c", text], **env)

    def _run(self, command: list[str], **env: str) -> Ran:
        return run(command, cwd=self.folder, env=surroundings(**self.env, **env))

    def asked(self, text: str) -> object:
        """What MLflow's client says: `text` is an expression of `client`."""
        ran = self.python(
            f"import json, mlflow; client = mlflow.MlflowClient(); print(json.dumps({text}))"
        )
        assert ran.code == 0, ran
        return json.loads(ran.out)

    def runs(self, experiment: str = "Default") -> list[dict[str, object]]:
        """The runs of an experiment, the latest first."""
        return self.asked(  # type: ignore[return-value]
            "[{'id': r.info.run_id, 'name': r.info.run_name, 'status': r.info.status, "
            "'params': r.data.params, 'tags': r.data.tags} for r in client.search_runs("
            f"[client.get_experiment_by_name({experiment!r}).experiment_id])]"
        )

    def seen(self, run_id: object) -> dict[str, object]:
        return self.asked(f"mlflow.artifacts.load_dict('runs:/{run_id}/seen.json')")  # type: ignore[return-value]


@pytest.fixture
def launcher(new_project_in, shared, tmp_path):
    environment = shared / "venv-launcher"
    with FileLock(shared / "venv-launcher.lock"):
        if not environment.exists():
            project = new_project_in(shared, "launcher")
            project.environment = environment
            project.pyproject("mlflow-skinny", "sqlalchemy", "alembic")
            project.sync()
    folder = tmp_path / "launched from here"
    folder.mkdir()
    return Launcher(
        interpreter=environment / "bin" / "python",
        folder=folder,
        env={
            "HOLDFAST_HOME": str(shared / "home"),
            "MLFLOW_TRACKING_URI": (tmp_path / "runs").as_uri(),
            "MLFLOW_ALLOW_FILE_STORE": "true",
        },
    )


@pytest.fixture
def project(new_project):
    """An MLproject in a uv project, locked; it has no environment of its own."""
    made = new_project()
    made.pyproject("mlflow-skinny", "pandas", packaged=True, project={"name": "tumours"})
    made.write("src/tumours/__init__.py", "def doubled(column):\n    return column * 2\n")
    made.write("MLproject", MLPROJECT)
    made.write("train.py", TRAIN)
    made.write("rows.csv", "x\n1\n")
    made.uv("lock", "--quiet")
    return made


def git(folder: Path, *words: str) -> str:
    ran = run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.invalid", *words], cwd=folder
    )
    assert ran.code == 0, ran
    return ran.out.strip()


def test_an_entry_point_runs_in_the_environment_of_the_lock(launcher, project, holdfast, proven):
    cell = proven("MLflow's doors", "MLflow Projects: an entry point in its lock's environment")
    rows = project.folder / "rows.csv"
    words = ("-P", "word=two words; $HOME", "-P", f"data={rows}", "-P", "more=1")
    named = ("--run-name", "first", "--experiment-name", "trees")
    ran = launcher(project.folder, "--backend", "holdfast", *named, *words)
    assert ran.code == 0, ran

    (done,) = launcher.runs("trees")
    assert (done["status"], done["name"]) == ("FINISHED", "first")
    assert done["tags"]["mlflow.project.backend"] == "holdfast"
    seen = launcher.seen(done["id"])
    assert seen["arguments"] == [
        *("--word", "two words; $HOME", "--alpha", "0.5", "--data", str(rows)),
        *("--where", "https://index.invalid/x", "--more", "1"),
    ]
    assert seen["cwd"] == str(project.folder)
    assert (seen["run"], seen["tracking"]) == (done["id"], launcher.env["MLFLOW_TRACKING_URI"])
    assert Path(seen["prefix"]).parent == holdfast.home / "store" / "environments"
    assert Path(seen["prefix"]).name == done["tags"]["holdfast.environment"]

    # What is logged there is sealed as in any project: its environment is what the lock says.
    holdfast.env |= launcher.env
    receipt = holdfast.receipt(f"runs:/{done['id']}/m")
    assert receipt["matches"], receipt
    assert receipt["grade"] == "locked"
    cell["note"] = "a model logged there is locked"


@pytest.fixture
def repository(project, tmp_path, launcher):
    """The project in a git repository of two commits, which git knows by a URL."""
    folder = tmp_path / "repositories" / "trees"
    shutil.copytree(project.folder, folder / "work" / "mine")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    mlproject = folder / "work" / "mine" / "MLproject"
    mlproject.write_text(mlproject.read_text().replace("SystemExit(3)", "SystemExit(0)"))
    git(folder, "commit", "--quiet", "--all", "--message", "two")
    launcher.env |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.parent.as_uri()}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://git.invalid/",
    }
    return folder


def test_one_lock_one_environment_wherever_it_was_fetched_to(launcher, project, repository, proven):
    cell = proven("MLflow's doors", "MLflow Projects: git URI, subdirectory, version")
    first = git(repository, "rev-parse", "HEAD~1")
    uri = "https://git.invalid/trees#work/mine"
    ran = launcher(uri, "--backend", "holdfast", "-e", "fails")
    assert ran.code == 0, ran
    ran = launcher(uri, "--backend", "holdfast", "-e", "fails", "-v", first)
    assert ran.code == 1, ran
    ran = launcher(project.folder, "--backend", "holdfast", "-e", "fails")
    assert ran.code == 1, ran

    latest, earlier, now = launcher.runs()
    assert [one["status"] for one in (latest, earlier, now)] == ["FAILED", "FAILED", "FINISHED"]
    assert earlier["tags"]["mlflow.source.git.commit"] == first
    assert earlier["tags"]["mlflow.source.git.repoURL"] == "https://git.invalid/trees"
    assert len({one["tags"]["holdfast.environment"] for one in (latest, earlier, now)}) == 1
    cell["note"] = "one environment"


REFUSALS = """
import json
import mlflow
from mlflow.exceptions import ExecutionException

for words in json.loads({!r}):
    try:
        mlflow.projects.run(backend="holdfast", **words)
        print("ran")
    except ExecutionException as error:
        print(json.dumps(str(error)))
"""


def test_what_cannot_be_run_is_refused_before_there_is_a_run(launcher, project, repository):
    bare = repository.parent / "bare"
    bare.mkdir()
    (bare / "MLproject").write_text(MLPROJECT)
    git(bare, "init", "--quiet", "--initial-branch", "main")
    git(bare, "add", ".")
    git(bare, "commit", "--quiet", "--message", "one")
    # A lock that somebody left above the folder that a project is fetched to is not the project's.
    foreign = shutil.copytree(project.folder, project.folder.parent / "foreign")
    unlocked = project.folder.parent / "unlocked"
    shutil.copytree(project.folder, unlocked)
    (unlocked / "uv.lock").unlink()
    stale = project.folder.parent / "stale"
    shutil.copytree(project.folder, stale)
    text = (stale / "pyproject.toml").read_text()
    (stale / "pyproject.toml").write_text(text.replace('"mlflow-skinny"', '"mlflow-skinny>=3"'))
    here = {"uri": str(project.folder), "entry_point": "fails"}
    asked = [
        {"uri": "https://git.invalid/bare", "entry_point": "fails"},
        {"uri": str(unlocked), "entry_point": "fails"},
        {"uri": str(stale), "entry_point": "fails"},
        {**here, "entry_point": "shell"},
        {**here, "backend_config": {"ofline": True, "extras": "gpu"}},
        {**here, "env_manager": "conda"},
    ]
    ran = launcher.python(REFUSALS.format(json.dumps(asked)), TMPDIR=str(foreign))
    assert ran.code == 0, ran
    lines = [line for line in ran.out.splitlines() if line]
    expected = [
        ("is in no uv project", "uv add mlflow holdfast"),
        ("has no uv.lock", "uv lock"),
        ("older than pyproject.toml", "uv lock"),
        ("needs a shell, for", "echo $HOME"),
        ("did you mean 'offline'", "a list of names"),
        ("--env-manager has no meaning", "the lock's"),
    ]
    assert len(lines) == len(expected), ran
    for line, parts in zip(lines, expected, strict=True):
        assert all(part in line for part in parts), line
    assert launcher.runs() == []


UNWATCHED = """
import json, time
import mlflow
from mlflow.exceptions import ExecutionException

def start(entry_point, **words):
    return mlflow.projects.run(
        {uri!r}, entry_point, backend="holdfast", synchronous=False, **words
    )

client = mlflow.MlflowClient()
waits = start("waits")
print("status", waits.get_status(), client.get_run(waits.run_id).info.status)
waits.cancel()
print("cancelled", waits.get_status())
try:
    start("unknown")
except ExecutionException as error:
    print(str(error).splitlines()[0])
start("quoted", parameters=dict(word={word!r}))
start("shell", backend_config=dict(shell=True))
print("submitted")
"""


def test_nobody_need_wait_for_a_run(launcher, project, tmp_path):
    pwned = tmp_path / "pwned"
    word = f'x"; touch {pwned}; "'
    ran = launcher.python(UNWATCHED.format(uri=str(project.folder), word=word), HOME=str(tmp_path))
    assert ran.code == 0, ran
    # What the runs print may come before what the launcher has printed.
    lines = ran.out.splitlines()
    assert {"status RUNNING RUNNING", "cancelled FAILED"} < set(lines), ran
    assert any(line.startswith("no-such-program cannot be run") for line in lines), ran
    # The process stayed until the runs that nobody waited for had ended, and said so to MLflow.
    assert {str(tmp_path), "submitted"} < set(lines), ran
    ended = {one["tags"]["mlflow.project.entryPoint"]: one["status"] for one in launcher.runs()}
    assert ended == {
        "waits": "FAILED",
        "unknown": "FAILED",
        "quoted": "FINISHED",
        "shell": "FINISHED",
    }
    assert not pwned.exists()


def test_a_project_that_is_no_package_and_another_python(launcher, new_project):
    project = new_project()
    project.pyproject(
        "mlflow-skinny",
        tool_holdfast={"extras": ["more"]},
        project={"optional-dependencies": {"more": ["tabulate"], "less": ["colorama"]}},
    )
    project.write(".python-version", "3.12\n")
    project.write("helpers.py", "def say(text):\n    print(text)\n")
    script = """
import os, sys
from helpers import say
import importlib.util
say([sys.version_info[:2], os.environ.get("HOLDFAST_EXTRAS")])
say([bool(importlib.util.find_spec(name)) for name in ("tabulate", "colorama", "pytest")])
"""
    project.write("train.py", script)
    project.uv("lock", "--quiet")
    ran = launcher(project.folder, "--backend", "holdfast", "-e", "train.py")
    assert ran.code == 0, ran
    assert ran.out.splitlines() == ["[(3, 12), None]", "[True, False, False]"]

    config = json.dumps({"extras": ["less"], "python": "3.11", "offline": True})
    words = ("--backend", "holdfast", "-e", "train.py", "--backend-config", config)
    ran = launcher(project.folder, *words, HOLDFAST_PROJECT="/nowhere")
    assert ran.code == 0, ran
    assert ran.out.splitlines() == ["[(3, 11), 'less']", "[False, True, False]"]


@pytest.mark.slow
def test_what_starts_a_project_must_be_able_to_restore(launcher, project, new_project, shared):
    older = new_project("older")
    older.environment = shared / "venv-older"
    # It holds packaging below 26, which reads no pylock.toml.
    older.pyproject("mlflow-skinny==2.22.0")
    older.sync()
    launcher.interpreter = older.interpreter
    ran = launcher(project.folder, "--backend", "holdfast", "-e", "fails")
    assert ran.code == 1, ran
    assert "takes packaging 26.1" in ran.err
    assert "uvx --with holdfast" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
def test_an_interrupt_ends_the_run_and_marks_it(launcher, project):
    command = [str(launcher.interpreter.with_name("mlflow")), "run", str(project.folder)]
    process = subprocess.Popen(
        [*command, "--backend", "holdfast", "-e", "waits"],
        cwd=launcher.folder,
        env=surroundings(**launcher.env),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert any("running python" in line for line in process.stderr)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.communicate(timeout=60)
    assert process.returncode not in {0, None}
    (one,) = launcher.runs()
    assert one["status"] == "FAILED"
