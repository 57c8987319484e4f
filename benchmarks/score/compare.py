"""`holdfast score` beside `mlflow models predict` and beside what one process can do at best.

    uv run python benchmarks/score/compare.py --rounds 5 --json figures.json

    pyfunc       chunks in one process, MLflow's model asked for each (the limit)
    bare         the same, the library asked with a matrix; no checks at all
    holdfast N   holdfast score --workers N, the environment restored before
    holdfast ray, holdfast spark   the same on a cluster of this machine, started and ended with it
    mlflow …     mlflow models predict, in its own environment or in one that it makes

Whole processes, in turn, on a million rows of ten columns and on a thousand. `rows` is the
difference of both: what the rows took, start-up apart. Ratios are medians of each round's own, so
that a busy machine is busy for both sides; CPU is that of all processes together. Every answer is
compared with the limit's. A quick look: --rounds 1 --only "pyfunc,holdfast 1"; --scratch keeps the
environments for the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from rows import FORMATS, make_rows
from stand import Model, Stand, make_stand, surroundings
from ways import LIMIT, WAYS, Way

MODELS = ("sklearn", "lightgbm")
_FEW = 1000
_COLUMNS = (attrgetter("all.seconds"), attrgetter("rows"), attrgetter("rows_cpu"))


@dataclass(frozen=True, slots=True)
class Took:
    """Of one command: seconds, CPU seconds of all its processes, MB of the largest of them."""

    seconds: float
    cpu: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One way's turn: a thousand rows and all of them."""

    few: Took
    all: Took

    @property
    def rows(self) -> float:
        """Seconds that the rows took, start-up apart."""
        return self.all.seconds - self.few.seconds

    @property
    def rows_cpu(self) -> float:
        """CPU seconds that the rows took."""
        return self.all.cpu - self.few.cpu


Figures = dict[str, list[Turn]]
"""Every way's turns, one a round."""


def took(command: Sequence[str], stand: Stand, log: Path) -> Took:
    """Run a command to its end; one that fails ends the benchmark, with what it said."""
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ["PATH"]))
    env = surroundings(
        PATH=path,
        PYTHONWARNINGS="ignore",
        HOLDFAST_HOME=str(stand.home),
        SPARK_LOCAL_IP="127.0.0.1",
        MLFLOW_DISABLE_TELEMETRY="1",
        MLFLOW_TRACKING_URI=f"sqlite:///{stand.folder}/mlflow.db",
    )
    with log.open("wb") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=log.parent, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(" ".join(command) + "\n" + log.read_text(errors="replace")[-3000:])
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3)


def figures_of(
    stand: Stand, model: Model, ways: list[Way], files: tuple[Path, Path], rounds: int
) -> Figures:
    """All ways in turn, again and again; the first round warms up and is checked, not counted."""
    figures: Figures = {way.name: [] for way in ways}
    right: list[object] = []
    for number in range(rounds + 1):
        shift = max(0, number - 1) % len(ways)
        for way in ways[shift:] + ways[:shift]:
            print(f"  {model.name} {files[1].suffix} {number}/{rounds} {way.name}", file=sys.stderr)
            done = []
            for rows in files:
                with tempfile.TemporaryDirectory(dir=stand.folder) as name:
                    folder = Path(name)
                    command = way.command(stand, model, rows, folder)
                    done.append(took(command, stand, folder / "log"))
                    found = [] if number else way.answers(folder)
            if number:
                figures[way.name].append(Turn(*done))
            elif found != (right := right or found):
                sys.exit(f"{way.name} answers otherwise than {ways[0].name}")
    return figures


def show(title: str, figures: Figures) -> None:
    """A table: medians, and the medians of each round's ratio to the limit."""
    print(f"\n{title}")
    print(f"{'':<15}{'whole s':>9}{'x limit':>9}{'rows s':>9}{'x limit':>9}{'CPU s':>9}", end="")
    print(f"{'x limit':>9}{'MB':>7}")
    limit = figures[LIMIT.name]
    for name, turns in figures.items():
        print(f"{name:<15}", end="")
        for value in _COLUMNS:
            ratios = [value(turn) / value(other) for turn, other in zip(turns, limit, strict=True)]
            print(f"{median(map(value, turns)):9.2f}{median(ratios):9.2f}", end="")
        print(f"{max(turn.all.megabytes for turn in turns):7.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--only", help="ways, by name; the limit is always among them")
    parser.add_argument("--scratch", type=Path, help="a folder to keep environments in")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    wanted = given.only.split(",") if given.only else [way.name for way in WAYS]
    kept = {}
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (given.scratch or Path(temporary)).absolute()
        stand = make_stand(scratch, {"mlflow"}, extra="score,ray,spark")
        print(f"{given.rows:,} rows, {given.rounds} rounds in turn, medians", flush=True)
        for kind in given.formats.split(","):
            counts = (_FEW, given.rows)
            few, rows = (make_rows(scratch / "rows" / f"{many}.{kind}", many) for many in counts)
            ways = [way for way in WAYS if kind in way.formats]
            ways = [way for way in ways if way is LIMIT or way.name in wanted]
            for name in given.models.split(","):
                figures = figures_of(stand, stand.model(name), ways, (few, rows), given.rounds)
                load = " ".join(f"{average:.1f}" for average in os.getloadavg())
                show(f"{name}, {kind} (load {load})", figures)
                kept[f"{name} {kind}"] = {
                    way: [asdict(turn) for turn in turns] for way, turns in figures.items()
                }
    if given.json:
        given.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
