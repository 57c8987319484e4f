"""A run that is killed twenty times, wherever it is, comes to what an undisturbed run comes to."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit import surroundings

FILES, ROWS, KILLS = 8, 60_000, 20


@pytest.fixture
def rows(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for number in range(FILES):
        columns = {f"x{at}": rng.normal(size=ROWS) for at in range(10)}
        keys = pa.array(range(number * ROWS, (number + 1) * ROWS))
        pq.write_table(pa.table({**columns, "id": keys}), folder / f"{number}.parquet")
    return folder


def start(served, rows, out):
    command = [sys.executable, "-m", "holdfast", "score", served.model("trees"), rows, "-o", out]
    options = ["--keep", "id", "--workers", "2", "--batch-rows", "1000", "-q"]
    return subprocess.Popen(
        [*map(str, command), *options],
        env=surroundings(HOLDFAST_HOME=str(served.home), HOLDFAST_OFFLINE="1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process):
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def records(folder):
    return len(list((folder / "_holdfast/done").glob("*.json")))


def halves(folder):
    return [path for path in (folder / "_holdfast/writing").rglob("*") if path.is_file()]


def wait_for_some(process, out, chance):
    """Now and then any time from its start; mostly until it writes a file, and a moment more."""
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0.1, 5))
        return
    for path in halves(out):
        path.unlink()
    aim = min(records(out) + chance.randrange(3), FILES - 1)
    while process.poll() is None and not (records(out) >= aim and halves(out)):
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.2))
    # However quick or busy the machine is: not between two files, but in one.
    while process.poll() is None and not halves(out):
        time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_twenty_times_and_started_again(served, rows, tmp_path):
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "out"
    finish(start(served, rows, undisturbed))
    chance = random.Random(11)  # noqa: S311 - the same kills each time
    middles = 0
    for _ in range(KILLS):
        process = start(served, rows, out)
        wait_for_some(process, out, chance)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        done = records(out)
        middles += bool(halves(out))
        for path in out.glob("*.parquet"):
            assert pq.read_table(path).num_rows == ROWS, "an output that is there is whole"
        if done == FILES and json.loads((out / "_holdfast/run.json").read_text())["complete"]:
            # All was done: lose some of it, so that the next has something to do.
            for number in chance.sample(range(FILES), 4):
                (out / f"{number}.parquet").unlink()
    finish(start(served, rows, out))
    assert middles > KILLS / 4, "hardly a kill fell into the middle of a file"
    assert contents(out) == contents(undisturbed)
    keys = pa.concat_tables(map(pq.read_table, sorted(out.glob("*.parquet"))))["id"].to_pylist()
    assert keys == list(range(FILES * ROWS))
    assert not halves(out)
