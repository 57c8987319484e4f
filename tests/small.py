"""A small sealed model, logged for real once a run, for tests that need any model at all.

Its environment is small too (MLflow's skinny edition and pandas), and stands with a uv cache of its
own, so that a test may spoil both.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from holdfast.seal.digest import digest_bytes, digest_folder
from holdfast.seal.seal import Seal
from holdfast.seal.store import read_seal, write_seal
from kit import Holdfast, UvProject

MODEL = '''
import mlflow


class Scaled(mlflow.pyfunc.PythonModel):
    """The weights, scaled by how many there are and by a parameter."""

    def predict(self, context, model_input, params=None):
        factor = (params or {}).get("factor", 1.0)
        return model_input["weight"] * model_input["count"] * factor
'''

TRAIN = """
import sys

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from small.model import Scaled

example = pd.DataFrame(
    {"name": ["a", "b"], "weight": [0.1, 2.5], "count": pd.Series([1, 3], dtype="int64")}
)
columns = {"name": "string", "weight": "double", "count": "long"}
mlflow.pyfunc.save_model(
    sys.argv[1],
    python_model=Scaled(),
    input_example=(example, {"factor": 1.0}),
    # Written out: MLflow would need SciPy to infer it.
    signature=ModelSignature(
        inputs=Schema([ColSpec(kind, name) for name, kind in columns.items()]),
        outputs=Schema([ColSpec("double")]),
        params=ParamSchema([ParamSpec("factor", "double", 1.0)]),
    ),
)
"""

ROWS = "name,weight,count\na,0.1,1\nb,2.5,3\nc,1e300,2\n"
ANSWERS = ["0.1", "7.5", "2e+300"]


@dataclass(frozen=True)
class Small:
    """The model as it was sealed, never to be changed, and what it takes to use it."""

    model: Path
    home: Path
    cache: Path

    def holdfast(self, folder: Path, **env: str) -> Holdfast:
        """The command line, with the store in which the model's environment is already."""
        return Holdfast(home=self.home, folder=folder, env={**self._env(), **env})

    def spoilable(self, folder: Path, **env: str) -> Holdfast:
        """The command line, with a store whose files no other one shares."""
        env = {**self._env(), "UV_LINK_MODE": "copy", **env}
        return Holdfast(home=folder / "home", folder=folder, env=env)

    def _env(self) -> dict[str, str]:
        return {"UV_CACHE_DIR": str(self.cache), "UV_HTTP_RETRIES": "0"}

    def copy(self, target: Path) -> Path:
        """A copy that may be changed."""
        return Path(shutil.copytree(self.model, target))


def make_small(project: UvProject, folder: Path) -> Small:
    """Log the model with `project`, in `folder`, and restore its environment."""
    small = Small(model=folder / "model", home=folder / "home", cache=folder / "uv-cache")
    project.pyproject("mlflow-skinny", "pandas", packaged=True, project={"name": "small"})
    project.write("src/small/__init__.py", "")
    project.write("src/small/model.py", MODEL)
    project.write("train.py", TRAIN)
    project.sync()
    ran = project.train("train.py", small.model)
    assert ran.code == 0, ran
    project.delete()
    ran = small.holdfast(folder)("restore", small.model)
    assert ran.code == 0, ran
    return small


def reseal(model: Path, **changes: Any) -> Seal:
    """Make the seal fit a folder that was changed: what somebody does who wants to be believed."""
    seal, _ = read_seal(model)
    lock = digest_bytes((model / "pylock.toml").read_bytes())
    sealed = replace(seal, files=digest_folder(model), lock=lock, **changes)
    write_seal(model, sealed)
    return sealed


def edit_seal(model: Path, **changes: Any) -> None:
    """Write other values into the seal's JSON, whatever they are."""
    path = model / "holdfast" / "seal.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
