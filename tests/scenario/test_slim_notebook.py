"""PEERS 16: a common notebook-style project, of which the model needs a third."""

from __future__ import annotations

import json

import pytest

from kit import seal_of

NOTEBOOK = ("fastapi", "jupyter", "lightgbm", "matplotlib", "mlflow", "scikit-learn", "seaborn")
TRAIN = """
import lightgbm
import mlflow
from importlib.metadata import version
from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
model = lightgbm.LGBMClassifier(verbose=-1).fit(X, y)
mlflow.lightgbm.save_model(model, "boosted", input_example=X.head(50))
X.head(3).to_parquet("rows.parquet")


class Asking(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [version("mlflow")] * len(model_input)


mlflow.pyfunc.save_model("asking", python_model=Asking(), input_example=X.head(2))
"""


@pytest.mark.slow  # a project of 170 packages
def test_slim_halves_packages_and_bytes_with_the_same_predictions(
    new_project, own_holdfast, tmp_path, moved_all, proven
):
    cell = proven("shapes", "PEERS 16: Jupyter, matplotlib, seaborn, FastAPI, LightGBM, mlflow")
    holdfast = own_holdfast
    del holdfast.env["UV_CACHE_DIR"]  # nothing is spoilt, and much would be fetched
    project = new_project(own=True)
    project.pyproject(*NOTEBOOK)
    project.write("train.py", TRAIN)
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    rows = tmp_path / "rows.parquet"
    rows.write_bytes((project.folder / "rows.parquet").read_bytes())
    boosted, asking = moved_all(project, "boosted", "asking")
    assert seal_of(boosted)["grade"] == "locked"

    ran = holdfast("restore", "--slim", "--offline", "--json", boosted)
    assert ran.code == 0, ran
    slim = json.loads(ran.out)["slim"]
    megabytes = slim["bytes"] / 1e6, slim["whole_bytes"] / 1e6
    cell["note"] = (
        f"{slim['packages']} of {slim['whole_packages']} packages, "
        f"{megabytes[0]:.0f} of {megabytes[1]:.0f} MB"
    )
    print(cell["note"])
    assert slim["packages"] * 2 <= slim["whole_packages"]
    assert slim["bytes"] * 2 <= slim["whole_bytes"]
    assert {"jupyter", "matplotlib", "mlflow", "seaborn"} <= set(slim["left_out"])
    receipt = holdfast.receipt(boosted, "--slim")
    assert receipt["matches"], receipt
    (replayed,) = (check for check in receipt["checks"] if check["name"] == "predictions")
    assert "identical to the bit" in replayed["summary"]

    # What nobody needed for the golden predictions may be needed for something else.
    assert slim["unused"] == ["pyarrow"]
    ran = holdfast("predict", "--slim", boosted, "-i", rows, "--output-format", "csv")
    assert ran.code == 2, ran
    assert "--slim-include pyarrow" in ran.err
    ran = holdfast(
        "predict", "--slim", "--slim-include", "pyarrow", boosted, "-i", rows,
        "--output-format", "csv",
    )  # fmt: skip
    assert ran.code == 0, ran
    assert len(ran.out.split()) == 1 + 3

    # mlflow-skinny does not do for every model: then mlflow itself stays, and Jupyter does not.
    ran = holdfast("restore", "--slim", "--json", "-v", asking)
    assert ran.code == 0, ran
    assert "mlflow-skinny is not enough" in ran.err
    left_out = set(json.loads(ran.out)["slim"]["left_out"])
    assert "jupyter" in left_out
    assert not left_out & {"mlflow", "mlflow-skinny", "flask"}
