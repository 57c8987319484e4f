"""What MLflow changes in a model that is sealed: the seal knows, or says why not."""

from __future__ import annotations

import shutil

import pytest

from holdfast.seal.digest import compare_folder
from holdfast.seal.store import read_seal
from kit import seal_of
from tracking import tracking_server

SAVE = """
def save(path, **more):
    mlflow.pyfunc.save_model(path, python_model=Answer(), **more)


def sign(uri):
    signature = mlflow.models.infer_signature(example, example["x"].to_numpy())
    mlflow.models.set_signature(uri, signature)


def update(uri):
    for how in ("add", "remove"):
        try:
            mlflow.models.update_model_requirements(uri, how, ["numpy==1.26.0"])
        except Exception as error:
            print(how, type(error).__name__, str(error).splitlines()[0])


"""
CHANGE = """
save("signed", input_example=example)
sign("signed")
update("signed")

save("tampered")
with open("tampered/MLmodel", "a") as file:
    file.write("metadata: {added: later}")
sign("tampered")
"""
INFERRED = """
save("inferred", pip_requirements=["mlflow-skinny", "pandas"])
update("inferred")
"""
REMOTE = """
logged = mlflow.pyfunc.log_model(name="m", python_model=Answer(), input_example=example)
sign(logged.model_uri)
mlflow.artifacts.download_artifacts(logged.model_uri, dst_path="m")
"""


@pytest.fixture
def project(small_project):
    project = small_project()
    # MLflow infers a signature with SciPy.
    project.pyproject("mlflow-skinny", "pandas", "scipy")
    project.sync()
    return project


def test_a_signature_is_sealed_and_locked_packages_stay(project, small_script, holdfast, moved_all):
    project.write("train.py", small_script(call=SAVE + CHANGE))
    ran = project.train("train.py")
    assert ran.code == 0, ran
    refused = "InputError the packages of signed are sealed, and cannot be changed afterwards"
    assert ran.out.splitlines()[-2:] == [f"add {refused}", f"remove {refused}"]

    signed, tampered = moved_all(project, "signed", "tampered")
    assert "outputs" in (signed / "MLmodel").read_text()
    receipt = holdfast.receipt(signed)
    assert receipt["matches"], receipt
    # What somebody else has changed is not sealed along with the signature.
    assert not holdfast.receipt(tampered)["matches"]


def test_packages_that_no_lock_fixes_may_change(project, small_script, moved_all):
    project.write("train.py", small_script(call=SAVE + INFERRED))
    # Nothing answers that could lock what the user asked for.
    nothing = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(project.folder / "none")}
    ran = project.train("train.py", **nothing)
    assert ran.code == 0, ran
    assert "Error" not in ran.out, ran
    (model,) = moved_all(project, "inferred")
    assert seal_of(model)["grade"] == "inferred"
    assert "pandas" in (model / "requirements.txt").read_text()
    assert compare_folder(model, read_seal(model)[0].files).matches


@pytest.mark.slow
def test_a_signature_is_sealed_in_a_remote_store(
    project, small_script, holdfast, moved_all, tmp_path
):
    project.write("train.py", small_script(call=SAVE + REMOTE))
    (tmp_path / "server").mkdir()
    with tracking_server(tmp_path / "server") as url:
        ran = project.train("train.py", MLFLOW_TRACKING_URI=url)
    assert ran.code == 0, ran
    shutil.rmtree(tmp_path / "server")
    (model,) = moved_all(project, "m")
    receipt = holdfast.receipt(model)
    assert receipt["matches"], receipt
