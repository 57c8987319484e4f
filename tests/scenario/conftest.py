"""Scripts as users write them: nothing in them knows of Holdfast."""

from __future__ import annotations

import shutil

import pytest

IRIS = """
import sys
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
{imports}
X, y = load_iris(return_X_y=True, as_frame=True)
model = {model}.fit(X, y)
with mlflow.start_run():
    mlflow.sklearn.log_model(
        model, name="iris", input_example=X.iloc[::30], serialization_format="cloudpickle"{more}
    )
"""


@pytest.fixture
def iris_script():
    """A training script: `iris_script(model=..., imports=..., more=...)`."""

    def script(
        model: str = "LogisticRegression(max_iter=500)", imports: str = "", more: str = ""
    ) -> str:
        return IRIS.format(model=model, imports=imports, more=f", {more}" if more else "")

    return script


ROWS = """sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)
5.1,3.5,1.4,0.2
6.1,2.9,4.7,1.4
7.2,3.6,6.1,2.5
"""


@pytest.fixture
def iris_rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


SMALL = """
import os
import sys
from importlib.metadata import version

import mlflow
import pandas as pd


def tell(event, arguments):
    if event == "subprocess.Popen":
        print("started:", *arguments[1], file=sys.stderr)


sys.addaudithook(tell)


class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        {body}


example = pd.DataFrame({{"x": [1.0, 2.0]}})
{call}
"""
LOG = 'mlflow.pyfunc.log_model(name="m", python_model=Answer(), input_example=example)'
DOUBLED = 'return (model_input["x"] * 2).to_numpy()'


@pytest.fixture
def small_script():
    """A training script that needs no more than pandas: a model whose `predict` is `body`.

    `call` saves it; by default it is logged.
    """

    def script(body: str = DOUBLED, call: str = LOG) -> str:
        return SMALL.format(body=body, call=call)

    return script


@pytest.fixture
def small_project(new_project, shared):
    """A project of the smallest dependencies that MLflow's pyfunc loads with.

    Such projects train in an environment of their own kind; the runs go to files.
    """

    def make(name="project", *, own=False):
        project = new_project(name, own=own)
        if not own:
            project.environment = shared / "venv-small"
        project.env["MLFLOW_TRACKING_URI"] = (project.folder.parent / "mlruns").as_uri()
        project.env["MLFLOW_ALLOW_FILE_STORE"] = "true"
        return project

    return make


@pytest.fixture
def rows(tmp_path):
    """A file with two rows for a small model: x = 3 and x = 4."""
    path = tmp_path / "small-rows.csv"
    path.write_text("x\n3\n4\n", encoding="utf-8")
    return path


@pytest.fixture
def moved_all(tmp_path):
    """Take models that a project saved by `save_model`, by name; then delete the project."""

    def move(project, *names):
        target = tmp_path / "elsewhere"
        target.mkdir(exist_ok=True)
        for name in names:
            shutil.copytree(project.folder / name, target / name)
        project.delete()
        return [target / name for name in names]

    return move
