"""Projects made by `holdfast init`, for the tests of each template."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import yaml

from holdfast.uv import uv_program
from kit import Holdfast, Ran, UvProject, real_python, run, surroundings

_SECONDS = 900
_START_SECONDS = 120


def generate(
    holdfast: Holdfast, wheel: Path, template: str, folder: Path, **answers: str
) -> UvProject:
    """A project of `template` in `folder`, made by the command, with Holdfast from `wheel`.

    Its Python is the one that runs the tests; its environment is its own, the store `holdfast`'s.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    data = {"holdfast_source": str(wheel), **answers}
    given = [f"--data={key}={value}" for key, value in data.items()]
    ran = holdfast("init", folder, "--template", template, "--python", python, *given)
    assert (ran.code, ran.err) == (0, ""), ran
    return UvProject(
        folder=folder,
        wheel=wheel,
        python=real_python(),
        environment=folder / ".venv",
        env={"HOLDFAST_HOME": str(holdfast.home), **holdfast.env},
    )


def run_ci(project: UvProject, workflow: str = "ci") -> dict[str, Ran]:
    """Every `run:` of the project's own workflow, as its runner would; what each printed."""
    path = project.folder / ".github" / "workflows" / f"{workflow}.yml"
    (job,) = yaml.safe_load(path.read_text())["jobs"].values()
    lines = [step["run"] for step in job["steps"] if "run" in step]
    project.uv("lock", "--quiet")
    return {line: in_project(project, line, **job.get("env", {})) for line in lines}


def in_project(project: UvProject, line: str, **env: str) -> Ran:
    """A line that a user would type in the project; it begins with uv, and must succeed."""
    program, *arguments = shlex.split(line)
    assert program == "uv"
    variables = {"UV_PYTHON": project.python, **project.env, **env}
    ran = run(
        [str(uv_program()), *arguments],
        cwd=project.folder,
        env=surroundings(**variables),
        timeout=_SECONDS,
    )
    assert ran.code == 0, f"{line}: {ran}"
    return ran


def check(project: UvProject) -> None:
    """It is in order as it is: locked, linted, and its own tests pass."""
    project.sync()
    project.uv("lock", "--check", "--quiet")
    project.uv("run", "--no-sync", "ruff", "check", "--quiet")
    project.uv("run", "--no-sync", "ruff", "format", "--check", "--quiet")
    in_project(project, "uv run --no-sync pytest -q")


def train(project: UvProject) -> Ran:
    """`uv run train`, as the README says; MLflow writes into the project's folder."""
    return in_project(project, "uv run --no-sync train")


def check_model(project: UvProject, holdfast: Holdfast, uri: str) -> None:
    """The model is sealed as `locked`, and its environment comes back and answers the same."""
    tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{project.folder / 'mlflow.db'}"}
    shown = holdfast("show", uri, "--json", **tracking)
    assert shown.code == 0, shown
    assert '"grade": "locked"' in shown.out
    verified = holdfast("verify", uri, **tracking)
    assert verified.code == 0, verified


@contextmanager
def serve_as_in_its_image(
    project: UvProject, folder: Path, **env: str
) -> Iterator[Callable[[str, object], httpx.Response]]:
    """What the Dockerfile makes and starts, without a container: `folder` is the image's /app.

    It gets the files that are copied, if .dockerignore lets them through; uv's lines are run there;
    CMD starts the service, and HEALTHCHECK says when it is there. The value posts to it.
    """
    text = (project.folder / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    _build(project, folder, lines)
    around = surroundings(**{**project.env, **env})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    start, check = (_command(folder, lines, name, port) for name in ("CMD", "HEALTHCHECK"))
    process = subprocess.Popen(start, env=around, cwd=folder.parent)
    try:
        until = time.monotonic() + _START_SECONDS
        while run(check, cwd=folder.parent, env=around).code != 0:
            assert process.poll() is None, "it ended"
            assert time.monotonic() < until, "it is not there in time"
            time.sleep(0.5)
        address = f"http://127.0.0.1:{port}"
        yield lambda path, body: httpx.post(f"{address}{path}", json=body, timeout=60)
    finally:
        process.terminate()
        assert process.wait(30) in {0, -signal.SIGTERM}


def _build(project: UvProject, folder: Path, lines: list[str]) -> None:
    build = lines[: next(number for number, line in enumerate(lines) if "--from=build" in line)]
    let_through = (project.folder / ".dockerignore").read_text().splitlines()
    settings = dict(re.findall(r"(UV_\w+)=(\S+)", "\n".join(build)))
    for line in build:
        if line.startswith("COPY "):
            for name in line.split()[1:-1]:
                assert f"!{name}" in let_through
                _copy(project.folder / name, folder / name)
        elif line.startswith("RUN uv "):
            in_project(replace(project, folder=folder), line[4:], **settings)


def _command(folder: Path, lines: list[str], instruction: str, port: str) -> list[str]:
    line = next(line for line in reversed(lines) if line.startswith(f"{instruction} "))
    program, *rest = json.loads(line[line.index("[") :])
    here = {"0.0.0.0": "127.0.0.1"}  # noqa: S104 - in a container, all that is there
    return [
        str(folder / ".venv" / "bin" / program),
        *(here.get(word, word).replace("8000", port) for word in rest),
    ]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
