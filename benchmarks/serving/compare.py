"""`holdfast serve` beside `mlflow models serve`, BentoML, LitServe, MLServer and a bare handler.

    uv run python benchmarks/serving/compare.py --rounds 3 --seconds 5 --json figures.json

In turn: each server is started, answers rightly, is loaded over 1, 8 and 64 connections with one
row a request and over 8 with a thousand, is weighed, and ends before the next one starts. Then
Holdfast, the bare handler and MLflow are started in turn, the store being warm, up to the first
right answer. What is printed are medians of the rounds. A quick look: --rounds 1 --seconds 1
--only holdfast,bare,mlflow; --scratch keeps the environments for the next run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from running import Running, WrongError, running, weigh
from servers import BARE, HOLDFAST, MLFLOW, OTHERS, SERVERS, Server
from stand import Model, Stand, make_stand
from wrk import Load, measure, need_wrk

MODELS = ("sklearn", "lightgbm")


@dataclass(frozen=True, slots=True)
class Case:
    """Connections and rows a request."""

    connections: int
    rows: int

    def __str__(self) -> str:
        return f"{self.connections} x {self.rows}"


CASES = (Case(1, 1), Case(8, 1), Case(64, 1), Case(8, 1000))


@dataclass(frozen=True, slots=True)
class Turn:
    """One server's turn with one model: a load for each case, and what it weighed afterwards."""

    loads: dict[str, Load]
    megabytes: float


Figures = dict[str, list[Turn]]
"""Every server's turns."""


def turn(running: Running, server: Server, model: Model, seconds: float) -> Turn:
    """Load a server in every way; the heaviest that it was after any."""
    loads, megabytes = {}, 0.0
    for case in CASES:
        body = server.protocol.body(model.rows[: case.rows])
        how = {"connections": case.connections}
        measure(running.port, server.protocol.path, body, **how, seconds=min(1, seconds))
        loads[str(case)] = measure(running.port, server.protocol.path, body, **how, seconds=seconds)
        megabytes = max(megabytes, weigh(running.process))
    return Turn(loads, megabytes)


def rounds_of(
    stand: Stand, servers: list[Server], model: Model, *, rounds: int, seconds: float
) -> Figures:
    """All servers in turn, again and again; one that does not serve rightly is left out, aloud."""
    figures: Figures = {server.name: [] for server in servers}
    for number in range(rounds):
        shift = number % len(servers)
        for server in servers[shift:] + servers[:shift]:
            print(f"  {model.name} {number + 1}/{rounds} {server.name}", file=sys.stderr)
            try:
                with running(stand, server, model) as it:
                    figures[server.name].append(turn(it, server, model, seconds))
            except WrongError as error:
                print(f"LEFT OUT: {error}", file=sys.stderr)
    return {name: turns for name, turns in figures.items() if turns}


def middle(turns: list[Turn], case: Case, what: str) -> float:
    """The median of the rounds."""
    return median(getattr(one.loads[str(case)], what) for one in turns)


def failed(turns: list[Turn]) -> int:
    """Requests that were not answered with a 2xx, of all."""
    return sum(load.failed for one in turns for load in one.loads.values())


def report(model: str, figures: Figures) -> None:
    """Print requests a second and p50 of every server, then what of it was aimed at."""
    print(f"\n{model}: requests/s (p50 ms), connections x rows a request")
    print(f"{'':<32}" + "".join(f"{case!s:>18}" for case in CASES) + f"{'MB':>7}")
    for name, turns in figures.items():
        cells = [
            f"{middle(turns, case, 'rate'):,.0f} ({middle(turns, case, 'p50'):.2f})"
            for case in CASES
        ]
        megabytes = median(one.megabytes for one in turns)
        errors = f"  {failed(turns)} FAILED" if failed(turns) else ""
        print(
            f"{name:<32}" + "".join(f"{cell:>18}" for cell in cells) + f"{megabytes:7.0f}{errors}"
        )
    if HOLDFAST.name in figures:
        ratios(figures)


def ratios(figures: Figures) -> None:
    """Print Holdfast against MLflow, the best other peer, and the bare handler."""
    ours = figures[HOLDFAST.name]
    rows: dict[str, list[str]] = {}
    for case in CASES:
        rate = middle(ours, case, "rate")
        if MLFLOW.name in figures:
            ratio = times(rate, middle(figures[MLFLOW.name], case, "rate"), 1)
            rows.setdefault("times MLflow's requests/s", []).append(ratio)
        whole = [
            one.name for one in OTHERS if one.name in figures and not failed(figures[one.name])
        ]
        if whole:
            best = max(whole, key=lambda name: middle(figures[name], case, "rate"))
            ratio = times(rate, middle(figures[best], case, "rate"), 1)
            rows.setdefault("times the best other's", []).append(f"{ratio} {best[:11]}")
        if BARE.name in figures:
            ratio = times(middle(ours, case, "p50"), middle(figures[BARE.name], case, "p50"), 2)
            rows.setdefault("of the bare handler's p50", []).append(ratio)
    print("holdfast:")
    for name, cells in rows.items():
        print(f"  {name:<30}" + "".join(f"{cell:>18}" for cell in cells))
    if MLFLOW.name in figures:
        theirs = median(one.megabytes for one in figures[MLFLOW.name])
        print(f"  of MLflow's memory: {median(one.megabytes for one in ours) / theirs:.2f}")


def times(ours: float, theirs: float, digits: int) -> str:
    """The ratio; a dash where a busy machine let no request of theirs through."""
    return f"{ours / theirs:.{digits}f}" if theirs else "-"


def starts(stand: Stand, servers: list[Server], model: Model, count: int) -> dict[str, list[float]]:
    """Seconds from the command to the first right answer; the first of each, cold, not counted."""
    seconds: dict[str, list[float]] = {server.name: [] for server in servers}
    for number in range(count + 1):
        for server in servers:
            try:
                with running(stand, server, model) as it:
                    if number:
                        seconds[server.name].append(it.seconds)
            except WrongError as error:  # noqa: PERF203 - minutes each
                print(f"LEFT OUT: {error}", file=sys.stderr)
    return {name: taken for name, taken in seconds.items() if taken}


def report_starts(model: str, seconds: dict[str, list[float]]) -> None:
    print(f"\n{model}: from the command to the first right answer")
    limit = median(seconds[BARE.name]) if BARE.name in seconds else None
    for name, taken in seconds.items():
        ratio = f"{median(taken) / limit:6.2f} x bare" if limit else ""
        print(f"{name:<12}{median(taken):7.2f} s{ratio}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each load")
    parser.add_argument("--starts", type=int, default=5, help="starts of each; 0 for none")
    names = ", ".join(one.name for one in SERVERS)
    parser.add_argument("--only", help=f"some of, separated by commas: {names}")
    parser.add_argument("--models", default=",".join(MODELS), help="some of, separated by commas")
    parser.add_argument("--scratch", type=Path, help="a folder to keep environments in")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    given.servers = [one for one in SERVERS if not given.only or one.name in given.only.split(",")]
    if not given.servers:
        parser.error(f"--only has none of: {names}")
    return given


def main() -> None:
    given = arguments()
    need_wrk()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (given.scratch or Path(temporary)).absolute()
        scratch.mkdir(parents=True, exist_ok=True)
        stand = make_stand(scratch, {one.environment for one in given.servers})
        kept: dict[str, object] = {}
        for name in given.models.split(","):
            model = stand.model(name)
            figures = rounds_of(
                stand, given.servers, model, rounds=given.rounds, seconds=given.seconds
            )
            report(name, figures)
            kept[name] = {one: [asdict(turn) for turn in turns] for one, turns in figures.items()}
            timed = [one for one in given.servers if one in (HOLDFAST, BARE, MLFLOW)]
            if given.starts and timed:
                seconds = starts(stand, timed, model, given.starts)
                report_starts(name, seconds)
                kept[f"{name} starts"] = seconds
        if given.json:
            given.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
