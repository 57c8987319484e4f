"""The registry: whatever a version is made of and called, its seal travels and is recorded."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from holdfast.model import open_model
from holdfast.verify.verify import verify
from tracking import tracking_server

LOG = """
with mlflow.start_run() as run:
    info = mlflow.pyfunc.log_model(
        name="m", python_model=Answer(), input_example=example, registered_model_name="answer"
    )
later = mlflow.register_model(f"runs:/{run.info.run_id}/m", "answer", tags={"mine": "kept"})
model = f"models:/{info.model_id}"
saved = mlflow.register_model(model, "other")
client = mlflow.MlflowClient()
client.set_registered_model_alias("answer", "champion", "1")
client.transition_model_version_stage("answer", "1", "Production")
client.copy_model_version("models:/answer/1", "copied")
# MLflow writes MLmodel anew where it is stored, and the seal is told: so are its versions.
from mlflow.types import ColSpec, Schema
mlflow.models.set_signature(model, mlflow.models.ModelSignature(Schema([ColSpec("double", "x")])))
print("logged", run.info.run_id, model)
"""
# MLflow notes which variables a model reads, and writes MLmodel once more after the seal.
BODY = """os.environ.get("SCALE_API_KEY")
        return (model_input["x"] * 2).to_numpy()"""
VERSIONS = (("answer", "1"), ("answer", "2"), ("other", "1"), ("copied", "1"))


@pytest.fixture
def logged(small_project, small_script, shared, tmp_path):
    """Log a model to a tracking server or store and register it; every URI that it then has."""

    def log(tracking: str) -> list[str]:
        project = small_project()
        project.environment = shared / "venv-registry"
        project.env["MLFLOW_TRACKING_URI"] = tracking
        project.pyproject("mlflow-skinny", "pandas", "sqlalchemy", "alembic")
        project.write("train.py", small_script(BODY, LOG))
        project.sync()
        ran = project.train("train.py", SCALE_API_KEY="x")
        assert ran.code == 0, ran
        run_id, model = ran.out.split()[-2:]
        versions = [f"models:/{name}/{version}" for name, version in VERSIONS]
        return [
            *versions, "models:/answer@champion", "models:/answer/Production", model,
            f"runs:/{run_id}/m",
        ]  # fmt: skip

    return log


def seals_of(uris: list[str]) -> set[str]:
    """What each name opens: whole, and with the seal that the registry has for it."""
    models = [open_model(uri) for uri in uris]
    for model in models:
        model.check_recorded()
        assert model.compare_files().matches
        assert bool(model.registered) == (not model.uri.startswith(("models:/m-", "runs:")))
        assert model.registered is None or model.registered.seal == model.digest
    return {model.digest for model in models}


def verified(uris: list[str]) -> set[str]:
    receipts = [verify(uri) for uri in uris]
    assert all(one.matches and one.grade == "locked" for one in receipts), receipts
    return {one.seal for one in receipts}


def check(seals: set[str], client: MlflowClient, holdfast, run_uri: str) -> str:
    """Every name led to one seal, which every version was tagged with when it was made."""
    (seal,) = seals
    for name, version in VERSIONS:
        tags = client.get_model_version(name, version).tags
        assert tags["holdfast.seal"] == seal
        assert tags["holdfast.grade"] == "locked"
    assert client.get_model_version("answer", "2").tags["mine"] == "kept"

    ran = holdfast("verify", "models:/answer@champion", "--record")
    assert ran.code == 0, ran
    tags = client.get_model_version("answer", "1").tags
    assert tags["holdfast.verified"] == "true"
    assert tags["holdfast.verified_at"].startswith("20")
    assert tags["holdfast.checks"] == (
        "registry match, model-files match, packages match, installed-files match, strays match, "
        "python match, predictions match"
    )
    ran = holdfast("verify", run_uri, "--record")
    assert ran.code == 2, ran
    assert "models:/name/version" in ran.err
    return seal


@pytest.fixture
def here(holdfast, monkeypatch):
    """This process and the command look at one tracking server, with one store."""

    def look(tracking: str) -> MlflowClient:
        holdfast.env["MLFLOW_TRACKING_URI"] = tracking
        monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
        monkeypatch.setenv("HOLDFAST_HOME", str(holdfast.home))
        return MlflowClient(tracking, registry_uri=tracking)

    return look


def test_the_seal_travels_with_every_version(logged, here, holdfast, tmp_path, proven):
    cell = proven("MLflow's doors", "the registry: version, alias, stage, copy, run, logged model")
    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    uris = logged(tracking)
    client = here(tracking)
    check(seals_of(uris), client, holdfast, uris[-1])
    cell["note"] = "one seal"


@pytest.fixture
def server(tmp_path):
    """A real MLflow server on loopback, which hands the artifacts through."""
    kept = tmp_path / "kept"
    kept.mkdir()
    with tracking_server(kept) as url:
        yield url


@pytest.mark.slow  # a server takes its time to start
def test_through_a_server_that_proxies_artifacts(
    server, logged, here, holdfast, tmp_path, new_page, proven
):
    from playwright.sync_api import expect

    cell = proven("MLflow's doors", "the registry, through a server that proxies artifacts")
    uris = logged(server)
    # Nothing is read past the server: it alone knows where the files are.
    client = here(server)
    seal = check(seals_of(uris) | verified(uris), client, holdfast, uris[-1])
    assert (holdfast.home / "models" / seal / "MLmodel").is_file()

    tab = new_page()
    tab.goto(f"{server}/#/models/answer/versions/1")
    for text in ("holdfast.grade", "locked", "holdfast.verified_at", "holdfast.checks", seal[:16]):
        expect(tab.get_by_text(text).first).to_be_visible(timeout=60_000)
    tab.screenshot(path=tmp_path / "version.png", full_page=True)
    cell["note"] = "one seal, seen in the UI"
