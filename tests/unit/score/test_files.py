"""Finding files, planning what becomes of them, and reading them piece by piece."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.score import csv_file, read
from holdfast.score.csv_file import Aside
from holdfast.score.place import find_files, place_of
from holdfast.score.plan import make_splits, refuse_overlap
from holdfast.score.read import Wanted, inspect, read_batches
from holdfast.score.run import alone

TABLE = pa.table({"id": ["007", "1,5", None], "x": [0.5, None, 2.0], "n": [1, 2, 3]})
TYPES = {"x": pa.float64(), "n": pa.int64()}


def put(folder, name, content=b"a\n1\n"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(pattern):
    return [file.below for file in find_files(str(pattern))]


def splits_of(folder, given=None, wanted=None):
    return make_splits(find_files(str(folder)), str(folder), given, wanted)


def test_a_folder_is_all_its_files_but_what_is_nobodys_data(tmp_path):
    for name in ("b.csv", "a/c.csv", "_SUCCESS", "_tmp/d.csv", ".hidden.csv", "a/.git/e.csv"):
        put(tmp_path, name)
    assert names(tmp_path) == ["a/c.csv", "b.csv"]
    assert names(f"file://{tmp_path}") == ["a/c.csv", "b.csv"]
    assert names(tmp_path / "b.csv") == ["b.csv"]


def test_patterns(tmp_path, monkeypatch):
    for name in ("x1.csv", "x2.csv", "y.csv", "d/x3.csv", "d/e/x4.csv", "odd[1].csv"):
        put(tmp_path, name)
    assert names(tmp_path / "x*.csv") == ["x1.csv", "x2.csv"]
    assert names(tmp_path / "**/x*.csv") == ["d/e/x4.csv", "d/x3.csv", "x1.csv", "x2.csv"]
    assert names(tmp_path / "d/*.csv") == ["x3.csv"]
    assert names(tmp_path / "nothing*") == []
    assert names(tmp_path / "no/such/*.csv") == []
    assert names(tmp_path / "odd[1].csv") == ["odd[1].csv"]
    monkeypatch.chdir(tmp_path)
    assert names("d/*.csv") == ["x3.csv"]
    assert names("?.csv") == ["y.csv"]


@pytest.mark.parametrize("named", ["", "nowhere", "nowhere.csv", "zz://bucket/x", "s3://"])
def test_what_is_not_there_is_said(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        find_files(named)


def test_credentials_of_a_uri_are_not_said():
    with pytest.raises(InputError) as caught:
        find_files("zz://ada:secret@bucket/x")
    assert "secret" not in str(caught.value)
    assert "secret" not in place_of("s3://key:secret@bucket/x?region=eu-west-1").name


@contextmanager
def somebody_elses():
    """A folder that we may not write to, with a folder and a file that we may not read."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        put(folder, "shut/x.csv")
        put(folder, "x.csv").chmod(0)
        (folder / "shut").chmod(0)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:  # who may do all of it
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            for path in (folder, folder / "shut"):
                path.chmod(0o700)


def test_what_may_not_be_read_or_written_is_said():
    with somebody_elses() as folder:
        with pytest.raises(InputError, match="shut cannot be read: Permission denied"):
            find_files(str(folder / "shut"))
        (split,) = splits_of(folder / "x.csv")
        with pytest.raises(InputError, match=r"x\.csv cannot be read: Permission denied"):
            inspect(split)
        out = place_of(folder / "out")
        with (
            pytest.raises(InputError, match="out cannot be written: Permission denied"),
            alone(out),
        ):
            pass


def test_outputs_have_the_inputs_names_and_their_own_ends(tmp_path):
    for name in ("a.csv", "b.csv.gz", "d/c.csv"):
        put(tmp_path, name)
    assert [each.output for each in splits_of(tmp_path)] == ["a.csv", "b.csv", "d/c.csv"]
    parquet = [each.output for each in splits_of(tmp_path, wanted="parquet")]
    assert parquet == ["a.parquet", "b.parquet", "d/c.parquet"]


def test_formats_are_not_mixed_and_outputs_do_not_meet(tmp_path):
    put(tmp_path, "a.csv")
    put(tmp_path, "a.parquet")
    put(tmp_path, "README")
    with pytest.raises(InputError, match="csv, parquet"):
        splits_of(tmp_path)
    assert [each.file.below for each in splits_of(tmp_path, "csv")] == ["a.csv"]
    put(tmp_path, "a.csv.gz")
    with pytest.raises(InputError, match=r"would both become a\.csv"):
        splits_of(tmp_path, "csv")
    with pytest.raises(InputError, match="no file to score"):
        splits_of(tmp_path, "arrow")


def test_a_file_of_any_name_is_of_the_format_that_is_named(tmp_path):
    (split,) = splits_of(put(tmp_path, "rows.txt"), "csv")
    assert (split.format, split.output) == ("csv", "rows.txt.csv")


def test_output_and_input_do_not_lie_in_one_another(tmp_path):
    file = put(tmp_path, "in/a.csv")
    for named, output in ((tmp_path / "in", "in/out"), (tmp_path / "in", "in"), (file, "in")):
        with pytest.raises(InputError, match="lie in one another"):
            refuse_overlap(str(named), find_files(str(named)), place_of(tmp_path / output))
    for named, output in ((tmp_path / "in", "in2"), (file, "in/out"), (tmp_path / "in", "out")):
        refuse_overlap(str(named), find_files(str(named)), place_of(tmp_path / output))


def write(folder, kind):
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(TABLE, path, row_group_size=2)
    elif kind == "arrow":
        pyarrow.feather.write_feather(TABLE, path)
    elif kind == "csv":
        pyarrow.csv.write_csv(TABLE, path)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(b'id,x,n\n007,0.5,1\n"1,5",,2\n,2.0,3\n'))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in TABLE.to_pylist()))
    (split,) = splits_of(path)
    return split


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv", "csv.gz", "jsonl"])
def test_every_format_is_read_in_even_batches(tmp_path, kind):
    split = write(tmp_path, kind)
    found = inspect(split)
    assert found.schema.names == ["id", "x", "n"]
    assert found.rows in (3, None)
    batches = list(read_batches(split, Wanted(("x", "id"), TYPES, 2)))
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert pa.Table.from_batches(batches).to_pydict() == {
        "x": [0.5, None, 2.0],
        "id": ["007", "1,5", None],
    }


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_text_is_read_block_by_block(tmp_path, kind, monkeypatch):
    for reader in (read, csv_file):
        monkeypatch.setattr(reader, "_BLOCK", 64)
    rows = [{"id": f"{number:03}", "x": number / 7, "n": number} for number in range(100)]
    table = pa.Table.from_pylist(rows)
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        pyarrow.csv.write_csv(table, path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (split,) = splits_of(path)
    assert 80 < inspect(split).rows < 160
    batches = list(read_batches(split, Wanted(("id", "x", "n"), TYPES, 30)))
    assert [batch.num_rows for batch in batches] == [30, 30, 30, 10]
    assert pa.Table.from_batches(batches) == table


def test_wide_rows_come_fewer_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "_BYTES", 8000)
    table = pa.table({f"x{number}": pa.array(range(1000)) for number in range(10)})
    for kind, save in (("parquet", pq.write_table), ("arrow", pyarrow.feather.write_feather)):
        save(table, tmp_path / f"rows.{kind}")
        (split,) = splits_of(tmp_path / f"rows.{kind}")
        batches = list(read_batches(split, Wanted(None, {}, 65_536)))
        assert sum(batch.num_rows for batch in batches) == 1000
        assert max(batch.num_rows for batch in batches) <= 1000
        if kind == "parquet":
            assert max(batch.nbytes for batch in batches) <= 24_000


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_file_that_is_cut_short_is_found_before_it_is_read(tmp_path, kind):
    path = write(tmp_path, kind).file.place.path
    os.truncate(path, Path(path).stat().st_size - 20)
    (split,) = splits_of(path)
    with pytest.raises(InputError, match="cannot be read"):
        inspect(split)


@pytest.mark.parametrize("content", [b"", b"\n", b"\x1f\x8b\x00"])
@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.arrow", "x.csv.gz"])
def test_a_file_of_nothing_cannot_be_read(tmp_path, name, content):
    (split,) = splits_of(put(tmp_path, name, content))
    if name == "x.csv" and content[:1] == b"\x1f":
        return
    with pytest.raises(InputError, match="cannot be read"):
        inspect(split)


def everything(split, names):
    inspect(split)
    return list(read_batches(split, Wanted(names, TYPES, 10)))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"x,n\n1,1\n2,2\nzz,3\n", "Row #4.*zz"), (b"x,n\n1,1\n2,2,2\n", "Row #3: Expected 2")],
)
def test_a_csv_that_does_not_fit_names_the_row(tmp_path, content, said):
    (split,) = splits_of(put(tmp_path, "x.csv", content))
    with pytest.raises(InputError, match=said):
        everything(split, ("x", "n"))


def test_json_lines_that_are_none(tmp_path):
    (split,) = splits_of(put(tmp_path, "x.json", b'{"x": 1}\n{"x": "one"}\n'))
    with pytest.raises(InputError, match="cannot be read"):
        everything(split, ("x",))


def test_parquet_says_its_rows_and_nulls(tmp_path):
    found = inspect(write(tmp_path, "parquet"))
    assert (found.rows, found.nulls) == (3, {"id": 1, "x": 1, "n": 0})


def test_a_csv_of_which_hardly_a_line_fits_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "_MOST_HELD", 10_000)
    (split,) = splits_of(put(tmp_path, "x.csv", b"x,n\n1,2\n" + b"1,2,3\n" * 4000))
    assert inspect(split, lenient=True).schema.names == ["x", "n"]
    with pytest.raises(InputError, match="Expected 2 columns, got 3"):
        list(read_batches(split, Wanted(("x",), TYPES, 10), Aside()))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_without_an_end_is_not_held(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(read, "_BLOCK", 1000)
    monkeypatch.setattr(read, "_LONGEST_LINE", 10_000)
    monkeypatch.setattr(csv_file, "_BLOCK", 1000)
    (split,) = splits_of(put(tmp_path, f"x.{kind}", b'x\n"' + b"1" * 3_000_000))
    with pytest.raises(InputError, match=r"has a line of over|cannot be read"):
        everything(split, ("x",))
