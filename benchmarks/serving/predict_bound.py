"""What a second worker adds where predicting takes nearly all of the time.

    uv run python benchmarks/serving/predict_bound.py --rounds 3 --seconds 5

A random forest of 300 trees on one thread, 16 connections, a hundred rows a request (at one row
most of a call is the same however many rows it has, and waiting requests share it); one worker and
two in turn. Wants two cores that have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median

from running import running
from servers import holdfast
from stand import make_stand
from wrk import Load, measure, need_wrk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rows", type=int, default=100, help="of a request")
    parser.add_argument("--scratch", type=Path, help="a folder to keep environments in")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    need_wrk()
    servers = [holdfast(workers) for workers in (1, 2)]
    loads: dict[str, list[Load]] = {server.name: [] for server in servers}
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (given.scratch or Path(temporary)).absolute()
        scratch.mkdir(parents=True, exist_ok=True)
        stand = make_stand(scratch, {"holdfast"})
        forest = stand.model("forest")
        how = {"connections": given.connections, "seconds": given.seconds}
        for number in range(given.rounds):
            for server in servers:
                print(f"  {number + 1}/{given.rounds} {server.name}", file=sys.stderr)
                body = server.protocol.body(forest.rows[: given.rows])
                with running(stand, server, forest) as it:
                    measure(it.port, server.protocol.path, body, connections=16, seconds=1)
                    loads[server.name].append(measure(it.port, server.protocol.path, body, **how))
    rates = {name: median(load.rate for load in runs) for name, runs in loads.items()}
    for name, runs in loads.items():
        failed = sum(load.failed for load in runs)
        latency = median(load.p50 for load in runs)
        errors = f"  {failed} FAILED" if failed else ""
        print(f"{name:<12}{rates[name]:9.1f} requests/s, p50 {latency:.1f} ms{errors}")
    one, two = rates.values()
    print(f"two workers give {two / one:.2f} times one")
    if given.json:
        kept = {name: [asdict(load) for load in runs] for name, runs in loads.items()}
        given.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
