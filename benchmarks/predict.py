"""One call of `holdfast predict` on a warm store, beside the limit and MLflow's own command.

    uv run python benchmarks/predict.py [ROUNDS]

    plain      Python in the project's environment: import, load, read the CSV, predict (the limit)
    holdfast   holdfast predict MODEL -i rows.csv
    mlflow     mlflow models predict --env-manager uv

In turn, whole processes, on one LightGBM model and 1,000 rows. MLflow builds its environment in
each call; its second and later calls are timed, as are everybody's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from projects import SCRIPT, make_project, run_script, surroundings

TRAIN = """
import mlflow, lightgbm
from sklearn.datasets import load_breast_cancer
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X.columns = [name.replace(" ", "_") for name in X.columns]
model = lightgbm.LGBMClassifier(verbose=-1).fit(X, y)
mlflow.lightgbm.save_model(model, "model", input_example=X.head(20))
X.sample(1000, replace=True, random_state=1).to_csv("rows.csv", index=False)
"""
PLAIN = """
import sys
import mlflow.pyfunc, pandas
model = mlflow.pyfunc.load_model("model")
pandas.Series(model.predict(pandas.read_csv("rows.csv"))).to_csv(sys.stdout)
"""


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "project")
        python = make_project(folder, SCRIPT, with_holdfast=True)
        env = surroundings(
            HOLDFAST_HOME=str(Path(scratch, "home")),
            MLFLOW_TRACKING_URI=f"sqlite:///{scratch}/mlflow.db",
            VIRTUAL_ENV=str(folder / ".venv"),
        )
        run_script(python, TRAIN, cwd=folder, HOLDFAST_HOME=env["HOLDFAST_HOME"])
        (folder / "plain.py").write_text(PLAIN, encoding="utf-8")
        programs = python.parent
        mlflow = [str(programs / "mlflow"), "models", "predict", "-m", "model", "-t", "csv"]
        ways = {
            "plain": [str(python), "plain.py"],
            "holdfast": [str(programs / "holdfast"), "predict", "model", "-i", "rows.csv"],
            "mlflow": [*mlflow, "-i", "rows.csv", "--env-manager", "uv"],
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds + 1):
            for way, command in ways.items():
                start = time.perf_counter()
                done = subprocess.run(
                    command, cwd=folder, env=env, capture_output=True, text=True, check=False
                )
                if done.returncode != 0:
                    print(f"{way} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                elif number:  # the first round builds environments and bytecode
                    times[way].append(time.perf_counter() - start)
    print(f"predict 1,000 rows, {rounds} rounds in turn, medians")
    limit = median(times["plain"])
    for way, seconds in times.items():
        if seconds:
            print(f"{way:<10} {median(seconds):7.2f} s {median(seconds) / limit:6.2f} x plain")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
