"""Files of rows are scored in the sealed environment: whole, in order, and once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow.feather import write_feather

from holdfast.environment.lease import alone
from holdfast.errors import InputError, MismatchError, ModelError, StoreError
from holdfast.restore.restore import restore
from holdfast.score.batch import BatchScorer
from holdfast.score.score import score
from kit import Holdfast, surroundings
from serving import DIE, RAISE

NUMBERS = [f"x{number}" for number in range(10)]

IN_PROCESS = """
import sys

import mlflow
import pandas as pd

for model, rows, out in zip(*[iter(sys.argv[1:])] * 3):
    given = pd.read_parquet(rows)
    answer = mlflow.pyfunc.load_model(model).predict(given)
    frame = answer if isinstance(answer, pd.DataFrame) else pd.DataFrame(answer)
    frame.columns = [f"p{at}" for at in range(frame.shape[1])]
    frame.to_parquet(out, index=False)
"""


@pytest.fixture(autouse=True)
def home(served, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(served.home))
    monkeypatch.setenv("HOLDFAST_OFFLINE", "1")


def numbers(rows, seed=1):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 10)), columns=NUMBERS)
    frame.insert(3, "id", [f"{seed}-{row:06}" for row in range(rows)])
    return frame


def mixed(rows):
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "city": rng.choice(["Bern", "Genève", "Zürich"], rows),
            "member": rng.random(rows) > 0.5,
            "age": rng.integers(18, 90, rows),
            "weight": rng.normal(70, 9, rows),
        }
    )


@pytest.fixture(scope="module")
def expected(served, tmp_path_factory):
    """Rows, and what MLflow answers to them in the models' own environment: by model."""
    folder = tmp_path_factory.mktemp("expected")
    frames = {name: numbers(5000)[NUMBERS] for name in ("numbers", "chances", "trees")}
    frames["mixed"] = mixed(3000)
    arguments = []
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.in", index=False)
        arguments += [served.model(name), folder / f"{name}.in", folder / f"{name}.out"]
    (folder / "in_process.py").write_text(IN_PROCESS)
    command = [served.python, folder / "in_process.py", *arguments]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, env=surroundings())
    return {
        name: (frame, pd.read_parquet(folder / f"{name}.out")) for name, frame in frames.items()
    }


@pytest.fixture
def parts(tmp_path):
    """Three files of rows with keys."""
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    for seed, name in enumerate(("a", "b", "more/c")):
        numbers(1000 + seed, seed).to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def contents(folder):
    """Every file of a run's output, but for the lock and the times of inputs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock" and "done" not in path.parts
    }


@pytest.mark.parametrize(
    "name",
    [
        "mixed",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("numbers", "chances", "trees")),
    ],
)
def test_it_answers_to_the_bit_what_mlflow_answers_in_process(served, expected, name):
    frame, answers = expected[name]
    batch = pa.RecordBatch.from_pandas(frame, preserve_index=False)
    with BatchScorer(restore(served.model(name), offline=True)) as scorer:
        found = scorer.score(batch)
    assert found.num_columns == answers.shape[1]
    for column, there in zip(found.columns, answers, strict=True):
        assert column.to_pylist() == answers[there].tolist()


def test_each_file_becomes_one_with_its_keys_and_predictions_in_order(served, parts, tmp_path):
    out = tmp_path / "out"
    said = []
    scored = score(
        served.model("trees"),
        parts,
        out,
        keep=["id"],
        workers=2,
        batch_rows=300,
        on_progress=said.append,
    )
    assert (scored.rows, scored.rejected, scored.files, scored.before) == (3003, 0, 3, 0)
    for name in ("a", "b", "more/c"):
        table = pq.read_table(out / f"{name}.parquet")
        given = pq.read_table(parts / f"{name}.parquet")
        assert table.schema.names == ["id", "prediction"]
        assert table["id"].to_pylist() == given["id"].to_pylist()
    assert json.loads((out / "_holdfast/run.json").read_text())["complete"] is True
    assert ds.dataset(out).count_rows() == 3003
    once = contents(out)
    same = {"inputs": parts, "output": out, "keep": ["id"], "batch_rows": 300}
    again = score(served.model("trees"), **same)
    assert (again.rows, again.files, again.before) == (3003, 3, 3)
    for change in ({"keep": []}, {"on_error": "reject"}, {"model": served.model("numbers")}):
        with pytest.raises(InputError, match="another run"):
            score(**{"model": served.model("trees"), **same, **change})
    with pytest.raises(InputError, match=r"not there any more: b\.parquet, more/c\.parquet"):
        score(served.model("trees"), **{**same, "inputs": parts / "a.parquet"})
    assert contents(out) == once


@pytest.mark.slow
def test_what_is_missing_changed_or_new_is_done_and_nothing_else(served, parts, tmp_path):
    out = tmp_path / "out"
    score(served.model("numbers"), parts, out, keep=["id"])
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    (out / "a.parquet").unlink()
    numbers(50, seed=8).to_parquet(parts / "b.parquet", index=False)
    numbers(60, seed=9).to_parquet(parts / "new.parquet", index=False)
    scored = score(served.model("numbers"), parts, out, keep=["id"])
    assert (scored.files, scored.before, scored.rows) == (4, 1, 1000 + 50 + 1002 + 60)
    kept = out / "more/c.parquet"
    assert kept.stat().st_mtime_ns == times[kept]
    assert pq.read_table(out / "b.parquet").num_rows == 50
    fresh = tmp_path / "fresh"
    score(served.model("numbers"), parts, fresh, keep=["id"])
    assert contents(fresh) == contents(out)


def test_a_folder_of_somebody_elses_is_not_written_to(served, parts, tmp_path):
    (tmp_path / "busy/_holdfast").mkdir(parents=True)
    with alone(tmp_path / "busy/_holdfast/lock"), pytest.raises(InputError, match="another run is"):
        score(served.model("numbers"), parts, tmp_path / "busy")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/x.parquet").touch()
    with pytest.raises(InputError, match="not empty"):
        score(served.model("numbers"), parts, tmp_path / "foreign")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "arrow", "parquet"])
def test_formats_in_and_out_answer_the_same(served, expected, tmp_path, kind):
    frame, answers = expected["mixed"]
    frame = frame.head(300)
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    elif kind == "parquet":
        frame.to_parquet(path, index=False)
    else:
        write_feather(pa.Table.from_pandas(frame, preserve_index=False), path)
    back = {"csv": "jsonl", "jsonl": "arrow", "arrow": "csv", "parquet": "parquet"}[kind]
    out = tmp_path / "out"
    score(served.model("mixed"), path, out, keep=["city"], output_format=back)
    result = out / f"rows.{back}"
    if back == "jsonl":
        found = pd.read_json(result, lines=True)
    elif back == "csv":
        found = pd.read_csv(result)
    else:
        found = ds.dataset(result, format=back).to_table().to_pandas()
    assert found.city.tolist() == frame.city.tolist()
    assert found.prediction.tolist() == answers.p0.head(300).tolist()


def test_bad_rows_are_rejected_with_the_reason_and_the_rest_is_answered(served, tmp_path):
    x = np.arange(500.0)
    x[[3, 250, 499]] = RAISE
    rows = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": x, "k": np.arange(500)}), rows)
    out = tmp_path / "out"
    scored = score(served.model("temper"), rows, out, keep=["k"], on_error="reject", batch_rows=200)
    assert (scored.rows, scored.rejected) == (497, 3)
    table = pq.read_table(out / "rows.parquet")
    assert table["k"].to_pylist() == [k for k in range(500) if k not in (3, 250, 499)]
    assert table["x"].to_pylist() == [2 * k for k in range(500) if k not in (3, 250, 499)]
    lines = (out / "_rejected/rows.parquet.jsonl").read_text().splitlines()
    rejected = [json.loads(line) for line in lines]
    assert [each["row"] for each in rejected] == [3, 250, 499]
    assert rejected[0]["values"] == {"x": RAISE, "k": 3}
    assert "ValueError: x is out of temper" in rejected[0]["reason"]


@pytest.mark.slow
def test_a_row_that_ends_the_process_is_found_too(served):
    x = np.arange(16.0)
    x[11] = DIE
    with BatchScorer(restore(served.model("temper"), offline=True)) as scorer:
        sifted = scorer.sift(pa.record_batch({"x": x}))
    assert [bad.row for bad in sifted.rejected] == [11]
    assert "SIGKILL" in sifted.rejected[0].reason
    assert sifted.predictions.num_rows == 15


def test_the_first_bad_row_ends_a_run_that_is_to_stop(served, tmp_path):
    x = np.arange(500.0)
    x[[321, 400]] = RAISE
    rows = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": x}), rows)
    with pytest.raises(ModelError, match=r"rows\.parquet, row 321 .*out of temper"):
        score(served.model("temper"), rows, tmp_path / "out", batch_rows=200)
    left = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(left) == ["lock", "run.json"]
    assert json.loads((tmp_path / "out/_holdfast/run.json").read_text())["complete"] is False


def test_values_of_a_csv_that_do_not_fit_are_rejected_or_named(served, tmp_path):
    frame = mixed(20).astype(object)
    frame.loc[7, "age"] = "old"
    frame.loc[9, "age"] = None
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    with pytest.raises(InputError, match=r"Row #9.*'old'"):
        score(served.model("mixed"), path, tmp_path / "stopped")
    out = tmp_path / "out"
    scored = score(served.model("mixed"), path, out, on_error="reject")
    assert (scored.rows, scored.rejected) == (18, 2)
    lines = (out / "_rejected/rows.csv.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == [7, 9]
    assert "column age cannot be made long" in lines[0]
    assert "column age has nulls" in lines[1]


def test_lines_of_a_csv_that_are_no_rows_are_rejected_with_their_numbers(served, tmp_path):
    lines = [f"{number},{number}" for number in range(400)]
    for number in (0, 120, 399):
        lines[number] += ",more"
    lines[300] = f"{RAISE},300"
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["x,k", *lines]) + "\n")
    with pytest.raises(InputError, match="Expected 2 columns, got 3"):
        score(served.model("temper"), path, tmp_path / "stopped")
    assert not (tmp_path / "stopped").exists()
    out = tmp_path / "out"
    options = {"keep": ["k"], "on_error": "reject", "batch_rows": 90, "output_format": "parquet"}
    scored = score(served.model("temper"), path, out, **options)
    assert (scored.rows, scored.rejected) == (396, 4)
    kept = [str(number) for number in range(400) if number not in (0, 120, 300, 399)]
    assert pq.read_table(out / "rows.parquet")["k"].to_pylist() == kept
    rejected = (out / "_rejected/rows.parquet.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in rejected] == [0, 120, 300, 399]
    assert json.loads(rejected[1]) == {
        "row": 120,
        "reason": "3 fields; the header has 2",
        "line": "120,120,more",
    }
    assert "out of temper" in rejected[2]


def bad(tmp_path, **changes):
    frame = mixed(10)
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "a.parquet")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for name, array in changes.items():
        at = table.schema.names.index(name)
        table = table.remove_column(at)
        if array is not None:
            table = table.add_column(at, name, array)
    pq.write_table(table, folder / "b.parquet")
    return folder


def test_all_that_is_wrong_with_the_columns_is_said_before_anything_starts(served, tmp_path):
    folder = bad(
        tmp_path,
        city=None,
        member=pa.array(["yes"] * 10),
        age=pa.array([1, None] * 5),
    )
    with pytest.raises(InputError) as caught:
        score(served.model("mixed"), folder, tmp_path / "out", keep=["who", "weight"])
    for said in (
        "a.parquet: column who, to be kept, is missing",
        "b.parquet: column city (string) is missing",
        "b.parquet: column member is string; the signature says boolean",
        "b.parquet: column age has 5 nulls; long has no room for them",
    ):
        assert said in caught.value.message
    assert not (tmp_path / "out").exists()


def test_a_kept_column_is_of_one_type_in_all_files_and_no_prediction(served, tmp_path):
    folder = bad(tmp_path, weight=pa.array([1.0] * 10, pa.float32()))
    with pytest.raises(InputError, match="weight is float, and double in the first file"):
        score(served.model("mixed"), folder, tmp_path / "out", keep=["weight"])
    rows = tmp_path / "x.parquet"
    pq.write_table(pa.table({"x": [1.0]}), rows)
    with pytest.raises(InputError, match="--keep x: the model's predictions"):
        score(served.model("temper"), rows, tmp_path / "out", keep=["x"])


def test_a_truncated_parquet_among_others_is_found_before_anything_starts(served, parts, tmp_path):
    cut = parts / "more/c.parquet"
    os.truncate(cut, cut.stat().st_size - 100)
    with pytest.raises(InputError, match=r"c\.parquet cannot be read"):
        score(served.model("numbers"), parts, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_and_a_place_that_cannot_be_written(served, parts, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file to score"):
        score(served.model("numbers"), tmp_path / "empty", tmp_path / "out")
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file/out"):
        with pytest.raises(InputError, match=r"cannot be written|is a file"):
            score(served.model("numbers"), parts, output)
    with pytest.raises(InputError, match=r"cannot be written|read"):
        score(served.model("numbers"), parts, "/proc/out")


@pytest.mark.slow
def test_files_without_rows_have_outputs_without_rows(served, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    numbers(0).to_csv(folder / "none.csv", index=False)
    numbers(5).to_csv(folder / "some.csv", index=False)
    out = tmp_path / "out"
    score(served.model("chances"), folder, out, keep=["id"], output_format="parquet")
    none, some = (pq.read_table(out / f"{name}.parquet") for name in ("none", "some"))
    assert none.num_rows == 0
    assert none.schema == some.schema
    assert none.schema.names == ["id", "prediction_0", "prediction_1"]


@pytest.mark.slow
def test_a_tensor_model_takes_all_columns_but_the_keys(served, expected, tmp_path):
    frame, _ = expected["numbers"]
    rows = tmp_path / "rows.parquet"
    frame.head(100).assign(id=range(100)).to_parquet(rows, index=False)
    scored = score(served.model("tensor"), rows, tmp_path / "out", keep=["id"])
    assert scored.rows == 100
    with pytest.raises(InputError, match="11 columns for a model that takes 10"):
        score(served.model("tensor"), rows, tmp_path / "other")


def test_a_model_that_was_changed_is_not_run(served, parts, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(served.model("trees"), model)
    (path,) = model.glob("model.*")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(MismatchError, match=path.name):
        score(model, parts, tmp_path / "out", workers=2)


@pytest.mark.slow
def test_a_full_disk_is_said_and_nothing_is_left_that_could_pass_for_whole(served, tmp_path):
    """A file system of 1 MiB, where one can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        rows = tmp_path / "rows.parquet"
        numbers(60_000).to_parquet(rows, index=False)
        with pytest.raises(StoreError, match="No space left") as caught:
            score(served.model("chances"), rows, disk / "out", keep=["id"], batch_rows=5000)
        assert "free some disk" in str(caught.value.hint)
        assert not list((disk / "out").glob("*.parquet"))
        assert not [path for path in (disk / "out/_holdfast/writing").rglob("*") if path.is_file()]
    finally:
        subprocess.run(["/bin/umount", str(disk)], check=True)


def test_the_command(served, parts, tmp_path):
    holdfast = Holdfast(home=served.home, folder=tmp_path, env={"HOLDFAST_OFFLINE": "1"})
    ran = holdfast(
        *("score", served.model("trees"), "in/*.parquet", "-o", "out", "--keep", "id", "--json")
    )
    assert ran.code == 0, ran
    said = json.loads(ran.out)
    assert (said["rows"], said["files"], said["output"]) == (2001, 2, "out")
    again = holdfast("score", served.model("trees"), "in/*.parquet", "-o", "out", "--keep", "id")
    assert again.code == 0, again
    assert again.out == ""
    assert "2,001 rows of 2 files, 2 of them before" in again.err
    wrong = holdfast("score", served.model("mixed"), parts, "-o", "three")
    assert wrong.code == 2, wrong
    assert "a.parquet: column city (string) is missing" in wrong.err
    assert not Path(tmp_path, "three").exists()
