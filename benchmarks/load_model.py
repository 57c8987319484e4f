"""What comparing environments adds to `mlflow.pyfunc.load_model`: ours, and MLflow's own.

    uv run python benchmarks/load_model.py [ROUNDS]

A model of a project of some 170 packages is loaded where all of them are as they were sealed, the
first thing that a fresh process does after its imports:

    none       suppress_warnings=True: nothing is compared, the floor
    holdfast   the sealed model
    mlflow     the same model without its seal, with a pin of every package as MLflow writes them
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from projects import NOTEBOOK, make_project, run_script

LOG = """
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
model = LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
mlflow.sklearn.save_model(model, "sealed", serialization_format="cloudpickle")
"""
LOAD = """
import os, time
import mlflow.pyfunc, sklearn.linear_model
way = os.environ["WAY"]
start = time.perf_counter()
mlflow.pyfunc.load_model(
    "unsealed" if way == "mlflow" else "sealed", suppress_warnings=way == "none"
)
print(time.perf_counter() - start)
"""


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "project")
        python = make_project(folder, NOTEBOOK, with_holdfast=True)
        run_script(python, LOG, cwd=folder, HOLDFAST_HOME=f"{scratch}/home")
        packages = unseal(folder)
        times: dict[str, list[float]] = {"none": [], "holdfast": [], "mlflow": []}
        for number in range(rounds + 1):
            for way, seconds in times.items():
                out = run_script(python, LOAD, cwd=folder, WAY=way)
                if number:  # the first round writes bytecode
                    seconds.append(float(out.splitlines()[-1]))
    print(f"load_model, {packages} packages, {rounds} rounds in turn, medians")
    print(f"{'':<10} {'ms':>6} {'added':>6}")
    floor = median(times["none"])
    for way, seconds in times.items():
        print(f"{way:<10} {median(seconds) * 1e3:6.0f} {(median(seconds) - floor) * 1e3:6.0f}")


def unseal(folder: Path) -> int:
    """Make "unsealed" of "sealed"; how many packages it pins."""
    seal = json.loads((folder / "sealed" / "holdfast" / "seal.json").read_text())
    shutil.copytree(folder / "sealed", folder / "unsealed")
    shutil.rmtree(folder / "unsealed" / "holdfast")
    pins = [f"{name}=={one['version']}\n" for name, one in seal["distributions"].items()]
    (folder / "unsealed" / "requirements.txt").write_text("".join(pins))
    return len(pins)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
