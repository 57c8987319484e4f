"""The receiving side without Holdfast: stock MLflow, stock pip and uv, and a model to restore."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.uv import run_uv, uv_program
from indexes import PASSWORD, USER, Index, make_wheel
from kit import EXCLUDE_NEWER, Ran, UvProject, real_python, run, seal_of, surroundings

SCRIPT = """
import mlflow
import pandas as pd
import trainer


class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return trainer.answer(model_input)


example = pd.DataFrame({"x": [1.0, 2.0]})
mlflow.pyfunc.save_model("m", python_model=Answer(), input_example=example)
"""
CODE = """
import iniconfig
import mine


def answer(rows):
    return (rows["x"] * mine.scale).to_numpy()
"""
ROWS = "x\n3\n4\n"
ANSWERS = [30.0, 40.0]


def seal_model(project: UvProject, corp: Index, target: Path, *more: str, **tables: object) -> None:
    """Train and seal a model in `project`, move it to `target`, and delete the project."""
    project.env["UV_INDEX_CORP_USERNAME"] = USER
    project.env["UV_INDEX_CORP_PASSWORD"] = PASSWORD
    project.pyproject(
        "mlflow-skinny",
        "pandas",
        "iniconfig==2.0.0",
        "mine==1.0",
        *more,
        packaged=True,
        tool_uv={
            "sources": {"mine": {"index": "corp"}, **dict(tables.pop("sources", {}))},
            "index": [{"name": "corp", "url": corp.url, "explicit": True}],
            "exclude-newer-package": {"mine": False},
        },
        **tables,
    )
    project.write("src/trainer/__init__.py", CODE)
    project.write("train.py", SCRIPT)
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    shutil.copytree(project.folder / "m", target)
    project.delete()


def make_decoys(folder: Path) -> Path:
    """Wheels of strangers, by the names and versions of what `seal_model` has."""
    for name, version in (("mine", "1.0"), ("mine", "9.0"), ("trainer", "1.0.0")):
        code = "raise SystemExit('a stranger')\n"
        make_wheel(folder, {f"{name}/__init__.py": code}, name=name, version=version)
    return folder


def sealed_versions(model: Path) -> dict[str, str]:
    """What the seal says is installed where the model was trained."""
    distributions: dict[str, dict[str, str]] = seal_of(model)["distributions"]  # type: ignore[assignment]
    return {name: one["version"] for name, one in distributions.items()}


@dataclass
class Receiver:
    """A folder of somebody who has no Holdfast, and the environment variables they have."""

    folder: Path
    netrc: Path
    python: str = field(default_factory=real_python)
    more: dict[str, str] = field(default_factory=dict)

    def env(self, environment: Path | None = None, **extra: str) -> dict[str, str]:
        first = [environment / "bin"] if environment else []
        path = [*first, Path(self.python).parent, uv_program().parent, os.environ["PATH"]]
        named = {"VIRTUAL_ENV": str(environment)} if environment else {}
        return surroundings(
            **named,
            PATH=os.pathsep.join(map(str, path)),
            NETRC=str(self.netrc),
            MLFLOW_ENV_ROOT=str(self.folder / "envs"),
            **{**self.more, **extra},
        )

    def venv(self, name: str, *packages: str) -> Path:
        """A new environment, with pip in it."""
        environment = self.folder / name
        run_uv(["venv", "--quiet", "--python", self.python, str(environment)])
        install = ["pip", "install", "--quiet", "--python", str(environment)]
        run_uv([*install, "--exclude-newer", EXCLUDE_NEWER, "pip", *packages])
        return environment

    def install(
        self, tool: str, environment: Path, *arguments: str, cwd: Path, **extra: str
    ) -> Ran:
        """Run `pip install` or `uv pip install`, as MLflow does."""
        program = ["python", "-m", "pip"] if tool == "pip" else [str(uv_program()), "pip"]
        return run([*program, "install", *arguments], cwd=cwd, env=self.env(environment, **extra))


def installed(environment: Path) -> dict[str, str]:
    """Names and versions of what is in an environment, less the tools that made it."""
    listed = run_uv(["pip", "list", "--quiet", "--format", "json", "--python", str(environment)])
    tools = {"pip", "setuptools", "wheel"}
    return {one["name"]: one["version"] for one in json.loads(listed) if one["name"] not in tools}
