"""What a model answered when it was logged, and what can be proven by it later."""

from __future__ import annotations

from kit import answers, seal_of

MODEL = """
import os
import random
import sys
import time

import mlflow
import pandas as pd


class Answer(mlflow.pyfunc.PythonModel):
    kind = "plain"

    def predict(self, context, model_input, params=None):
        if self.kind == "fails":
            raise ValueError("this model has no answer")
        if self.kind == "slow":
            time.sleep(4)
        if self.kind == "random":
            return [random.random() for _ in model_input["x"]]
        return (model_input["x"] * 2).to_numpy()


def save(name, example, **more):
    model = Answer()
    model.kind = name
    mlflow.pyfunc.save_model(name, python_model=model, input_example=example, **more)


example = pd.DataFrame({"x": [1.0, 2.0]})
save("random", example)
save("unproven", None)
# With a signature, MLflow itself does not call the model to make one.
signature = mlflow.models.ModelSignature(mlflow.types.Schema([mlflow.types.ColSpec("double", "x")]))
save("slow", example, signature=signature)
save("fails", example, signature=signature)
save("long", pd.DataFrame({"x": [float(n) for n in range(1000)]}))
save("wide", pd.DataFrame({"x": [float(n) for n in range(1000)], "text": ["x" * 900] * 1000}))
"""


def check_of(receipt, name="predictions"):
    (check,) = (check for check in receipt["checks"] if check["name"] == name)
    return check


def test_golden_predictions_of_all_kinds(small_project, holdfast, moved_all, rows):
    project = small_project()
    project.pyproject(
        "mlflow-skinny",
        "pandas",
        tool_holdfast={"golden-seconds": 2, "golden-rows": 50, "golden-bytes": 20_000},
    )
    project.write("train.py", MODEL)
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    names = ("random", "unproven", "slow", "fails", "long", "wide")
    models = dict(zip(names, moved_all(project, *names), strict=True))
    golden = {name: seal_of(model)["golden"] for name, model in models.items()}
    assert {seal_of(model)["grade"] for model in models.values()} == {"locked"}

    assert not golden["random"]["repeatable"]
    assert golden["long"]["repeatable"]
    assert golden["long"]["rows"] == 50
    reasons = {
        "unproven": "without an input example",
        "slow": "more than 2 s",
        "fails": "this model has no answer",
        "wide": "more than golden-bytes",
    }
    for name, reason in reasons.items():
        assert reason in golden[name]["reason"], name
        assert golden[name]["sha256"] == ""
        assert not (models[name] / "holdfast" / "golden.json").exists()

    receipt = holdfast.receipt(models["random"])
    assert receipt["matches"], receipt
    assert "of the same shape and type" in check_of(receipt)["summary"]
    receipt = holdfast.receipt(models["unproven"])
    assert receipt["matches"], receipt
    assert check_of(receipt)["status"] == "unproven"
    assert answers(holdfast, models["unproven"], rows) == ["6", "8"]
    assert "identical to the bit" in check_of(holdfast.receipt(models["long"]))["summary"]
