"""MLflow without Holdfast restores, predicts and serves what Holdfast sealed.

The receiving side is an environment with stock MLflow, made by uv; the model has own code, a
package of an index with a password, and MLflow's own dependencies. All of it takes minutes.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from indexes import PASSWORD, USER, free_port, make_wheel, serving
from kit import run
from stock import ANSWERS, ROWS, Receiver, installed, make_decoys, seal_model, sealed_versions

pytestmark = pytest.mark.slow

NEWEST = "3.17.2"
# What each needs beside itself to restore with these environment managers.
VERSIONS = {
    NEWEST: (),
    "3.1.4": ("virtualenv",),
    "2.22.0": ("virtualenv",),
    "2.14.3": ("virtualenv", "setuptools<81"),  # it imports pkg_resources
}
COMMANDS = [
    (version, manager)
    for version in VERSIONS
    for manager in ("uv", "virtualenv")
    if (version, manager) != ("2.14.3", "uv")  # which has no such manager yet
]
# pyenv would download and compile a CPython; this hook of it links the one at hand.
HOOK = """before_install '
  mkdir -p "$(dirname "$PREFIX")"; ln -s "$AT_HAND/$(basename "$PREFIX")" "$PREFIX"; exit 0
'
"""
RESTORE = """
import sys
from mlflow.utils.virtualenv import _get_or_create_virtualenv
print(_get_or_create_virtualenv(sys.argv[1], env_manager=sys.argv[2]))
"""
QUESTION = {"dataframe_records": [{"x": 3}, {"x": 4}]}
PREDICT = """
import sys
import mlflow
mlflow.models.predict(
    sys.argv[1], input_path=sys.argv[2], content_type="csv", output_path=sys.argv[3],
    env_manager=sys.argv[4],
)
"""
DEPENDENCIES = """
import sys
import mlflow
print(mlflow.pyfunc.get_model_dependencies(sys.argv[1], format=sys.argv[2]))
"""


@pytest.fixture(scope="module")
def corp(tmp_path_factory):
    folder = tmp_path_factory.mktemp("private")
    make_wheel(folder / "corp", {"mine/__init__.py": "scale = 10\n"})
    with serving(folder / "corp", user=USER, password=PASSWORD) as index:
        yield index


@pytest.fixture(scope="module")
def model(new_project_in, shared, tmp_path_factory, corp):
    folder = tmp_path_factory.mktemp("sealed")
    project = new_project_in(folder)
    project.environment = shared / "venv-small"
    seal_model(project, corp, folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def decoy(tmp_path_factory):
    """An index that both tools ask as well: it has strangers of the names of ours."""
    with serving(make_decoys(tmp_path_factory.mktemp("anybody") / "decoy")) as index:
        yield {"PIP_EXTRA_INDEX_URL": index.url, "UV_INDEX": index.url}


@pytest.fixture
def receiver(tmp_path, decoy):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    hook = tmp_path / "hooks" / "install" / "at-hand.bash"
    hook.parent.mkdir(parents=True)
    hook.write_text(HOOK)
    (tmp_path / "rows.csv").write_text(ROWS)
    python = Path(Receiver(folder=tmp_path, netrc=netrc).python)
    at_hand = {"PYENV_HOOK_PATH": str(hook.parents[1]), "AT_HAND": str(python.parents[2])}
    return Receiver(folder=tmp_path, netrc=netrc, more={**decoy, **at_hand})


@pytest.fixture(scope="module")
def stock_mlflow(tmp_path_factory):
    """The environment of somebody who has MLflow, in one version, and no Holdfast."""
    made: dict[str, Path] = {}

    def make(version: str = NEWEST) -> Path:
        if version not in made:
            folder = tmp_path_factory.mktemp("stock")
            receiver = Receiver(folder=folder, netrc=folder / "none")
            made[version] = receiver.venv("v", f"mlflow=={version}", *VERSIONS[version])
            assert "holdfast" not in installed(made[version])
        return made[version]

    return make


def ours(receiver, environment, command, *arguments, timeout=900):
    """Run a program of stock MLflow's environment; it must succeed."""
    ran = run(
        [str(environment / "bin" / command), *map(str, arguments)],
        cwd=receiver.folder,
        env=receiver.env(environment),
        timeout=timeout,
    )
    assert ran.code == 0, ran
    return ran


def environment_of(said: str) -> Path:
    """The environment that MLflow says it activates."""
    return Path(re.findall(r"source (\S+)/bin/activate", said)[-1])


def assert_sealed(environment, model):
    found = installed(environment)
    assert {name: found.get(name) for name in sealed_versions(model)} == sealed_versions(model)


@pytest.mark.parametrize(("version", "manager"), COMMANDS)
def test_predict(version, manager, model, receiver, stock_mlflow, proven):
    proven("stock MLflow", f"mlflow models predict, MLflow {version}", manager)
    ran = ours(
        receiver, stock_mlflow(version), "mlflow", "models", "predict", "-m", model,
        "-i", "rows.csv", "-t", "csv", "--env-manager", manager,
    )  # fmt: skip
    assert json.loads(ran.out.splitlines()[-1])["predictions"] == ANSWERS


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_predict_from_python(manager, model, receiver, stock_mlflow, proven):
    proven("stock MLflow", "mlflow.models.predict", manager)
    answers = receiver.folder / "answers.json"
    ours(receiver, stock_mlflow(), "python", "-c", PREDICT, model, "rows.csv", answers, manager)
    assert json.loads(answers.read_text())["predictions"] == ANSWERS


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_serve(manager, model, receiver, stock_mlflow, proven):
    proven("stock MLflow", "mlflow models serve", manager)
    command = ["models", "serve", "-m", model, "--env-manager", manager]
    with serving_models(receiver, stock_mlflow(), *command) as url:
        assert requests.post(url, json=QUESTION, timeout=60).json()["predictions"] == ANSWERS


@contextmanager
def serving_models(receiver, environment, *command):
    port = free_port()
    log = receiver.folder / "serve.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [environment / "bin" / "mlflow", *command, "--port", str(port), "--workers", "1"],
            cwd=receiver.folder, env=receiver.env(environment), stdin=subprocess.DEVNULL,
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
        try:
            await_answer(server, f"http://127.0.0.1:{port}/ping", log)
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def await_answer(server, url, log):
    deadline = time.monotonic() + 400
    while True:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.5)
        else:
            return


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_the_restoring_function(manager, model, receiver, stock_mlflow, proven):
    """What every command, and the image made with `--env-manager virtualenv`, calls.

    Here pyenv is as it is: the CPython at hand is in its own root.
    """
    proven("stock MLflow", "the function that restores an environment", manager)
    ran = ours(receiver, stock_mlflow(), "python", "-c", RESTORE, model, manager)
    environment = environment_of(ran.out)
    assert environment.is_relative_to(receiver.folder / "envs")
    assert installed(environment) == sealed_versions(model)
    python = yaml.safe_load((model / "python_env.yaml").read_text())["python"]
    assert f"version_info = {python}" in (environment / "pyvenv.cfg").read_text() or (
        f"version = {python}" in (environment / "pyvenv.cfg").read_text()
    )


def test_the_command_of_a_generated_dockerfile(model, receiver, stock_mlflow, proven):
    """`generate-dockerfile` as it is by default: pip into the image's own Python."""
    proven("stock MLflow", "mlflow models generate-dockerfile: the command in it", "local")
    context = receiver.folder / "context"
    ours(receiver, stock_mlflow(), "mlflow", "models", "generate-dockerfile", "-m", model,
         "-d", context)  # fmt: skip
    dockerfile = (context / "Dockerfile").read_text()
    python = yaml.safe_load((model / "python_env.yaml").read_text())["python"]
    assert f"FROM python:{python}-slim" in dockerfile
    copied = re.search(r"^COPY (\S+) /opt/ml/model$", dockerfile, re.MULTILINE)[1]
    (command,) = re.findall(r"^RUN python -c (.*_install_pyfunc_deps.*)$", dockerfile, re.MULTILINE)
    assert "env_manager='local'" in command
    (code,) = shlex.split(command)
    # The image's Python: MLflow is in it, and no more. The working directory is not the model's.
    image = receiver.venv("image", f"mlflow=={NEWEST}")
    ours(receiver, image, "python", "-c", code.replace("/opt/ml/model", str(context / copied)))
    assert_sealed(image, model)
    ran = ours(
        receiver, image, "mlflow", "models", "predict", "-m", context / copied, "-i", "rows.csv",
        "-t", "csv", "--env-manager", "local",
    )  # fmt: skip
    assert json.loads(ran.out.splitlines()[-1])["predictions"] == ANSWERS


@pytest.mark.parametrize("kind", ["pip", "conda"])
def test_databricks_asks_for_the_dependencies(kind, model, receiver, stock_mlflow, proven):
    """`get_model_dependencies`, and `%pip install -r` of what it names, in a notebook's Python."""
    proven("stock MLflow", f'get_model_dependencies(format="{kind}"), installed', "pip")
    (path,) = ours(
        receiver, stock_mlflow(), "python", "-c", DEPENDENCIES, model, kind
    ).out.splitlines()  # fmt: skip
    notebook = receiver.venv("notebook")
    if kind == "conda":
        section = yaml.safe_load(Path(path).read_text())["dependencies"][-1]["pip"]
        path = model / "condaenv.requirements.txt"
        path.write_text("\n".join(section))
    try:
        ours(receiver, notebook, "python", "-m", "pip", "install", "--quiet", "-r", path)
    finally:
        (model / "condaenv.requirements.txt").unlink(missing_ok=True)
    assert installed(notebook) == sealed_versions(model)


DEPLOY = """
import sys
import boto3
import mlflow.sagemaker
from mlflow.deployments import get_deploy_client
boto3.client("s3").create_bucket(
    Bucket="sealed-models", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
)
client = get_deploy_client("sagemaker:/us-west-2")
client.create_deployment(
    "sealed", sys.argv[1], config={
        "execution_role_arn": "arn:aws:iam::123456789012:role/r", "image_url": "an-image",
        "bucket": "sealed-models", "synchronous": False, "archive": True,
    },
)
"""
FETCH = """
import sys
import boto3
store = boto3.client("s3")
(found,) = store.list_objects_v2(Bucket="sealed-models")["Contents"]
store.download_file("sealed-models", found["Key"], sys.argv[1])
(model,) = boto3.client("sagemaker").list_models()["Models"]
print(boto3.client("sagemaker").describe_model(ModelName=model["ModelName"])["PrimaryContainer"])
"""


def test_sagemaker(model, receiver, stock_mlflow, proven):
    """MLflow's client brings the model to moto's SageMaker; then what its container would do."""
    proven("stock MLflow", "SageMaker (moto): what was deployed, restored", "virtualenv")
    client = receiver.venv("client", f"mlflow=={NEWEST}", "boto3", "moto[server,s3,sagemaker,sts]")
    with cloud(receiver, client):
        ours(receiver, client, "python", "-c", DEPLOY, model)
        said = ours(receiver, client, "python", "-c", FETCH, "model.tar.gz").out
    assert "model.tar.gz" in said
    deployed = receiver.folder / "opt" / "ml" / "model"
    with tarfile.open(receiver.folder / "model.tar.gz") as archive:
        archive.extractall(deployed, filter="data")
    assert files_of(deployed) == files_of(model)
    ran = ours(receiver, stock_mlflow(), "python", "-c", RESTORE, deployed, "virtualenv")
    assert installed(environment_of(ran.out)) == sealed_versions(model)


@contextmanager
def cloud(receiver, client):
    """moto on loopback, for whatever `receiver` runs next."""
    port, log = free_port(), receiver.folder / "moto.log"
    secrets = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    where = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-west-2"}
    receiver.more |= secrets | where
    with log.open("w") as file:
        moto = subprocess.Popen(
            [client / "bin" / "moto_server", "-p", str(port)],
            env=receiver.env(client), stdout=file, stderr=file,
        )  # fmt: skip
        try:
            await_answer(moto, f"http://127.0.0.1:{port}/moto-api/", log)
            yield
        finally:
            moto.terminate()
            moto.wait()


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
