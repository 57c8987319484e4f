"""PEERS 16: a project has far more than its model needs; --slim restores what is proven enough."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kit import seal_of

# `iniconfig` and `sortedcontainers` are what the project needs for something else.
OWN = """
import importlib
import random
import sys

import mlflow


class Answer(mlflow.pyfunc.PythonModel):
    kind = "lazy"

    def predict(self, context, model_input, params=None):
        if self.kind == "random":
            return [random.random() for _ in model_input["x"]]
        if self.kind == "unseen":
            importlib.import_module("iniconfig")
            for name in [name for name in sys.modules if name.startswith("iniconfig")]:
                del sys.modules[name]
        if (model_input["x"] > 3).any():
            import iniconfig
        return (model_input["x"] * 2).to_numpy()
"""
TRAIN = """
import os

import mlflow
import pandas as pd
from trainer import Answer

example = pd.DataFrame({"x": [1.0, 2.0]})


def save(name, kind, example=example):
    model = Answer()
    model.kind = kind
    mlflow.pyfunc.save_model(name, python_model=model, input_example=example)


save("lazy", "lazy")
save("unseen", "unseen")
save("random", "random")
save("unproven", "lazy", None)
os.environ["HOLDFAST_SLIM_INCLUDE"] = "iniconfig"
save("wished", "lazy")
"""
NAMES = ("lazy", "unseen", "random", "unproven", "wished")


@pytest.fixture(scope="module")
def models(new_project_in, tmp_path_factory, shared):
    """Models of a project that needs more than they do, by name."""
    folder = tmp_path_factory.mktemp("slim")
    project = new_project_in(folder)
    project.environment = shared / "venv-small"
    extra = ("iniconfig", "sortedcontainers")
    project.pyproject("mlflow-skinny", "pandas", *extra, packaged=True)
    project.write("src/trainer/__init__.py", OWN)
    project.write("train.py", TRAIN)
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    found = {
        name: Path(shutil.move(project.folder / name, folder / f"{name}-model")) for name in NAMES
    }
    project.delete()
    assert {seal_of(model)["grade"] for model in found.values()} == {"locked"}
    return found


def slim_of(holdfast, *arguments):
    """What `restore --slim --json` says of the environment, and of what went on."""
    ran = holdfast("restore", "--slim", "--json", "-v", *arguments)
    assert ran.code == 0, ran
    found = json.loads(ran.out)
    return found["slim"], found["key"], ran.err


def test_slim_has_what_is_proven_enough_and_no_more(models, holdfast, rows):
    model = models["lazy"]
    slim, key, said = slim_of(holdfast, model)
    # The project's own package stays, and does not bring along all that the project needs.
    assert {"iniconfig", "sortedcontainers"} <= set(slim["left_out"])
    assert not {"trainer", "pandas", "mlflow-skinny"} & set(slim["left_out"])
    assert slim["packages"] == slim["whole_packages"] - len(slim["left_out"])
    assert 0 < slim["bytes"] < slim["whole_bytes"]
    assert f"slim: {slim['packages']} of {slim['whole_packages']} packages" in said

    # A second time nothing is looked for, and nothing fetched.
    again, same, said = slim_of(holdfast, model, "--offline")
    assert (again, same) == (slim, key)
    assert "seeing what the model loads" not in said

    # A finding that was tampered with is not used.
    (finding,) = (
        path for path in (holdfast.home / "slim").glob("*.json") if key in path.read_text()
    )
    told = json.loads(finding.read_text())
    finding.write_text(json.dumps({**told, "names": [n for n in told["names"] if n != "pandas"]}))
    again, same, said = slim_of(holdfast, model)
    assert (again, same) == (slim, key)
    assert "seeing what the model loads" in said

    receipt = holdfast.receipt(model, "--slim")
    assert receipt["matches"], receipt
    assert receipt["slim"] == slim
    assert receipt["environment"] == key
    (packages,) = (check for check in receipt["checks"] if check["name"] == "packages")
    assert "slim" in packages["summary"]
    assert f"{len(slim['left_out'])} of {slim['whole_packages']}" in packages["details"][0]

    ran = holdfast("run", "--slim", model, "python", "-c", "import pandas, iniconfig")
    assert ran.code == 1, ran
    assert "No module named 'iniconfig'" in ran.err
    listed = json.loads(holdfast("env", "list", "--json").out)
    assert {one["key"]: one["slim"] for one in listed}[key]


@pytest.mark.slow
def test_what_the_golden_predictions_do_not_reach_is_named_by_slim_include(models, holdfast, rows):
    # Row 4 takes a branch that no golden prediction took: the limit that the docs speak of.
    ran = holdfast("predict", models["lazy"], "-i", rows, "--slim")
    assert ran.code == 3, ran
    assert "No module named 'iniconfig'" in ran.err
    assert "--slim-include iniconfig" in ran.err
    include = ("--slim", "--slim-include", "iniconfig")
    ran = holdfast("predict", models["lazy"], "-i", rows, *include)
    assert (ran.code, ran.out.split()) == (0, ["prediction", "6", "8"]), ran
    said = {"HOLDFAST_SLIM": "1", "HOLDFAST_SLIM_INCLUDE": "iniconfig,IniConfig"}
    ran = holdfast("predict", "-v", models["lazy"], "-i", rows, **said)
    assert (ran.code, ran.out.split()) == (0, ["prediction", "6", "8"]), ran
    assert "seeing what the model loads" not in ran.err
    # Said at log time, it is sealed.
    assert seal_of(models["wished"])["project"]["slim_include"] == ["iniconfig"]
    slim, _, _ = slim_of(holdfast, models["wished"])
    assert "sortedcontainers" in slim["left_out"]
    assert slim["included"] == ["iniconfig"]


def test_where_nothing_proves_it_slim_is_refused(models, holdfast):
    ran = holdfast("restore", "--slim", models["unseen"])
    assert ran.code == 3, ran
    assert "lacks the module iniconfig, of the package iniconfig, which" in ran.err
    assert "--slim-include iniconfig" in ran.err
    slim, _, _ = slim_of(holdfast, "--slim-include", "Iniconfig", models["unseen"])
    assert slim["left_out"]

    refused = {
        ("unproven", "--slim"): (2, "no golden predictions", "input_example"),
        ("random", "--slim"): (2, "no repeatable golden predictions", "leave --slim"),
        ("lazy", "--slim", "--slim-include", "nowhere"): (2, "does not have here: nowhere", "show"),
        ("lazy", "--slim-include", "pandas"): (2, "needs --slim", ""),
        ("lazy", "--slim", "--slim-include", "a b"): (2, "no name of a package", ""),
    }
    for (name, *options), (code, message, hint) in refused.items():
        ran = holdfast("restore", models[name], *options)
        assert ran.code == code, ran
        assert message in ran.err, ran
        assert hint in ran.err, ran
        assert ran.out == ""


LIBRARY = """
[project]
name = "{name}"
version = "1"
dependencies = [{needs}]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.uv.sources]
big-a = {{ path = "../big_a" }}
big-b = {{ path = "../big_b" }}
"""
PERHAPS = """
import mlflow
import pandas as pd


class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        factor = 2
        try:
            import big_a
        except ImportError:
            pass
        try:
            from big_b import factor
        except ImportError:
            pass
        return (model_input["x"] * factor).to_numpy()


mlflow.pyfunc.save_model(
    "perhaps", python_model=Answer(), input_example=pd.DataFrame({"x": [1.0, 2.0]})
)
"""


@pytest.mark.slow  # builds wheels of tens of megabytes
def test_what_was_only_there_goes_and_what_makes_a_difference_stays(
    new_project, holdfast, moved_all
):
    project = new_project(own=True)
    libraries = {"carrier": ("", 0), "big_a": ("factor = 7", 40), "big_b": ("factor = 3", 30)}
    for name, (code, megabytes) in libraries.items():
        needs = '"big-a", "big-b"' if name == "carrier" else ""
        project.write(f"libs/{name}/pyproject.toml", LIBRARY.format(name=name, needs=needs))
        project.write(f"libs/{name}/{name}/__init__.py", code)
        project.write(f"libs/{name}/{name}/data", " " * megabytes * 1_000_000)
    sources = {"carrier": {"path": "libs/carrier"}}
    project.pyproject("mlflow-skinny", "pandas", "carrier", tool_uv={"sources": sources})
    project.write("train.py", PERHAPS)
    project.sync()
    ran = project.train("train.py", MLFLOW_TRACKING_URI=(project.folder.parent / "runs").as_uri())
    assert ran.code == 0, ran
    (model,) = moved_all(project, "perhaps")
    slim, _, said = slim_of(holdfast, model)
    assert "without big-a, big-b" in said
    assert slim["unused"] == ["big-a"]
    assert {"big-a", "carrier"} <= set(slim["left_out"])
    assert "big-b" not in slim["left_out"]
    assert holdfast.receipt(model, "--slim")["matches"]
