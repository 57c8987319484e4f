"""Where serving is measured: the models, and an environment for each server, all made by uv.

Every peer has an environment of its own; the model's packages have the same versions in all.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.uv import run_uv

sys.path.append(str(Path(__file__).parents[1]))
from projects import EXCLUDE_NEWER, REPOSITORY, make_project, real_python, run_script, surroundings

COLUMNS = [f"x{number}" for number in range(10)]
FLAVORS = {"sklearn": "mlflow.sklearn", "lightgbm": "mlflow.lightgbm", "forest": "mlflow.sklearn"}

_MODEL_PACKAGES = ("lightgbm", "mlflow", "pandas", "scikit-learn")
_SAME = {*_MODEL_PACKAGES, "joblib", "numpy", "scipy", "skops"}
_PEERS = {
    "mlflow": _MODEL_PACKAGES,
    "bare": (*_MODEL_PACKAGES, "httptools", "msgspec", "uvicorn", "uvloop"),
    "bentoml": ("bentoml", "joblib", "lightgbm", "scikit-learn"),
    "litserve": ("joblib", "lightgbm", "litserve", "scikit-learn"),
    # MLServer 1.7's own worker process does not start on a newer uvloop.
    "mlserver": ("lightgbm", "mlserver", "mlserver-sklearn", "scikit-learn", "uvloop<0.22"),
}
_TRAIN = """
import json
import joblib, lightgbm, mlflow, numpy as np, pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(1)
X = pd.DataFrame(rng.normal(size=(2000, 10)), columns=[f"x{i}" for i in range(10)])
y = (X.x0 + X.x1 * X.x2 > 0).astype(int)
models = {
    "sklearn": make_pipeline(StandardScaler(), LogisticRegression()),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=100, verbose=-1),
    "forest": RandomForestClassifier(300, n_jobs=1),
}
asked = X.head(1000)
for name, model in models.items():
    model.fit(X, y)
    joblib.dump(model, f"{name}.joblib")
    log = mlflow.lightgbm if name == "lightgbm" else mlflow.sklearn
    as_pickle = {"serialization_format": "cloudpickle"} if name == "forest" else {}
    log.save_model(model, name, input_example=X.head(5), **as_pickle)
    answers = {"rows": asked.values.tolist(), "answers": model.predict(asked).tolist()}
    with open(f"{name}.json", "w") as file:
        json.dump(answers, file)
"""


@dataclass(frozen=True, slots=True)
class Model:
    """One model to serve.

    Attributes:
        name: A key of `FLAVORS`.
        folder: As MLflow saved and Holdfast sealed it.
        joblib: The same object as a file of joblib's, for servers that know no MLflow.
        rows: A thousand rows to ask for.
        answers: What the model says to them, one number each.
    """

    name: str
    folder: Path
    joblib: Path
    rows: list[list[float]]
    answers: list[Any]


@dataclass(frozen=True, slots=True)
class Stand:
    """A folder with all that is needed to measure."""

    folder: Path

    @property
    def home(self) -> Path:
        """Of Holdfast's, with the models' one environment in the store."""
        return self.folder / "home"

    def programs(self, environment: str) -> Path:
        """The folder of an environment's commands."""
        return self.folder / environment / "bin"

    def model(self, name: str) -> Model:
        """One of `FLAVORS`, and what it has to answer."""
        project = self.folder / "project"
        asked = json.loads((project / f"{name}.json").read_text(encoding="utf-8"))
        return Model(
            name, project / name, project / f"{name}.joblib", asked["rows"], asked["answers"]
        )


def make_stand(folder: Path, environments: set[str], *, extra: str = "serve") -> Stand:
    """Make what is not there yet of a stand in `folder`; Holdfast's own part is always made anew.

    Args:
        folder: Kept from earlier runs, or new.
        environments: Which of the servers' are needed.
        extra: Of Holdfast's: what is measured.
    """
    stand = Stand(folder)
    project = folder / "project"
    if not (project / "forest.json").exists():
        shutil.rmtree(project, ignore_errors=True)
        python = make_project(project, _MODEL_PACKAGES, with_holdfast=True)
        run_script(python, _TRAIN, cwd=project, HOLDFAST_HOME=str(stand.home))
    installed = run_uv(["pip", "freeze", "--python", str(project / ".venv")]).splitlines()
    same = [line for line in installed if line.partition("==")[0] in _SAME]
    for name in sorted(environments & _PEERS.keys()):
        _environment(folder / name, [*_PEERS[name], *_wanted(name, same)])
    _holdfast(stand, extra)
    return stand


def _wanted(name: str, same: list[str]) -> list[str]:
    """What has to have the project's version: what the peer knows of it."""
    if name in {"mlflow", "bare"}:
        return same
    return [line for line in same if line.partition("==")[0] not in {"mlflow", "pandas", "skops"}]


def _environment(folder: Path, packages: list[str]) -> None:
    done = folder / "packages.txt"
    if done.exists() and done.read_text(encoding="utf-8").splitlines() == packages:
        return
    run_uv(["venv", "--quiet", "--clear", "--python", real_python(), str(folder)])
    newest = ["--exclude-newer", EXCLUDE_NEWER]
    run_uv(["pip", "install", "--quiet", *newest, "--python", str(folder), *packages])
    done.write_text("\n".join(packages), encoding="utf-8")


def _holdfast(stand: Stand, extra: str) -> None:
    """Holdfast as this checkout has it, in an environment of its own; the models' in its store."""
    wheels, folder = stand.folder / "wheel", stand.folder / "holdfast"
    shutil.rmtree(wheels, ignore_errors=True)
    run_uv(["build", "--wheel", "--quiet", "--out-dir", str(wheels), str(REPOSITORY)])
    wheel = next(wheels.glob("*.whl"))
    if not folder.exists():
        run_uv(["venv", "--quiet", "--python", real_python(), str(folder)])
    fresh = ["--reinstall-package", "holdfast", "--exclude-newer", EXCLUDE_NEWER]
    named = f"holdfast[{extra}] @ {wheel.as_uri()}"
    run_uv(["pip", "install", "--quiet", *fresh, "--python", str(folder), named])
    for name in FLAVORS:
        subprocess.run(
            [stand.programs("holdfast") / "holdfast", "restore", "-q", stand.model(name).folder],
            env=surroundings(HOLDFAST_HOME=str(stand.home)),
            check=True,
            stdout=subprocess.DEVNULL,
        )
