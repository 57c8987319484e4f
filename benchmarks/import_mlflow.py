"""What Holdfast adds to `import mlflow`.

    uv run python benchmarks/import_mlflow.py [ROUNDS]

Two environments of one project, with Holdfast and without it, import in turn, each time in a
process of its own; bytecode is there. The aim is 5 ms.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from projects import make_project, run_script

IMPORT = """
import resource, time
start = time.perf_counter()
import mlflow
took = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_SELF)
print(took * 1000, (used.ru_utime + used.ru_stime) * 1000)
"""
WAYS = {"stock": False, "holdfast": True}


def main(rounds: int) -> None:
    times: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {way: Path(scratch, way) for way in WAYS}
        pythons = {
            way: make_project(folders[way], ("mlflow",), with_holdfast=added)
            for way, added in WAYS.items()
        }
        for number in range(rounds + 1):
            for way in list(WAYS)[:: -1 if number % 2 else 1]:
                out = run_script(pythons[way], IMPORT, cwd=folders[way])
                if number:  # the first round writes the bytecode
                    times[way].append(tuple(map(float, out.split()[-2:])))
    print(f"import mlflow, {rounds} processes each, in turn")
    print(f"{'ms':<10} {'median':>8} {'lowest':>8} {'CPU':>8} {'lowest':>8}")
    rows = {way: _row(found) for way, found in times.items()}
    rows["added"] = tuple(map(float.__sub__, rows["holdfast"], rows["stock"]))
    for way, row in rows.items():
        print(f"{way:<10}" + "".join(f" {one:8.1f}" for one in row))


def _row(found: list[tuple[float, ...]]) -> tuple[float, ...]:
    wall, cpu = zip(*found, strict=True)
    return median(wall), min(wall), median(cpu), min(cpu)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
