"""What `holdfast init` makes is in order at once: its CI passes, its model verifies, it serves."""

from __future__ import annotations

import json

import pytest

from kit import Holdfast, UvProject, run
from templates import generate, in_project, run_ci, serve_as_in_its_image

MODEL = "models:/first-model@champion"
ROW = (59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.86, 87)
NAMES = "age sex bmi bp cholesterol ldl hdl cholesterol_by_hdl log_triglycerides glucose"
PATIENT = dict(zip(NAMES.split(), ROW, strict=True))


@pytest.fixture(scope="module")
def tabular(tmp_path_factory, holdfast_wheel, shared) -> UvProject:
    folder = tmp_path_factory.mktemp("tabular")
    holdfast = Holdfast(home=shared / "home", folder=folder)
    return ready(generate(holdfast, holdfast_wheel, "tabular", folder / "first-model"))


def ready(project: UvProject) -> UvProject:
    """All that its README and its CI promise: it is linted and tested, trains, and verifies."""
    done = run_ci(project)
    verified = done[f"uv run --no-sync holdfast verify {MODEL}"]
    assert "matches its seal (locked" in verified.out
    return project


def models(project: UvProject) -> dict[str, str]:
    return {"MLFLOW_TRACKING_URI": f"sqlite:///{project.folder / 'mlflow.db'}"}


def test_tabular(tabular, holdfast):
    shown = holdfast("show", MODEL, "--json", **models(tabular))
    assert shown.code == 0, shown
    seal = json.loads(shown.out)
    assert seal["grade"] == "locked"
    assert run(["git", "status", "--porcelain"], cwd=tabular.folder).out.count("mlflow") == 0
    said = json.loads(holdfast("doctor", tabular.folder, "--json").out)
    assert said["findings"] == []


@pytest.mark.slow
def test_tabular_serves_as_its_image_would(tabular, tmp_path):
    with serve_as_in_its_image(tabular, tmp_path / "app", **models(tabular)) as post:
        assert 25 < post("/predict", [PATIENT]).json()["progression"][0] < 346
        assert post("/predict", [{**PATIENT, "age": -1}]).status_code == 422


@pytest.mark.slow
def test_its_hooks_have_nothing_to_say(tabular):
    assert run(["git", "add", "--all"], cwd=tabular.folder).code == 0
    in_project(tabular, "uv run --no-sync pre-commit run --all-files")


@pytest.mark.slow
def test_pyfunc(tmp_path, holdfast, holdfast_wheel):
    project = ready(generate(holdfast, holdfast_wheel, "pyfunc", tmp_path / "first-model"))
    with serve_as_in_its_image(project, tmp_path / "app", **models(project)) as post:
        (forecast,) = post("/predict?confidence=0.5", [{"date": "2026-03-07"}]).json()
    assert forecast["low"] < forecast["units"] < forecast["high"]
