"""Every flavor that installs here: log from a nested folder, delete the project, restore, verify.

The training scripts are `tests/flavors/*.py`. Each saves a model by `log_model`, one by
`save_model`, and one by autolog where the flavor has it. What is not here, `test_flavors_hook.py`
holds to the functions that Holdfast wraps.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit import seal_of

SCRIPTS = Path(__file__).parents[1] / "flavors"
IDENTICAL = "identical to the bit"


@dataclass(frozen=True)
class Flavor:
    """A script and what it needs.

    Attributes:
        needs: What is added to the project, beside `mlflow`.
        models: How many are sealed: two, and a third by autolog.
        python: Where the flavor's packages want another than this.
        unproven: How many of them have no input example, and so no golden prediction: autolog keeps
            none, or the prediction is a service's.
        tolerance: How far two processes' predictions are apart by the flavor's own doing.
        light: Quick enough for every run.
    """

    name: str
    needs: tuple[str, ...] = ()
    models: int = 2
    python: str = ""
    unproven: int = 0
    tolerance: float = 0.0
    light: bool = False


FLAVORS = (
    Flavor("sklearn", ("scikit-learn",), models=3),
    Flavor("lightgbm", ("lightgbm", "scikit-learn"), models=3),
    Flavor("xgboost", ("xgboost-cpu", "scikit-learn"), models=3),
    Flavor("catboost", ("catboost", "scikit-learn")),
    Flavor("statsmodels", ("statsmodels", "scikit-learn"), models=3, unproven=1),
    Flavor("prophet", ("prophet",)),
    Flavor("pmdarima", ("pmdarima",)),
    Flavor("spacy", ("spacy",)),
    Flavor("onnx", ("onnx", "onnxruntime")),
    Flavor("pytorch", ("torch", "lightning"), models=3, unproven=1),
    Flavor("tensorflow", ("tensorflow-cpu", "tensorboard"), models=3),
    Flavor("keras", ("keras", "tensorflow-cpu"), models=3, unproven=2),
    Flavor("transformers", ("torch", "torchvision", "accelerate", "transformers")),
    Flavor("sentence_transformers", ("torch", "sentence-transformers")),
    Flavor("langchain", ("langchain",)),
    Flavor("pyfunc_class", light=True),
    Flavor("pyfunc_function"),
    Flavor("pyfunc_from_code"),
    Flavor("pyfunc_loader", light=True),
    Flavor("shap", ("shap", "numba>=0.61", "scikit-learn"), tolerance=1e-9),
    Flavor("paddle", ("paddlepaddle", "setuptools")),
    Flavor("h2o", ("h2o", "scikit-learn")),
    Flavor("spark", ("pyspark", "scikit-learn"), models=3),
    Flavor("dspy", ("dspy",)),
    Flavor("llama_index", ("llama-index",)),
    Flavor("openai", ("openai", "tenacity", "tiktoken"), unproven=2),
)


def _parameters():
    for flavor in FLAVORS:
        marks = () if flavor.light else (pytest.mark.slow, pytest.mark.timeout(1800))
        yield pytest.param(flavor, id=flavor.name, marks=marks)


@pytest.fixture
def sealed(tmp_path):
    """Take every model of a project elsewhere, those logged and those saved; delete the project."""

    def take(project):
        found = [path.parent for path in sorted(tmp_path.rglob("MLmodel"))]
        # A model may hold another, as shap's explainers do.
        whole = [model for model in found if not any(each in model.parents for each in found)]
        models = [path for path in whole if "site-packages" not in path.parts]
        targets = [tmp_path / "elsewhere" / str(number) for number in range(len(models))]
        for model, target in zip(models, targets, strict=True):
            shutil.copytree(model, target)
        project.delete()
        return targets

    return take


@pytest.mark.parametrize("flavor", list(_parameters()))
def test_comes_back_as_it_was(flavor, new_project, holdfast, sealed, proven):
    project = new_project(python=flavor.python)
    project.pyproject("mlflow", *flavor.needs)
    project.sync()
    script = project.write("jobs/nightly/train.py", (SCRIPTS / f"{flavor.name}.py").read_text())
    cell = proven("flavors", flavor.name, _mlflow(project))
    ran = project.train(script.relative_to(project.folder), cwd="jobs")
    assert ran.code == 0, ran

    models = sealed(project)
    assert len(models) == flavor.models, ran
    assert "not sealed" not in ran.err, ran.err
    said = [_replayed(holdfast, model, flavor.tolerance) for model in models]
    proof = f"within {flavor.tolerance:g}" if flavor.tolerance else IDENTICAL
    assert sum("without an input example" in one for one in said) == flavor.unproven, said
    assert sum(proof in one for one in said) == flavor.models - flavor.unproven, said
    kept = "no example" if flavor.unproven == flavor.models else proof.split(" to ")[0]
    cell["note"] = f"locked, {kept}"


def _replayed(holdfast, model, tolerance) -> str:
    """What `verify` says of the golden predictions of a model that matches."""
    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    receipt = holdfast.receipt(model, "--tolerance", str(tolerance))
    assert receipt["matches"], receipt
    return receipt["checks"][-1]["summary"]


def _mlflow(project) -> str:
    asked = "from importlib.metadata import version; print(version('mlflow'))"
    return project.uv("run", "--no-sync", "python", "-c", asked).out.strip()
