"""What a row costs once all is running: Holdfast's worker beside the same loop in one process.

    uv run python benchmarks/score/steady.py --rounds 15

    pyfunc   chunks in one process, MLflow's model asked for each (the limit)
    bare     the same, the library asked with a matrix
    core     the same, Holdfast's worker asked (core.py)

Each is a process that has loaded its model and scores the same file whenever it is told to, all in
turn. Ratios are medians of each round's own; CPU is that of the process and of all below it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from rows import FORMATS, make_rows
from running import family
from stand import Model, Stand, make_stand, surroundings
from ways import answers_in

MODELS = ("sklearn", "lightgbm")
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Side:
    """A process that scores when it is told to."""

    process: subprocess.Popen[str]

    def score(self) -> tuple[float, float]:
        """Seconds, and CPU seconds, of one time."""
        before = self._cpu()
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        assert self.process.stdout is not None  # noqa: S101
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds = float(self.process.stdout.readline())
        return seconds, self._cpu() - before

    def _cpu(self) -> float:
        ticks = 0
        for pid in family(self.process.pid):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
            ticks += sum(map(int, fields.split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")


def sides(
    stand: Stand, model: Model, rows: Path, folder: Path, opened: ExitStack
) -> dict[str, Side]:
    """All sides, started."""
    limit = [stand.programs("mlflow") / "python", _HERE / "limit.py"]
    core = [stand.programs("holdfast") / "python", _HERE / "core.py"]
    ways = {"pyfunc": (limit, "pyfunc"), "bare": (limit, "bare"), "core": (core, os.cpu_count())}
    env = surroundings(PYTHONWARNINGS="ignore", HOLDFAST_HOME=str(stand.home))
    started = {}
    for name, (program, how) in ways.items():
        files = [model.folder, rows, folder / f"{name}{rows.suffix}"]
        process = subprocess.Popen(
            [str(each) for each in (*program, *files, how, "again")],
            env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        started[name] = Side(opened.enter_context(process))
    return started


def measure(stand: Stand, model: Model, rows: Path, rounds: int) -> None:
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(dir=stand.folder) as name, ExitStack() as opened:
        started = sides(stand, model, rows, Path(name), opened)
        for number in range(rounds + 2):
            for way, side in started.items():
                taken = side.score()
                if number > 1:  # what is first finds nothing warm
                    times.setdefault(way, []).append(taken)
        first, *others = (answers_in(path) for path in Path(name).iterdir())
        same = "the same" if all(other == first for other in others) else "DIFFERENT"
    load = os.getloadavg()[0]
    print(f"\n{model.name}, {rows.suffix[1:]}: {same} answers (load {load:.1f})")
    print(f"{'':<8}{'s':>8}{'x limit':>9}{'CPU s':>8}{'x limit':>9}")
    for way, taken in times.items():
        print(f"{way:<8}", end="")
        for which in (0, 1):
            pairs = zip(taken, times["pyfunc"], strict=True)
            ratio = median(one[which] / other[which] for one, other in pairs)
            print(f"{median(one[which] for one in taken):8.2f}{ratio:9.2f}", end="")
        print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--scratch", type=Path, help="a folder to keep environments in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (given.scratch or Path(temporary)).absolute()
        stand = make_stand(scratch, {"mlflow"}, extra="score")
        print(f"{given.rows:,} rows, {given.rounds} rounds in turn, medians")
        for kind in given.formats.split(","):
            rows = make_rows(scratch / "rows" / f"{given.rows}.{kind}", given.rows)
            for name in given.models.split(","):
                measure(stand, stand.model(name), rows, given.rounds)


if __name__ == "__main__":
    main()
