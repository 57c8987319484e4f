"""What a small table shows of a payload, and that no payload of anybody's does harm."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.page.cells import Grid, read_grid
from holdfast.seal.golden import Payload
from pages import payload


def grid_of(value, rows=3, columns=4) -> Grid:
    found = read_grid(payload(value), rows, columns)
    assert found is not None
    return found


def test_a_table_of_every_kind_of_column():
    frame = pd.DataFrame(
        {
            "float": [0.1, float("nan"), 1e300],
            "whole": pd.Series([1, None, -3], dtype="Int64"),
            "flag": [True, False, True],
            "maybe": pd.Series([True, None, False], dtype="boolean"),
            "text": pd.Series(["a", None, "ü"], dtype=object),
            "word": pd.Series(["x", None, "z"], dtype="string"),
            "kind": pd.Categorical(["low", "high", None]),
            "day": pd.to_datetime(["2026-11-20 17:00", None, "1969-12-31 23:00"]),
            "there": pd.to_datetime(["2026-11-20", None, "2026-01-01"]).tz_localize("UTC"),
            "mixed": pd.Series([1, "b", [2]], dtype=object),
        }
    )
    grid = grid_of(frame, columns=20)
    columns = dict(zip(grid.columns, zip(*grid.rows, strict=True), strict=True))
    assert columns == {
        "float": ("0.1", "nan", "1e+300"),
        "whole": ("1", "—", "-3"),
        "flag": ("True", "False", "True"),
        "maybe": ("True", "—", "False"),
        "text": ("a", "—", "ü"),
        "word": ("x", "—", "z"),
        "kind": ("low", "high", "—"),
        "day": ("2026-11-20 17:00:00", "—", "1969-12-31 23:00:00"),
        "there": ("2026-11-20 00:00:00", "—", "2026-01-01 00:00:00"),
        "mixed": ("1", "b", "[2]"),
    }
    numeric = dict(zip(grid.columns, grid.numeric, strict=True))
    assert [name for name, is_number in numeric.items() if is_number] == ["float", "whole"]


def test_only_the_first_of_many():
    grid = grid_of(pd.DataFrame(np.arange(1000).reshape(100, 10)))
    assert grid.columns == ("0", "1", "2", "3")
    assert grid.rows[2] == ("20", "21", "22", "23")
    assert (len(grid.rows), grid.of_rows, grid.of_columns) == (3, 100, 10)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_matrix(order):
    matrix = np.array(np.arange(20.0).reshape(4, 5), order=order)
    grid = grid_of(matrix)
    assert grid.rows == (("0", "1", "2", "3"), ("5", "6", "7", "8"), ("10", "11", "12", "13"))
    assert (grid.of_rows, grid.of_columns) == (4, 5)


def test_vectors_series_and_values():
    assert grid_of(np.array([1.5, 2.5])).rows == (("1.5",), ("2.5",))
    assert grid_of(pd.Series([7, 8], name="n")).columns == ("n",)
    assert grid_of({"a": np.array([1]), "b": np.array(["x"])}).rows == (("1", "x"),)
    assert grid_of(["yes", 2, {"k": None}]).rows == (("yes",), ("2",), ('{"k": null}',))
    assert grid_of("just text").rows == (("just text",),)
    day = grid_of(np.array([dt.datetime(2026, 11, 20)], dtype="M8[us]"))  # noqa: DTZ001
    assert day.rows == (("2026-11-20 00:00:00",),)


def test_what_is_no_table_is_none():
    assert read_grid(payload(np.zeros((2, 3, 4))), 3, 4) is None
    assert read_grid(Payload(header={"kind": "other"}, buffers=()), 3, 4) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["rows", "columns", "names", "labels", "tensors", "single", "shape", "type", "buffers", "width"]
)
TYPES = st.sampled_from(["<f8", "|b1", "text", "string", "category", "Int64", "<M8[ns]", "json"])
SPECS = st.dictionaries(KEYS, TYPES | st.lists(st.integers(-1, 3), max_size=3) | st.integers())
VALUES = st.one_of(
    JSON, TYPES, st.lists(st.integers(-1, 5), max_size=3), st.lists(SPECS, max_size=3)
)


@settings(deadline=None)
@given(
    st.sampled_from(["table", "tensors", "json", None]),
    st.dictionaries(KEYS, VALUES),
    st.lists(st.binary(max_size=40), max_size=3),
)
def test_nobodys_payload_does_harm(kind, header, buffers):
    found = read_grid(Payload(header={**header, "kind": kind}, buffers=tuple(buffers)), 3, 4)
    if found is not None:
        assert all(len(row) == len(found.columns) for row in found.rows)
        assert all(isinstance(cell, str) for row in found.rows for cell in row)
