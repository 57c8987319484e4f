"""Code that is in no package: it goes along as MLflow's code paths, and stock MLflow finds it."""

from __future__ import annotations

import pytest
import yaml

from kit import answers, seal_of

SAVE = 'mlflow.pyfunc.save_model("m", python_model=Answer(), input_example=example{more})'
PREDICT_BY_MLFLOW = (
    "import sys, mlflow, pandas as pd;"
    "print(*mlflow.pyfunc.load_model(sys.argv[1]).predict(pd.DataFrame({'x': [3.0, 4.0]})))"
)


def code_of(model):
    return sorted(
        path.relative_to(model / "code").as_posix()
        for path in (model / "code").rglob("*")
        if path.is_file()
    )


def flavors_of(model):
    return yaml.safe_load((model / "MLmodel").read_text())["flavors"]


def test_a_project_that_is_no_package(small_project, small_script, holdfast, moved, rows, proven):
    cell = proven("shapes", "no package: modules beside the script and below the project")
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas")
    project.write("jobs/helpers.py", "import scaling.lazy_part\nimport spread.one\n")
    project.write("scaling/__init__.py", "FACTOR = 10\n")
    project.write("scaling/lazy_part.py", "OFFSET = 1\n")
    project.write("scaling/later.py", "def power(x): return x\n")
    project.write("scaling/tables/weights.csv", "5\n")
    project.write("scaling/.env", "TOKEN=1\n")
    project.write("spread/one.py", "ONE = 1\n")
    project.write("spread/data.csv", "nobody's\n")
    project.write("only_when_predicting.py", "THREE = 3\n")
    project.write("never_imported.py", "")
    body = (
        "import helpers, only_when_predicting as o, os, pathlib, scaling.later, spread.one;"
        "os.environ.get('SOME_API_KEY');"
        "w = pathlib.Path(scaling.__file__).parent / 'tables/weights.csv';"
        "x = model_input['x'] * scaling.FACTOR * o.THREE * spread.one.ONE;"
        "return scaling.later.power(x + int(w.read_text()) + scaling.lazy_part.OFFSET).to_numpy()"
    )
    start = "sys.path.append('..')\nbefore = list(sys.path)\nimport helpers\n"
    log = "mlflow.pyfunc.log_model(name='m', python_model=Answer(), input_example=example)"
    project.write("jobs/train.py", small_script(body, f"{start}{log}"))
    project.sync()
    # MLflow writes MLmodel once more for a model that reads such a variable.
    ran = project.train("jobs/train.py", cwd="jobs", SOME_API_KEY="hush")
    assert ran.code == 0, ran
    model = moved(project)
    assert "SOME_API_KEY" in (model / "MLmodel").read_text()

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert code_of(model) == [
        "helpers.py",
        "only_when_predicting.py",
        "scaling/__init__.py",
        "scaling/later.py",
        "scaling/lazy_part.py",
        "scaling/tables/weights.csv",
        "spread/one.py",
    ]
    assert flavors_of(model)["python_function"]["code"] == "code"
    assert "7 files in code/" in holdfast("show", model).out
    assert answers(holdfast, model, rows) == ["96", "126"]
    assert holdfast.receipt(model)["matches"]
    stock = holdfast("run", model, "--", "python", "-c", PREDICT_BY_MLFLOW, model)
    assert stock.out.split() == ["96.0", "126.0"], stock
    cell["note"] = seal["grade"]


@pytest.mark.slow
@pytest.mark.parametrize("given", ["code_paths=['helpers.py', 'kit']", "infer_code_paths=True"])
def test_code_paths_of_the_users_own(given, small_project, small_script, holdfast, moved_all, rows):
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas")
    project.write("helpers.py", "from kit.scale import FACTOR\n")
    project.write("kit/__init__.py", "")
    project.write("kit/scale.py", "FACTOR = 4\n")
    project.write("kit/more.py", "")
    project.write("others.py", "ADDED = 1\n")
    project.write("more_others.py", "")
    body = "return (model_input['x'] * helpers.FACTOR * others.ADDED).to_numpy()"
    before = "import helpers, more_others, others\nbefore = list(sys.path)\n"
    after = "\nassert sys.path == before, sys.path\n"
    project.write("train.py", small_script(body, before + SAVE.format(more=f", {given}") + after))
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, str(ran)
    (model,) = moved_all(project, "m")

    assert seal_of(model)["grade"] == "locked", seal_of(model)["reasons"]
    assert {"helpers.py", "kit/__init__.py", "kit/scale.py", "more_others.py", "others.py"} <= set(
        code_of(model)
    )
    # What MLflow itself found needed is left as MLflow has it.
    assert ("kit/more.py" in code_of(model)) == given.startswith("code_paths")
    assert answers(holdfast, model, rows) == ["12", "16"]


@pytest.mark.slow
def test_a_script_beside_a_package_and_what_its_wheel_leaves_out(
    small_project, small_script, holdfast, moved_all, rows, proven
):
    cell = proven("shapes", "package, and modules beside its scripts")
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas", packaged=True)
    with (project.folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.hatch.build.targets.wheel]\npackages = ["src/trainer"]\n')
        file.write('exclude = ["secret_part.py"]\n')
    project.write("src/trainer/__init__.py", "scale = 10\n")
    project.write("src/trainer/secret_part.py", "")
    project.write("scripts/helpers.py", "import trainer\ntwice = 2 * trainer.scale\n")
    body = "import helpers; return (model_input['x'] * helpers.twice).to_numpy()"
    both = [SAVE.format(more=""), "import trainer.secret_part"]
    both.append(SAVE.replace('"m"', '"half"').format(more=""))
    project.write("scripts/train.py", small_script(body, "\n".join(both)))
    project.sync()
    ran = project.train("scripts/train.py")
    assert ran.code == 0, ran
    whole, half = moved_all(project, "m", "half")

    assert seal_of(whole)["grade"] == "locked", seal_of(whole)["reasons"]
    assert code_of(whole) == ["helpers.py"]
    assert answers(holdfast, whole, rows) == ["60", "80"]
    assert holdfast.receipt(whole)["matches"]
    assert seal_of(half)["grade"] == "frozen"
    assert "trainer.secret_part" in seal_of(half)["reasons"][0]
    cell["note"] = "locked"


SKLEARN = """
import sys

import mlflow
import pandas as pd
import helpers
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

X = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
model = make_pipeline(helpers.Doubled(), LinearRegression()).fit(X, X["x"] * 5)
mlflow.sklearn.log_model(model, name="m", input_example=X, serialization_format="cloudpickle")
"""
TRANSFORMER = """
from sklearn.base import BaseEstimator, TransformerMixin


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X * 2
"""


@pytest.mark.slow  # scikit-learn in an environment of its own
def test_a_flavor_of_its_own_finds_the_code_too(new_project, holdfast, moved, rows, proven):
    cell = proven("shapes", "no package: a pickled class from beside the script")
    project = new_project()
    project.pyproject("mlflow", "pandas", "scikit-learn")
    project.write("jobs/helpers.py", TRANSFORMER)
    project.write("jobs/train.py", SKLEARN)
    project.sync()
    ran = project.train("jobs/train.py")
    assert ran.code == 0, str(ran)
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert {flavor["code"] for flavor in flavors_of(model).values()} == {"code"}
    assert [round(float(one), 6) for one in answers(holdfast, model, rows)] == [15, 20]
    assert holdfast.receipt(model)["matches"]
    native = "import sys, mlflow; print(mlflow.sklearn.load_model(sys.argv[1]).steps[0][0])"
    stock = holdfast("run", model, "--", "python", "-c", native, model)
    assert stock.out.split() == ["doubled"], stock
    cell["note"] = seal["grade"]
