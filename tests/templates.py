"""Projects made by `holdfast init`, for the tests of each template."""

from __future__ import annotations

import sys
from pathlib import Path

from kit import Holdfast, Ran, UvProject, real_python


def generate(
    holdfast: Holdfast, wheel: Path, template: str, folder: Path, **answers: str
) -> UvProject:
    """A project of `template` in `folder`, made by the command, with Holdfast from `wheel`.

    Its Python is the one that runs the tests; its environment is its own.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    given = [
        f"--data={key}={value}" for key, value in {**answers, "holdfast_source": wheel}.items()
    ]
    ran = holdfast("init", folder, "--template", template, "--python", python, *given)
    assert (ran.code, ran.err) == (0, ""), ran
    return UvProject(folder=folder, wheel=wheel, python=real_python(), environment=folder / ".venv")


def check(project: UvProject) -> None:
    """It is in order as it is: locked, linted, and its own tests pass."""
    project.sync()
    project.uv("lock", "--check", "--quiet")
    project.uv("run", "--no-sync", "ruff", "check", "--quiet")
    project.uv("run", "--no-sync", "ruff", "format", "--check", "--quiet")
    project.uv("run", "--no-sync", "pytest", "-q")


def train(project: UvProject) -> Ran:
    """`uv run train`, as the README says; MLflow writes into the project's folder."""
    return project.uv("run", "--no-sync", "train")


def check_model(project: UvProject, holdfast: Holdfast, uri: str) -> None:
    """The model is sealed as `locked`, and its environment comes back and answers the same."""
    tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{project.folder / 'mlflow.db'}"}
    shown = holdfast("show", uri, "--json", **tracking)
    assert shown.code == 0, shown
    assert '"grade": "locked"' in shown.out
    verified = holdfast("verify", uri, **tracking)
    assert verified.code == 0, verified
