"""A model that MLflow registers, and writes to again after it was sealed."""

from __future__ import annotations

import json

import pytest

LOGGING = """with mlflow.start_run() as run:
    mlflow.pyfunc.log_model(
        name="m", python_model=Answer(), input_example=example, registered_model_name="answer"
    )
client = mlflow.MlflowClient()
client.set_registered_model_alias("answer", "champion", "1")
print("run", run.info.run_id)
"""
# MLflow notes which variables a model reads, and writes MLmodel once more.
READS_A_VARIABLE = """os.environ.get("SCALE_API_KEY")
        return (model_input["x"] * 2).to_numpy()"""


@pytest.mark.slow
def test_the_seal_stays_valid_in_the_registry(new_project, holdfast, small_script, tmp_path):
    project = new_project()
    project.pyproject("mlflow", "pandas", "scikit-learn")
    project.write("train.py", small_script(READS_A_VARIABLE, LOGGING))
    project.sync()
    ran = project.train("train.py", SCALE_API_KEY="k3y-of-a-scale")
    assert ran.code == 0, ran
    run_id = ran.out.split("run ")[1].split()[0]
    noted = [
        path
        for path in project.folder.rglob("environment_variables.txt")
        if "site-packages" not in path.parts
    ]
    assert len(noted) == 1
    model = noted[0].parent
    assert "SCALE_API_KEY" in (model / "MLmodel").read_text()
    for path in model.rglob("*"):
        assert path.is_dir() or b"k3y-of-a-scale" not in path.read_bytes(), path

    (project.folder / "pyproject.toml").unlink()
    holdfast.env["MLFLOW_TRACKING_URI"] = f"sqlite:///{tmp_path / 'mlflow.db'}"
    seals = set()
    for uri in ("models:/answer/1", "models:/answer@champion", f"runs:/{run_id}/m"):
        receipt = holdfast.receipt(uri)
        assert receipt["matches"], receipt
        assert receipt["grade"] == "locked"
        seals.add(receipt["seal"])
    assert len(seals) == 1
    model.joinpath("MLmodel").open("a").write("# changed since\n")
    changed = holdfast("verify", "models:/answer/1", "--json")
    assert changed.code == 1, changed
    # The version was tagged with its seal when it was made: that is compared first.
    registry, files = json.loads(changed.out)["checks"][:2]
    assert registry["status"] == "match"
    assert "changed: MLmodel" in files["details"]
