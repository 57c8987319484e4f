"""Where images are measured: sealed models, a base, and Holdfast in an environment of its own.

Three models stand in one project: the first; the same trained again, so that only the model is
another; and one with another version of one small package.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from holdfast.uv import run_uv

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "tests")]
from bases import make_quick_base
from projects import EXCLUDE_NEWER, REPOSITORY, make_project, real_python, run_script, surroundings

# PEERS' small one, and what a training script needs beside: more packages, and much larger ones.
PROJECTS = {
    "sklearn": ("mlflow-skinny", "pandas", "scikit-learn", "skops"),
    "larger": ("lightgbm", "matplotlib", "mlflow", "pandas", "scikit-learn", "xgboost-cpu"),
}
CHANGES = ("first", "model", "package")
_BUMPED = "threadpoolctl==3.5.0"
_TRAIN = """
import sys
import mlflow, numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

seed, folder = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(seed)
X = pd.DataFrame(rng.normal(size=(2000, 10)), columns=[f"x{i}" for i in range(10)])
y = (X.x0 + X.x1 * X.x2 > 0).astype(int)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
mlflow.sklearn.save_model(model, folder, input_example=X.head(5))
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """A folder with all that is needed to measure one project's images."""

    folder: Path
    project: str

    def model(self, change: str) -> Path:
        """The sealed model of one of `CHANGES`."""
        return self.folder / self.project / change

    @property
    def root_files(self) -> Path:
        """The base's files, as one plain tar."""
        return self.folder / "base.tar"

    @property
    def base(self) -> Path:
        """The base as an OCI layout, as a registry would hand it out."""
        return self.folder / "base"

    @property
    def holdfast(self) -> Path:
        """The program."""
        return self.folder / "holdfast" / "bin" / "holdfast"

    @property
    def wheel(self) -> Path:
        """Of this checkout."""
        return next((self.folder / "wheel").glob("*.whl"))

    @property
    def python(self) -> str:
        """Where the base has its Python."""
        return f"/usr/local/bin/python{minor()}"


def minor() -> str:
    """This Python's, "3.11"."""
    return ".".join(map(str, sys.version_info[:2]))


def make_stand(folder: Path, project: str) -> Stand:
    """Make what is not there yet; Holdfast's own environment is always made anew."""
    stand = Stand(folder, project)
    folder.mkdir(parents=True, exist_ok=True)
    if not stand.root_files.exists():
        make_quick_base(stand.root_files)
    if not stand.model("package").exists():
        shutil.rmtree(folder / project, ignore_errors=True)
        _train(stand)
    shutil.rmtree(folder / "wheel", ignore_errors=True)
    run_uv(["build", "--wheel", "-q", "--out-dir", str(folder / "wheel"), str(REPOSITORY)])
    run_uv(["venv", "-q", "--clear", "--python", real_python(), str(folder / "holdfast")])
    named = f"holdfast[image] @ {stand.wheel.as_uri()}"
    newest = ["--exclude-newer", EXCLUDE_NEWER]
    run_uv(["pip", "install", "-q", *newest, "--python", str(folder / "holdfast"), named])
    return stand


def _train(stand: Stand) -> None:
    """The first model, the same trained anew, and the same with one package of another version."""
    folder = stand.folder / stand.project
    python = make_project(folder, PROJECTS[stand.project], with_holdfast=True)
    run_script(python, _TRAIN.replace("sys.argv", repr(["", "1", "first"])), cwd=folder)
    run_script(python, _TRAIN.replace("sys.argv", repr(["", "2", "model"])), cwd=folder)
    run_uv(["add", "-q", "--python", str(python), _BUMPED], cwd=folder)
    run_script(python, _TRAIN.replace("sys.argv", repr(["", "1", "package"])), cwd=folder)


def packages(stand: Stand) -> int:
    """How many packages the first model's environment has: those that its Python installed."""
    python = stand.folder / stand.project / ".venv"
    listed = run_uv(["pip", "list", "-q", "--format", "json", "--python", str(python)])
    return len(json.loads(listed))


def wheels_of(home: Path) -> list[Path]:
    """What Holdfast has fetched."""
    return sorted(home.glob("store/wheels/*/*.whl"))


def run(command: list[str], *, cwd: Path, **extra: str) -> str:
    """What a command printed; it has to succeed."""
    done = subprocess.run(
        command, cwd=cwd, env=surroundings(**extra), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{_short(done.stdout)}\n{_short(done.stderr)}")
    return done.stdout


def _short(text: str) -> str:
    return re.sub(r"\n{2,}", "\n", text)[-4000:]
