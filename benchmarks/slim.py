"""What `--slim` saves on a common notebook-style project, and what finding it out takes.

    uv run python benchmarks/slim.py

    whole    holdfast restore MODEL
    slim     holdfast restore MODEL --slim

Whole processes, each way in a store of its own; uv's cache is warm. The first `--slim` restores the
whole environment, sees what the model loads, and replays the golden predictions in what it tries;
from then on the finding is there. Bytes are those of the packages' files.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from projects import NOTEBOOK, make_project, run_script, surroundings

WARM = 5
TRAIN = """
import mlflow, lightgbm
from sklearn.datasets import load_breast_cancer
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
model = lightgbm.LGBMClassifier(verbose=-1).fit(X, y)
mlflow.lightgbm.save_model(model, "model", input_example=X.head(50))
"""


def timed(command: list[str], folder: Path, home: Path) -> tuple[float, dict[str, Any]]:
    """Seconds, and what the command said."""
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--json"],
        cwd=folder,
        env=surroundings(HOLDFAST_HOME=str(home)),
        stdout=subprocess.PIPE,
        check=True,
    )
    return time.perf_counter() - start, json.loads(done.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "project")
        python = make_project(folder, NOTEBOOK, with_holdfast=True)
        run_script(python, TRAIN, cwd=folder, MLFLOW_TRACKING_URI=f"sqlite:///{scratch}/mlflow.db")
        restore = [str(python.with_name("holdfast")), "restore", "-q", "model"]
        ways = {"whole": restore, "slim": [*restore, "--slim"]}
        seconds: dict[str, list[float]] = {}
        found: dict[str, dict[str, Any]] = {}
        for way, command in ways.items():
            for _ in range(WARM + 1):
                took, found[way] = timed(command, folder, Path(scratch, way))
                seconds.setdefault(way, []).append(took)
    slim = found["slim"]["slim"]
    sizes = {
        "whole": (slim["whole_packages"], slim["whole_bytes"]),
        "slim": (slim["packages"], slim["bytes"]),
    }
    print(f"{'':<8}{'packages':>10}{'MB':>8}{'first':>10}{'again':>10}")
    for way, (packages, size) in sizes.items():
        first, *again = seconds[way]
        print(f"{way:<8}{packages:>10}{size / 1e6:>8.0f}{first:>8.1f} s{median(again):>8.2f} s")
    packages, size = (less / more for less, more in zip(sizes["slim"], sizes["whole"], strict=True))
    print(f"{'ratio':<8}{packages:>10.2f}{size:>8.2f}")
    print(f"loaded where it is there, and not needed: {', '.join(slim['unused']) or 'nothing'}")


if __name__ == "__main__":
    main()
