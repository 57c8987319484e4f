"""Ten million rows are scored in the memory of one million, and answered as in one process."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit import surroundings

MILLION = 1_000_000
NUMBERS = [f"x{number}" for number in range(10)]

IN_PROCESS = """
import sys

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq

model, rows, out = sys.argv[1:]
predict = mlflow.pyfunc.load_model(model).predict
schema = None
for batch in pq.ParquetFile(rows).iter_batches(50_000):
    answers = pa.array(predict(batch.drop_columns("id").to_pandas()))
    table = pa.table({"id": batch["id"], "prediction": answers})
    if schema is None:
        schema = table.schema
        writer = pq.ParquetWriter(out, schema)
    writer.write_table(table)
writer.close()
"""


def make(path, millions):
    """A hundred and thirty megabytes a million, written in groups as other programs write them."""
    rng = np.random.default_rng(1)
    columns = {name: pa.float64() for name in NUMBERS}
    with pq.ParquetWriter(path, pa.schema({"id": pa.int64(), **columns})) as writer:
        for start in range(0, millions * MILLION, MILLION // 2):
            ids = np.arange(start, start + MILLION // 2)
            numbers = {name: rng.normal(size=len(ids)) for name in NUMBERS}
            writer.write_table(pa.table({"id": ids, **numbers}))
    return path


def tree(root):
    """A process and all below it."""
    yield root
    with suppress(OSError):
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


def peak(command, env):
    """Megabytes: of each of a command's processes the most that it ever had, together."""
    most = {}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for pid in tree(process.pid):
                with suppress(OSError):
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    found = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
                    most[pid] = max([most.get(pid, 0), *found])
            time.sleep(0.1)
    assert process.returncode == 0
    return sum(most.values()) / 1e3


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_flat_however_many_rows_and_all_are_answered(served, tmp_path):
    model = served.model("trees")
    env = surroundings(HOLDFAST_HOME=str(served.home), HOLDFAST_OFFLINE="1")
    rows = {millions: make(tmp_path / f"{millions}.parquet", millions) for millions in (1, 10)}
    program = str(Path(sys.executable).with_name("holdfast"))
    peaks = {}
    for millions, path in rows.items():
        out = tmp_path / f"out{millions}"
        files = [str(path), "-o", str(out), "--keep", "id", "--workers", "2"]
        peaks[millions] = peak([program, "score", "-q", str(model), *files], env)
    print(peaks)
    # The allocator is not exact; a tenth of the input held anywhere would show.
    assert peaks[10] < peaks[1] * 1.1 + 50

    script, expected = tmp_path / "in_process.py", tmp_path / "expected.parquet"
    script.write_text(IN_PROCESS)
    command = [served.python, script, model, rows[10], expected]
    subprocess.run(list(map(str, command)), check=True, env=env)
    found = pq.ParquetFile(tmp_path / "out10" / "10.parquet").iter_batches(50_000)
    there = pq.ParquetFile(expected).iter_batches(50_000)
    seen = 0
    for one, other in zip_longest(found, there):
        assert one["id"].equals(other["id"])
        assert one["prediction"].equals(other["prediction"])
        seen += one.num_rows
    assert seen == 10 * MILLION
