"""A notebook in a nested folder, run for real by nbclient in a kernel of the project's."""

from __future__ import annotations

import json

import pytest

from kit import answers, seal_of

RUN = """
import sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient

path = Path(sys.argv[1])
notebook = nbformat.read(path, as_version=4)
where = {"metadata": {"path": path.parent}}
NotebookClient(notebook, kernel_name="python3", resources=where).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", ()):
        print(output.get("text", output))
"""
IMPORT = "import mlflow\nimport pandas as pd\nimport helpers"
FUNCTION = """
def scaled(column):
    return column * helpers.scale * 2
"""
CLASS = """
class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return scaled(model_input["x"]).to_numpy()
"""
LOG = """
example = pd.DataFrame({"x": [1.0, 2.0]})
mlflow.pyfunc.log_model(name="m", python_model=Answer(), input_example=example)
"""


def notebook_of(*cells):
    code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    made = [{**code, "source": source, "id": f"c{i}"} for i, source in enumerate(cells)]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.slow  # a kernel in an environment of its own
def test_a_notebook(small_project, shared, holdfast, moved, rows, proven):
    cell = proven("shapes", "Jupyter notebook in a nested folder")
    project = small_project()
    project.environment = shared / "venv-notebook"
    project.pyproject(
        "mlflow-skinny", "pandas", **{"dependency-groups": {"dev": ["ipykernel", "nbclient"]}}
    )
    project.write("run.py", RUN)
    project.write("notebooks/deep/helpers.py", "scale = 3\n")
    project.write("notebooks/deep/explore.ipynb", notebook_of(IMPORT, FUNCTION, CLASS, LOG))
    project.sync()
    ran = project.train("run.py", project.folder / "notebooks" / "deep" / "explore.ipynb")
    assert ran.code == 0, str(ran)
    assert "sealed as" not in ran.out, "a warning of ours: the grade is not the best"
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert seal["project"]["name"] == "trainer"
    assert [path.name for path in (model / "code").iterdir()] == ["helpers.py"]
    assert "ipykernel" not in (model / "pylock.toml").read_text(encoding="utf-8")
    assert answers(holdfast, model, rows) == ["18", "24"]
    assert holdfast.receipt(model)["matches"]
    cell["note"] = seal["grade"]
