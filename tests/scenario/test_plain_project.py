"""PEERS 1, 2, 11, 14: a plain project, logged from anywhere in it, by anything."""

from __future__ import annotations

import pytest

from kit import answers, seal_of


def test_a_script_in_a_nested_folder_finds_its_project(
    new_project, holdfast, moved, iris_script, iris_rows
):
    project = new_project(own=True)
    project.pyproject("mlflow", "pandas", "scikit-learn")
    project.write("scripts/nightly/train.py", iris_script())
    project.sync()
    ran = project.train("scripts/nightly/train.py", cwd="scripts")
    assert ran.code == 0, ran
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert answers(holdfast, model, iris_rows) == ["0", "1", "2"]
    receipt = holdfast.receipt(model)
    assert receipt["matches"], receipt
    predictions = receipt["checks"][-1]
    assert "identical to the bit" in predictions["summary"]


def test_autolog_seals_too(new_project, holdfast, moved, iris_rows):
    project = new_project()
    project.pyproject("mlflow", "pandas", "scikit-learn")
    project.write(
        "train.py",
        "import mlflow\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "mlflow.sklearn.autolog(log_input_examples=True, serialization_format='cloudpickle')\n"
        "X, y = load_iris(return_X_y=True, as_frame=True)\n"
        "DecisionTreeClassifier(random_state=0).fit(X, y)\n",
    )
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    model = moved(project)

    assert seal_of(model)["grade"] == "locked"
    assert answers(holdfast, model, iris_rows) == ["0", "1", "2"]


def test_uv_need_not_be_on_the_path(new_project, holdfast, moved, iris_script, iris_rows):
    project = new_project()
    project.pyproject("mlflow", "pandas", "scikit-learn")
    project.write("train.py", iris_script())
    project.sync()
    ran = project.train("train.py", path="/usr/bin:/bin")
    assert ran.code == 0, ran
    model = moved(project)

    assert seal_of(model)["grade"] == "locked"
    assert answers(holdfast, model, iris_rows) == ["0", "1", "2"]


@pytest.mark.slow
def test_lightgbm_needs_nothing_either(new_project, holdfast, moved, iris_rows):
    check_flavor("lightgbm", "LGBMClassifier(verbose=-1)", new_project, holdfast, moved, iris_rows)


@pytest.mark.slow  # half a gigabyte of CUDA libraries come with it
def test_xgboost_needs_nothing_either(new_project, holdfast, moved, iris_rows):
    check_flavor("xgboost", "XGBClassifier()", new_project, holdfast, moved, iris_rows)


def check_flavor(flavor, learner, new_project, holdfast, moved, iris_rows):
    project = new_project()
    project.pyproject("mlflow", "pandas", "scikit-learn", flavor)
    project.write(
        "train.py",
        f"import mlflow, {flavor}\n"
        "from sklearn.datasets import load_iris\n"
        "X, y = load_iris(return_X_y=True, as_frame=True)\n"
        f"model = {flavor}.{learner}.fit(X, y)\n"
        f"mlflow.{flavor}.log_model(model, name='m', input_example=X.iloc[::30])\n",
    )
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    model = moved(project)

    assert seal_of(model)["grade"] == "locked"
    assert answers(holdfast, model, iris_rows) == ["0", "1", "2"]
    assert holdfast.receipt(model)["matches"]
