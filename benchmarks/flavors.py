"""`log_model` of each light flavor, sealed and not, in turn in one process.

    uv run python benchmarks/flavors.py [ROUNDS]

Not sealed (`HOLDFAST_OFF=1`) is MLflow as it comes, at its best: started from the project's root
with uv on PATH, where its own uv support exports the lock and infers nothing. Once without an input
example, once with one: then both check it, and Holdfast keeps golden predictions. CPU is that of
the process and of those it starts.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from projects import make_project, run_script

NEEDS = (
    "catboost",
    "lightgbm",
    "mlflow",
    "onnx",
    "onnxruntime",
    "scikit-learn",
    "statsmodels",
    "xgboost-cpu",
)

MEASURE = """
import json, logging, os, time, warnings
warnings.simplefilter("ignore")
import catboost, lightgbm, mlflow, numpy as np, onnx, statsmodels.api, xgboost
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

logging.disable(logging.WARNING)
X, y = load_diabetes(return_X_y=True, as_frame=True)
single = X.astype("float32")


class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["bmi"] * 2


def network():
    weights = numpy_helper.from_array(np.ones((10, 1), dtype="float32"), "w")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        for name, width in (("x", 10), ("y", 1))
    ]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "line", ends[:1], ends[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


cat = catboost.CatBoostRegressor(iterations=5, verbose=False, allow_writing_files=False).fit(X, y)
light = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(X, y), 5)
flavors = {
    "catboost": (mlflow.catboost, cat, {}),
    "lightgbm": (mlflow.lightgbm, light, {}),
    "onnx": (mlflow.onnx, network(), {}),
    "pyfunc": (mlflow.pyfunc, None, {"python_model": Doubled()}),
    "sklearn": (mlflow.sklearn, Ridge().fit(X, y), {"serialization_format": "cloudpickle"}),
    "statsmodels": (mlflow.statsmodels, statsmodels.api.OLS(y, X).fit(), {}),
    "xgboost": (mlflow.xgboost, xgboost.XGBRegressor(n_estimators=5).fit(X, y), {}),
}


def used():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def log(flavor, example):
    module, model, more = flavors[flavor]
    if example:
        rows = single.head(3).to_numpy() if flavor == "onnx" else X.head(3)
        more = {**more, "input_example": rows}
    start, before = time.perf_counter(), used()
    module.log_model(*([] if model is None else [model]), name=flavor, **more)
    return time.perf_counter() - start, used() - before


found = []
if "FIRST" in os.environ:  # what a script that logs one model waits for
    with mlflow.start_run():
        print(json.dumps(log(os.environ["FIRST"], example=True)))
    raise SystemExit
with mlflow.start_run():
    for example in (False, True):
        for flavor in flavors:
            times = {"0": [], "1": []}
            for number in range(int(os.environ["ROUNDS"]) + 1):
                for off in ("01" if number % 2 else "10"):
                    os.environ["HOLDFAST_OFF"] = off
                    took = log(flavor, example)
                    if number:  # the first round warms up
                        times[off].append(took)
            found.append((flavor, example, times["1"], times["0"]))
print(json.dumps(found))
"""


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "project")
        python = make_project(folder, NEEDS, with_holdfast=True)

        def measure(**env: str) -> Any:
            store, home = f"sqlite:///{scratch}/mlflow.db", str(Path(scratch, "home"))
            env |= {"MLFLOW_TRACKING_URI": store, "HOLDFAST_HOME": home}
            return json.loads(run_script(python, MEASURE, cwd=folder, **env).splitlines()[-1])

        print(f"log_model, {rounds} rounds in turn, medians")
        print(
            f"{'':<12} {'example':<7} {'stock s':>8} {'sealed s':>8} {'ratio':>6} {'CPU ratio':>9}"
        )
        for flavor, example, stock, sealed in measure(ROUNDS=str(rounds)):
            show(flavor, "yes" if example else "no", stock, sealed)
        print("the first of a process:")
        for flavor in ("pyfunc", "sklearn"):
            times: dict[str, list[Any]] = {"1": [], "0": []}
            for _ in range(rounds):
                for off, found in times.items():
                    found.append(measure(FIRST=flavor, HOLDFAST_OFF=off))
            show(flavor, "yes", times["1"], times["0"])


def show(flavor: str, example: str, stock: list[Any], sealed: list[Any]) -> None:
    wall, cpu = (median(one) for one in zip(*stock, strict=True))
    our_wall, our_cpu = (median(one) for one in zip(*sealed, strict=True))
    print(
        f"{flavor:<12} {example:<7} {wall:8.3f} {our_wall:8.3f}"
        f" {our_wall / wall:6.2f} {our_cpu / cpu:9.2f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
