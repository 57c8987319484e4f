"""MLflow from 2.14 on, on every Python it has: log, delete the project, restore, verify.

`holdfast` itself runs as it is today, with the newest MLflow, whatever logged the model.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import seal_of

SCRIPT = Path(__file__).parents[1] / "flavors" / "versions.py"
# What was new in its day: MLflow 2.14 needs setuptools' pkg_resources, which setuptools itself has
# given up, and MLflow up to 3.1 a SQLAlchemy before 2.1.
OLD = ("setuptools<81", "sqlalchemy<2.1")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
VERSIONS = {
    # It brings the files of mlflow-skinny itself: the newest of that, which Holdfast would take,
    # would be installed over them.
    "2.14.3": (("mlflow==2.14.3", "mlflow-skinny==2.14.3", *OLD), PYTHONS[:3]),
    "2.22.4": (("mlflow==2.22.4", *OLD), PYTHONS),
    "3.1.4": (("mlflow==3.1.4", *OLD), PYTHONS),
    "3.11.1": (("mlflow==3.11.1",), PYTHONS),
    "newest": (("mlflow",), PYTHONS),
}
MLFLOWS_OWN = ("uv.lock", "pyproject.toml", ".python-version")


def _combinations():
    for version, (needs, pythons) in VERSIONS.items():
        for python in pythons:
            yield pytest.param(needs, python, id=f"{version}-{python}")


@pytest.mark.slow
@pytest.mark.parametrize(("needs", "python"), list(_combinations()))
def test_comes_back_as_it_was(needs, python, new_project, holdfast, tmp_path, proven):
    project = new_project(python=python)
    project.pyproject(
        *needs, "lightgbm", "scikit-learn", project={"requires-python": f"=={python}.*"}
    )
    project.sync()
    script = project.write("jobs/nightly/train.py", SCRIPT.read_text())
    ran = project.train(script.relative_to(project.folder), cwd="jobs")
    assert ran.code == 0, ran
    models = _taken(tmp_path)
    project.delete()

    assert len(models) == 4, ran
    mlflow = seal_of(models[0])["tools"]["mlflow"]
    assert needs[0] in {"mlflow", f"mlflow=={mlflow}"}
    cell = proven("versions", f"MLflow {mlflow}", f"CPython {python}")
    for model in models:
        seal = seal_of(model)
        assert seal["grade"] == "locked", (seal["reasons"], ran)
        assert not [name for name in MLFLOWS_OWN if (model / name).exists()]
        assert (model / "holdfast" / "project" / "uv.lock").is_file()
        receipt = holdfast.receipt(model)
        assert receipt["matches"], receipt
        assert "identical to the bit" in receipt["checks"][-1]["summary"], receipt["checks"][-1]
    cell["note"] = "sklearn, lightgbm, pyfunc, autolog: locked, identical"


@pytest.mark.slow
def test_two_mlflows_over_each_other_are_said(new_project, tmp_path):
    project = new_project(python="3.10")
    needs = [one for one in VERSIONS["2.14.3"][0] if not one.startswith("mlflow-skinny")]
    project.pyproject(*needs, "lightgbm", "scikit-learn", project={"requires-python": "==3.10.*"})
    project.sync()
    project.write("train.py", SCRIPT.read_text())
    ran = project.train("train.py")
    assert ran.code == 0, ran
    for model in _taken(tmp_path):
        seal = seal_of(model)
        assert seal["grade"] == "frozen"
        assert "uv add mlflow-skinny==2.14.3" in " ".join(seal["reasons"])


def _taken(folder: Path) -> list[Path]:
    """Every sealed model below `folder`, moved elsewhere."""
    found = sorted(path.parent for path in folder.rglob("MLmodel"))
    models = [path for path in found if "site-packages" not in path.parts]
    return [
        Path(shutil.copytree(model, folder / "elsewhere" / str(number)))
        for number, model in enumerate(models)
    ]
