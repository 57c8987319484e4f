"""What a dataset has, held against what a model takes."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import fs

from holdfast.errors import InputError
from holdfast.score.columns import Column, read_columns
from holdfast.score.place import File, Place
from holdfast.score.plan import Split
from holdfast.score.read import Found
from holdfast.score.schema import Asked, make_jobs

ANSWER = pa.schema([("prediction", pa.float64())])
COLUMNS = (Column("x", "double"), Column("n", "long"), Column("note", "string", required=False))


def split(name="a.parquet", kind="parquet"):
    place = Place(fs.LocalFileSystem(), f"/{name}", f"/{name}")
    return Split(File(place, name, 1, 1), kind, name)


def jobs(*schemas, keep=(), columns=COLUMNS, tensor=None, kind="parquet", reject=False, nulls=None):
    found = [
        (split(f"{at}.{kind}", kind), Found(pa.schema(list(each.items())), 10, nulls))
        for at, each in enumerate(schemas)
    ]
    return make_jobs(Asked(columns, tensor, ANSWER, tuple(keep)), found, 100, reject=reject)


def problems(*schemas, **options):
    with pytest.raises(InputError) as caught:
        jobs(*schemas, **options)
    return caught.value.message.splitlines()[1:]


GOOD = {"n": pa.int32(), "id": pa.string(), "x": pa.float32(), "other": pa.binary()}


def test_only_what_is_needed_and_kept_is_read():
    (job,) = jobs(GOOD, keep=["id", "x"])
    assert job.given == ("x", "n")
    assert job.wanted.names == ("x", "n", "id")
    assert job.schema.names == ["id", "x", "prediction"]


def test_an_optional_column_is_given_where_it_is():
    first, second = jobs(GOOD, {**GOOD, "note": pa.string()})
    assert first.given == ("x", "n")
    assert second.given == ("x", "n", "note")


def test_text_is_read_in_the_signatures_types_unless_its_rows_may_be_rejected():
    schema = dict.fromkeys(("id", "x", "n"), pa.string())
    (job,) = jobs(schema, keep=["id"], kind="csv")
    assert job.wanted.types == {"x": pa.float64(), "n": pa.int64()}
    (job,) = jobs(schema, keep=["id"], kind="csv", reject=True)
    assert job.wanted.types == {}


def test_every_problem_of_every_file_is_said():
    assert problems({"x": pa.string()}, {**GOOD, "n": pa.float64()}, keep=["id", "id"]) == [
        "--keep names id 2 times",
        "0.parquet: column id, to be kept, is missing",
        "0.parquet: column x is string; the signature says double",
        "0.parquet: column n (long) is missing",
        "1.parquet: column n is double; the signature says long",
    ]


def test_many_problems_are_counted():
    said = problems(*[{}] * 30)
    assert len(said) == 21
    assert said[-1] == "and 40 more"


def test_nulls_of_integers_are_known_before_where_the_file_counts_them():
    assert problems(GOOD, nulls={"n": 3, "x": 5}) == [
        "0.parquet: column n has 3 nulls; long has no room for them"
    ]
    assert jobs(GOOD, nulls={"n": 3}, reject=True)


def test_columns_of_one_name():
    schema = pa.schema([("x", pa.float64()), ("x", pa.float64()), ("n", pa.int64())])
    with pytest.raises(InputError, match="2 columns are called x"):
        make_jobs(Asked(COLUMNS, None, None, ()), [(split(), Found(schema))], 1, reject=False)


def test_without_a_signature_files_have_the_same_columns():
    (job,) = jobs(GOOD, columns=(), keep=["id"])
    assert job.given == ("n", "x", "other")
    assert problems(GOOD, {"n": pa.int32(), "id": pa.string()}, columns=(), keep=["id"]) == [
        "1.parquet: its columns are n; in the first file n, x, other"
    ]


def test_a_tensor_has_its_width():
    tensor = (pa.float64(), 2)
    numbers = {"a": pa.float64(), "b": pa.float64(), "id": pa.string()}
    (job,) = jobs(numbers, columns=(), tensor=tensor, keep=["id"], kind="csv")
    assert job.wanted.types == {"a": pa.float64(), "b": pa.float64()}
    assert problems(numbers, columns=(), tensor=tensor) == [
        "0.parquet: 3 columns for a model that takes 2: a, b, id"
    ]
    assert problems({**numbers, "a": pa.float32()}, columns=(), tensor=tensor, keep=["id"]) == [
        "0.parquet: column a is float; the model takes a matrix of double"
    ]


def test_signatures_that_name_no_columns():
    assert read_columns(None) == ()
    assert read_columns([{"type": "double"}, {"type": "long"}]) == ()
    assert read_columns([{"type": "tensor", "name": "t", "tensor-spec": {}}]) == ()
    nested = {"type": "array", "items": {"type": "double"}, "name": "v", "required": True}
    assert read_columns([nested]) == (Column("v", ""),)
