"""`mlflow.pyfunc.load_model` where the environment is not the model's: one warning, ours."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from kit import run, seal_of, surroundings
from small import edit_seal

LOAD = """
import sys
import mlflow
for uri in sys.argv[1:]:
    print(uri, type(mlflow.pyfunc.load_model(uri)).__name__)
"""
MLFLOWS_OWN = ("Detected one or more mismatches", "differs from the version of Python")


@pytest.fixture
def loads(tmp_path):
    """Load models with a Python; what it said on stderr."""

    def load(python: Path | str, *uris: object, script: str = LOAD, code: int = 0, **env: str):
        command = [str(python), "-c", script, *map(str, uris)]
        ran = run(command, cwd=tmp_path, env=surroundings(**env))
        assert ran.code == code, ran
        assert code or ran.out.split()[1::2] == ["PyFuncModel"] * len(uris)
        return ran.err

    return load


@pytest.fixture
def logged(small_project, small_script):
    """A model in a run and in the registry, and the project it was trained in."""
    project = small_project()
    project.pyproject("mlflow-skinny>=3", "pandas<3", "colorama")
    project.write("train.py", small_script(call=CALL))
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    project.env["RUN"], project.env["MODEL"] = ran.out.split()[-2:]
    return project


CALL = """with mlflow.start_run() as run:
    info = mlflow.pyfunc.log_model(
        name="m", python_model=Answer(), input_example=example, registered_model_name="answer"
    )
print(run.info.run_id, info.model_id)"""


def test_one_warning_names_what_matters_and_the_command(logged, loads, tmp_path, proven):
    cell = proven("MLflow's doors", "pyfunc.load_model elsewhere")
    (folder,) = (path.parent for path in tmp_path.rglob("MLmodel"))
    run_id, model_id = logged.env.pop("RUN"), logged.env.pop("MODEL")
    uris = ("models:/answer/1", f"models:/{model_id}", f"runs:/{run_id}/m", folder)
    assert "sealed with" not in loads(logged.interpreter, *uris, **logged.env)

    logged.pyproject("mlflow-skinny>=3", "pandas<2.3")
    logged.sync()
    said = loads(logged.interpreter, *uris, *uris, **logged.env)
    assert not any(text in said for text in MLFLOWS_OWN), said
    lines = [line for line in said.splitlines() if line.startswith("holdfast: ")]
    assert len(lines) == len(uris), said
    for uri, line in zip(uris, lines, strict=True):
        assert line.startswith(f"holdfast: {uri} was sealed with another environment"), said
        parts = line.partition("process has: ")[2].split("; ")
        assert re.fullmatch(r"colorama 0\.[0-9.]+ \(not here\)", parts[0]), said
        assert re.fullmatch(r"pandas 2\.3\.[0-9]+ \(here 2\.2\.[0-9]+\)", parts[1]), said
        assert f"hint: holdfast run {uri} -- python …, or holdfast predict {uri}" in said
    quiet = LOAD.replace("(uri)", "(uri, suppress_warnings=True)")
    assert "sealed" not in loads(logged.interpreter, uris[0], script=quiet, **logged.env)
    cell["note"] = "one warning, with the command"


def test_another_python_comes_first_and_the_rest_is_counted(
    small, new_project, shared, loads, tmp_path
):
    project = new_project("elsewhere", python="3.12.1")
    project.environment = shared / "venv-elsewhere"
    project.pyproject(
        "mlflow-skinny<3.17", "pandas<2.3", "requests<2.32.4", "pyyaml<6.0.3", "click<8.2"
    )
    project.sync()
    # The model's own code is not here; that it cannot be loaded comes after the warning.
    said = loads(project.interpreter, small.model, code=1)
    (line,) = (line for line in said.splitlines() if "sealed with" in line)
    parts = line.partition("process has: ")[2].split("; ")
    sealed = seal_of(small.model)["python"]["version"]
    assert parts[0] == f"Python {'.'.join(sealed.split('.')[:2])} (here 3.12)"
    # The project's own code, and what it asks for, come before what those packages need.
    assert [part.split()[0] for part in parts[1:4]] == ["small", "pandas", "mlflow-skinny"]
    assert len(parts) == 6
    assert parts[5].startswith("and ")
    assert parts[5].endswith(" more")
    assert not any(text in said for text in MLFLOWS_OWN), said

    # Where nobody vouches for an environment, MLflow's own words stay.
    shutil.rmtree(small.copy(tmp_path / "unsealed") / "holdfast")
    (small.copy(tmp_path / "cut") / "holdfast" / "seal.json").write_text("{")
    edit_seal(small.copy(tmp_path / "inferred"), grade="inferred")
    for name in ("unsealed", "cut", "inferred"):
        (tmp_path / name / "requirements.txt").write_text("pandas==2.3.0\n")
        said = loads(project.interpreter, tmp_path / name, code=1)
        assert "sealed with" not in said
        assert all(text in said for text in MLFLOWS_OWN), said
