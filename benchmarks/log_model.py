"""What sealing adds to `mlflow.sklearn.log_model`, beside MLflow's own two ways.

    uv run python benchmarks/log_model.py [ROUNDS]

All four run in turn in one process of one project of some 170 packages:

    bare       pip_requirements given: nothing is inferred, the floor
    holdfast   sealed
    uv export  MLflow's uv support (from the project's root; no hashes, no lock)
    capture    MLflow's inference: a process that loads the model

Without an input example, so that golden predictions stay apart; the model is small, so its hashing
is too.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

from projects import NOTEBOOK, make_project, run_script

MEASURE = """
import json, logging, os, sys, time, warnings
warnings.simplefilter("ignore")
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

logging.getLogger("mlflow").setLevel(logging.ERROR)
model = LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
WAYS = {
    "bare": {"HOLDFAST_OFF": "1"},
    "holdfast": {"HOLDFAST_OFF": "0"},
    "uv export": {"HOLDFAST_OFF": "1", "MLFLOW_UV_AUTO_DETECT": "true"},
    "capture": {"HOLDFAST_OFF": "1", "MLFLOW_UV_AUTO_DETECT": "false"},
}
times = {way: [] for way in WAYS}
with mlflow.start_run():
    for number in range(int(os.environ["ROUNDS"]) + 1):
        for way, settings in WAYS.items():
            os.environ.update(settings)
            more = {"pip_requirements": ["scikit-learn"]} if way == "bare" else {}
            start = time.perf_counter()
            mlflow.sklearn.log_model(
                model, name=f"{way.split()[0]}{number}", serialization_format="cloudpickle", **more
            )
            if number:  # the first round warms up: imports, uv's cache
                times[way].append(time.perf_counter() - start)
print(json.dumps(times))
"""


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "project")
        python = make_project(folder, NOTEBOOK, with_holdfast=True)
        store = f"sqlite:///{scratch}/mlflow.db"
        home = str(Path(scratch, "home"))
        out = run_script(
            python,
            MEASURE,
            cwd=folder,
            ROUNDS=str(rounds),
            MLFLOW_TRACKING_URI=store,
            HOLDFAST_HOME=home,
        )
    times = {way: median(seconds) for way, seconds in json.loads(out.splitlines()[-1]).items()}
    bare = times["bare"]
    print(f"log_model, {rounds} rounds in turn, medians")
    print(f"{'':<10} {'seconds':>8} {'added':>8} {'ratio to holdfast':>18}")
    for way, seconds in times.items():
        ratio = seconds / times["holdfast"]
        print(f"{way:<10} {seconds:8.3f} {seconds - bare:8.3f} {ratio:18.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
