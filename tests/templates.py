"""Projects made by `holdfast init`, for the tests of each template."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import yaml

from holdfast.uv import uv_program
from kit import Holdfast, Ran, UvProject, real_python, run, surroundings

_SECONDS = 900


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
