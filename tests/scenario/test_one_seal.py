"""MLflow from 3.11 on keeps uv's files itself: one of the two seals a model, never both."""

from __future__ import annotations

import pytest

from kit import seal_of

MLFLOWS_OWN = {"uv.lock", "pyproject.toml", ".python-version"}
NAMED = "uv_project_path=root, uv_extras=['fast'], uv_groups=['plots']"
SAVE = """
from pathlib import Path
root = str(Path(__file__).parents[1])
for name, more in (("found", {{}}), ("named", dict({named}))):
    mlflow.pyfunc.save_model(
        f"{{root}}/{{name}}", python_model=Answer(), input_example=example, **more
    )
"""


@pytest.fixture
def models(small_project, small_script, moved_all):
    """Two models saved from a nested folder, from the root: found, and named to MLflow."""

    def save(**env):
        project = small_project()
        project.pyproject(
            "mlflow-skinny",
            "pandas",
            project={"optional-dependencies": {"fast": ["iniconfig==2.0.0"]}},
            **{"dependency-groups": {"plots": ["six==1.16.0"]}},
        )
        project.uv("sync", "--quiet", "--extra", "fast", "--group", "plots")
        project.write(".python-version", project.python)
        project.write("jobs/train.py", small_script(call=SAVE.format(named=NAMED)))
        ran = project.train("jobs/train.py", **env)
        assert ran.code == 0, ran
        return moved_all(project, "found", "named")

    return save


def test_with_holdfast_mlflow_keeps_nothing_of_its_own(models):
    for model in models():
        assert seal_of(model)["grade"] == "locked", seal_of(model)["reasons"]
        assert not MLFLOWS_OWN & {path.name for path in model.iterdir()}
        kept = {path.name for path in (model / "holdfast" / "project").iterdir()}
        assert kept == MLFLOWS_OWN


def test_switched_off_mlflow_keeps_them_and_holdfast_nothing(models):
    for model in models(HOLDFAST_OFF="1"):
        assert {path.name for path in model.iterdir()} >= MLFLOWS_OWN
        assert not (model / "holdfast").exists()
        assert not (model / "pylock.toml").exists()
