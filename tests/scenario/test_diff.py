"""Two versions of a model: what changed between them, as the registry's users ask."""

from __future__ import annotations

import json
import sys

import pytest

import holdfast as package
from kit import Holdfast, run, surroundings

# A model that is code, since no two pickles of one model are the same to the byte.
MODEL = """
import mlflow
import trainer


class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["x"] * trainer.scale).to_numpy()


mlflow.models.set_model(Answer())
"""
LOG = """
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="m", python_model="model.py", input_example=example, registered_model_name="answer",
        artifacts={"weights": "weights.txt"},
    )
"""


@pytest.fixture
def versions(small_project, small_script, tmp_path):
    """Three versions in a registry: the second is the first once more, the third is another."""
    project = small_project()
    (tmp_path / "elsewhere").mkdir(exist_ok=True)

    def log(scale, weights, *dependencies):
        project.pyproject("mlflow-skinny", "pandas", *dependencies, packaged=True)
        project.write("src/trainer/__init__.py", f'"""Ours."""\n\nscale = {scale}\n')
        project.write("weights.txt", weights)
        project.write("model.py", MODEL)
        project.write("train.py", small_script(call=LOG))
        project.sync()
        ran = project.train("train.py")
        assert ran.code == 0, ran

    log(10, "one", "six==1.16.0", "iniconfig==2.0.0")
    log(10, "one", "six==1.16.0", "iniconfig==2.0.0")
    log(11, "three", "six==1.17.0")
    uri = project.env["MLFLOW_TRACKING_URI"]
    project.delete()
    return {"MLFLOW_TRACKING_URI": uri, "MLFLOW_ALLOW_FILE_STORE": "true"}


def test_versions_of_a_registered_model(versions, holdfast: Holdfast, proven):
    cell = proven("MLflow's doors", "holdfast diff of two registered versions")
    holdfast.env |= versions
    # Logged twice, the same: ids, runs and times are no difference.
    ran = holdfast("diff", "models:/answer/1", "models:/answer/2")
    assert (ran.code, ran.err) == (0, ""), ran
    assert ran.out.endswith("✓ golden  2 rows, one input: identical to the bit\n\nno difference\n")

    ran = holdfast("diff", "models:/answer/1", "models:/answer/3", "--code")
    assert ran.code == 1, ran
    for line in (
        "  ~ trainer 1.0.0, built again (own code)",
        "  - iniconfig 2.0.0",
        "  ~ six 1.16.0 → 1.17.0",
        "  ~ trainer: trainer/__init__.py  +1 -1",
        "  ~ artifacts/weights.txt  3 B → 5 B",
        "  ✗ golden  2 rows, one input: the largest difference is 2, at answer.tensors[0]",
    ):
        assert f"\n{line}" in ran.out, ran
    assert "    -scale = 10\n    +scale = 11\n" in ran.out, ran

    ran = holdfast("diff", "models:/answer/1", "models:/answer/3", "--replay", "--json")
    assert ran.code == 1, ran
    found = json.loads(ran.out)
    assert {one["name"]: one["what"] for one in found["packages"]} == {
        "trainer": ["hashes"],
        "iniconfig": ["removed"],
        "six": ["version"],
    }
    assert [(one["what"], one["same"], one["largest"]) for one in found["answers"]] == [
        ("golden", False, 2.0),
        ("b answers a", False, 2.0),
        ("a answers b", False, 2.0),
    ]
    cell["note"] = "packages, code, files, predictions"


def test_the_verb_and_the_commands_mistakes(small, tmp_path):
    assert package.diff(small.model, small.model).same
    holdfast = small.holdfast(tmp_path)
    assert holdfast("diff", small.model).code == 2
    ran = holdfast("diff", small.model, tmp_path / "nowhere")
    assert (ran.code, ran.out) == (2, ""), ran
    model = small.copy(tmp_path / "model")
    (model / "pylock.toml").write_text("# another\n")
    ran = holdfast("diff", small.model, model)
    assert (ran.code, ran.out) == (1, ""), ran
    assert ran.err.startswith("error: "), ran


def test_nothing_of_a_model_is_loaded(small, tmp_path):
    """No worker, no MLflow, no pandas: the files are read."""
    code = (
        "import sys, holdfast; found = holdfast.diff(*sys.argv[1:]);"
        "print(found.same, {'mlflow', 'pandas', 'numpy', 'multiprocessing'} & set(sys.modules))"
    )
    model = small.copy(tmp_path / "model")
    env = surroundings(HOLDFAST_HOME=str(small.home))
    ran = run([sys.executable, "-c", code, str(small.model), str(model)], cwd=tmp_path, env=env)
    assert (ran.code, ran.out) == (0, "True set()\n"), ran
