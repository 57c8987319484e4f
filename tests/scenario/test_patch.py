"""`holdfast patch`: other versions in a model's lock, and what its golden predictions say."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

import advisories
from kit import Holdfast, made_once

# What it answers depends on one package's version, and it does without another's newer one.
MODEL = """
from importlib.metadata import version

import mlflow


class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if not version("iniconfig").startswith("2.0."):
            raise ValueError("iniconfig is too new for this model")
        return (model_input["x"] * float(version("six").split(".")[1])).to_numpy()
"""
TRAIN = """
import mlflow
import pandas as pd
from trainer import Answer

mlflow.pyfunc.save_model(
    "../model", python_model=Answer(), input_example=pd.DataFrame({"x": [1.0, 2.0]})
)
"""
ASKED = ("six<1.17", "iniconfig<2.1", "sortedcontainers<2.4", "toml<0.10.2", "idna<3.7")


@pytest.fixture(scope="module")
def sealed(new_project_in, tmp_path_factory):
    """A folder with a sealed model, the project that it came from, and a store."""

    def make(folder: Path) -> None:
        project = new_project_in(folder, own=True)
        project.pyproject("mlflow-skinny", "pandas", *ASKED, packaged=True)
        project.write("src/trainer/__init__.py", MODEL)
        project.write("train.py", TRAIN)
        project.sync()
        ran = project.train("train.py")
        assert ran.code == 0, ran
        shutil.rmtree(project.environment)

    return made_once(tmp_path_factory.getbasetemp(), "patched", make)


@pytest.fixture
def project(sealed, tmp_path):
    return shutil.copytree(sealed / "project", tmp_path / "project")


@pytest.fixture
def command(sealed, tmp_path):
    return Holdfast(sealed / "home", tmp_path)


def versions(project: Path) -> dict[str, str]:
    """What the project's lock has of what it asks for."""
    lines = (project / "uv.lock").read_text().splitlines()
    pairs = pairwise(lines)
    return {
        one.split('"')[1]: other.split('"')[1]
        for one, other in pairs
        if one.startswith("name = ") and other.startswith("version = ")
    }


def test_each_version_is_tried_and_all_that_are_safe_together(sealed, project, command):
    before = {path: path.read_bytes() for path in (sealed / "model").rglob("*") if path.is_file()}
    wanted = ("sortedcontainers==2.4.0", "toml==0.10.2", "six==1.17.0", "iniconfig==2.1.0",
              "toml==9.9.9")  # fmt: skip
    ran = command("patch", sealed / "model", "--json", *(x for w in wanted for x in ("--to", w)))
    assert ran.code == 1, ran
    said = json.loads(ran.out)
    verdicts = {one["wanted"][0]["name"] + "==" + one["wanted"][0]["version"]: one
                for one in said["attempts"]}  # fmt: skip
    assert {name: one["verdict"] for name, one in verdicts.items()} == {
        "sortedcontainers==2.4.0": "identical",
        "toml==0.10.2": "identical",
        "six==1.17.0": "differs",
        "iniconfig==2.1.0": "breaks",
        "toml==9.9.9": "breaks",
    }
    assert verdicts["six==1.17.0"]["largest"] == 2.0
    assert "iniconfig is too new for this model" in verdicts["iniconfig==2.1.0"]["reason"]
    assert "no version of toml==9.9.9" in verdicts["toml==9.9.9"]["reason"]
    # The smallest change: that package, and nothing else.
    assert verdicts["six==1.17.0"]["changes"] == [
        {"name": "six", "before": "1.16.0", "after": "1.17.0"}
    ]
    assert said["safe"] == ["sortedcontainers==2.4.0", "toml==0.10.2"]
    assert said["together"]["verdict"] == "identical"
    assert len(said["together"]["changes"]) == 2
    # Neither the model nor any environment of its own is changed.
    after = {path: path.read_bytes() for path in (sealed / "model").rglob("*") if path.is_file()}
    assert after == before
    assert command.receipt(sealed / "model")["matches"]


def test_what_an_audit_finds_is_mended(sealed, project, command):
    with advisories.serving() as service:
        ran = command("patch", sealed / "model", "--service", service.url, "--json")
        assert ran.code == 0, ran
        (attempt,) = json.loads(ran.out)["attempts"]
        assert attempt["wanted"] == [
            {"name": "idna", "version": "3.7", "why": "GHSA-jjg7-2v4v-x38h"}
        ]
        assert attempt["verdict"] == "identical"
        assert attempt["changes"] == [{"name": "idna", "before": "3.6", "after": "3.7"}]
        told = command("patch", sealed / "model", "--service", service.url).out
        assert "idna==3.7 (GHSA-jjg7-2v4v-x38h)  safe: identical" in told


def test_what_is_safe_is_applied_to_the_projects_lock_alone(sealed, project, command):
    before = versions(project)
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("toml<0.10.2", "toml"))
    subprocess.run(["uv", "lock", "--quiet"], cwd=project, check=True)  # noqa: S607
    text = pyproject.read_text()
    wanted = ("--to", "toml==0.10.2", "--project", project, "--apply")
    # The project asks for something else than it did: another lock than the sealed one.
    refused = command("patch", sealed / "model", *wanted)
    assert refused.code == 2, refused
    assert "is not the lock" in refused.err
    ran = command("patch", sealed / "model", *wanted, "--force")
    assert ran.code == 0, ran
    assert versions(project) == {**before, "toml": "0.10.2"}
    assert pyproject.read_text() == text


def test_what_the_project_forbids_is_said_and_its_lock_stays(sealed, project, command):
    before = (project / "uv.lock").read_bytes()
    wanted = ("--to", "toml==0.10.2", "--project", project, "--apply")
    ran = command("patch", sealed / "model", *wanted)
    assert ran.code == 3, ran
    assert "toml" in ran.err
    assert (project / "uv.lock").read_bytes() == before


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("six", "is not like jinja2==3.1.6"),
        ("six>=1", "is not like jinja2==3.1.6"),
        ("nothing-of-the-kind==1", "no package of an index called nothing-of-the-kind"),
        ("trainer==2.0.0", "no package of an index called trainer"),
    ],
)
def test_what_cannot_be_tried_is_said(sealed, command, wanted, said):
    ran = command("patch", sealed / "model", "--to", wanted)
    assert ran.code == 2
    assert said in ran.err
