"""Stock pip and stock uv install what was sealed, from the folders that their callers use.

The whole of MLflow's commands is in test_stock_mlflow.py, which takes minutes; this is the part of
it that runs every time, on a model that brings little.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from indexes import PASSWORD, USER, free_port, make_wheel, serving
from kit import run
from stock import Receiver, installed, make_decoys, seal_model, sealed_versions

# Bytes that an earlier test was given must not stand in for those that are served now.
FRESH = {"PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}
OURS = "import iniconfig, mine, trainer; print(mine.scale, trainer.answer.__name__)"


@pytest.fixture(scope="module")
def corp_port():
    return free_port()


@pytest.fixture(scope="module")
def sealed(new_project_in, shared, tmp_path_factory, corp_port):
    """A model with own code, a package of an index with a password, and one of the usual index."""
    folder = tmp_path_factory.mktemp("sealed")
    make_wheel(folder / "corp", {"mine/__init__.py": "scale = 10\n"})
    project = new_project_in(folder)
    project.environment = shared / "venv-small"
    with serving(folder / "corp", user=USER, password=PASSWORD, port=corp_port) as corp:
        # The rest of what it needs would take pip half a minute, and prove nothing more.
        small = {"exclude": ["mlflow-skinny", "pandas"]}
        seal_model(project, corp, folder / "model", tool_holdfast=small)
    return folder / "model"


@pytest.fixture
def model(sealed, tmp_path):
    return Path(shutil.copytree(sealed, tmp_path / "model"))


@pytest.fixture
def receiver(tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    return Receiver(folder=tmp_path, netrc=netrc)


@pytest.fixture
def corp(sealed, tmp_path, corp_port):
    """The index with the password; a test may change what it serves."""
    shutil.copytree(sealed.parent / "corp", tmp_path / "corp")
    with serving(tmp_path / "corp", user=USER, password=PASSWORD, port=corp_port) as index:
        yield index


@pytest.fixture
def decoy(tmp_path):
    """Another index, which both tools ask as well: it has strangers of the same names."""
    with serving(make_decoys(tmp_path / "decoy")) as index:
        yield {"PIP_EXTRA_INDEX_URL": index.url, "UV_INDEX": index.url}


def assert_ours(receiver, environment, model):
    assert installed(environment) == sealed_versions(model)
    ran = run([str(environment / "bin" / "python"), "-c", OURS], cwd=receiver.folder)
    assert ran.out == "10 answer\n", ran


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_from_a_folder_that_is_not_the_models(tool, model, receiver, corp, decoy, proven):
    """Databricks: `%pip install -r /path/of/model/requirements.txt`."""
    proven("stock MLflow", "requirements.txt from another folder, a decoy's index beside", tool)
    environment = receiver.venv("v")
    ran = receiver.install(
        tool, environment, "-r", str(model / "requirements.txt"), cwd=receiver.folder, **decoy
    )
    assert ran.code == 0, ran
    assert_ours(receiver, environment, model)


def test_as_conda_does(model, receiver, corp, decoy, proven):
    """Azure ML: conda writes the pip section beside conda.yaml and gives it to pip, there."""
    proven("stock MLflow", "conda.yaml: its pip section as conda gives it to pip", "pip")
    conda = yaml.safe_load((model / "conda.yaml").read_text())
    python_env = yaml.safe_load((model / "python_env.yaml").read_text())
    python, pip, section = conda["dependencies"]
    assert (python, pip) == (f"python={python_env['python']}", "pip")
    requirements = model / "condaenv.requirements.txt"
    requirements.write_text("\n".join(section["pip"]))
    environment = receiver.venv("v")
    ran = receiver.install(
        "pip", environment, "-U", "-r", str(requirements), "--exists-action=b", cwd=model, **decoy
    )
    assert ran.code == 0, ran
    assert_ours(receiver, environment, model)


def test_build_tools_and_requirements_at_once(model, receiver, corp, proven):
    """MLflow's `local` environment manager, which most images are made with."""
    proven("stock MLflow", "python_env.yaml in one command, as in an image", "local")
    asked = yaml.safe_load((model / "python_env.yaml").read_text())
    environment = receiver.venv("v")
    ran = receiver.install(
        "pip", environment, *asked["build_dependencies"], "-r", str(model / "requirements.txt"),
        cwd=receiver.folder,
    )  # fmt: skip
    assert ran.code == 0, ran
    assert_ours(receiver, environment, model)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_other_bytes_are_refused(tool, model, receiver, corp, decoy, proven):
    proven("stock MLflow", "other bytes under a sealed name are refused", tool)
    environment = receiver.venv("v")
    requirements = model / "requirements.txt"
    text = requirements.read_text()
    lines = {
        "own": [line for line in text.replace("\\\n", "").splitlines() if "mine" not in line],
        "private": [line for line in text.splitlines() if "mine" in line],
    }
    make_decoys(corp.folder)
    make_wheel(model / "holdfast" / "wheels", {}, name="trainer", version="1.0.0")
    for which, kept in lines.items():
        requirements.write_text("\n".join(kept))
        ran = receiver.install(
            tool, environment, "-r", str(requirements), cwd=model, **FRESH, **decoy
        )
        assert ran.code != 0, (which, ran)
        assert "hash" in (ran.out + ran.err).lower(), (which, ran)
    assert installed(environment) == {}


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_who_has_no_password_is_refused(tool, model, receiver, corp, decoy):
    receiver.netrc.write_text("machine nowhere.invalid login a password b\n")
    environment = receiver.venv("v")
    ran = receiver.install(
        tool, environment, "-r", str(model / "requirements.txt"), cwd=model, **FRESH, **decoy
    )
    assert ran.code != 0, ran
    assert "401" in ran.out + ran.err
