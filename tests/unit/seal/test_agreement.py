from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, floating_dtypes, integer_dtypes

from holdfast.seal.agreement import compare
from holdfast.seal.golden import Payload
from holdfast.worker.payload import encode

FLOATS = [1.0, float("nan"), 3.5]
MASKED = pd.array([1.0, None, 3.5], dtype="Float64")


def payload(value):
    header, buffers = encode(value)
    return Payload(header=header, buffers=tuple(map(bytes, buffers)))


def agreement(one, other):
    return compare(payload(one), payload(other))


@pytest.mark.parametrize(
    "make",
    [
        lambda by: np.array(FLOATS) + by,
        lambda by: np.array(FLOATS, "f4") + np.float32(by),
        lambda by: np.array([1, 2], "f2") + np.float16(by),
        lambda by: np.array([1 + 2j]) + by,
        lambda by: pd.DataFrame({"p": np.array(FLOATS) + by, "label": ["a", "b", None]}),
        lambda by: pd.Series(np.array(FLOATS) + by, name="p"),
        lambda by: pd.DataFrame({"p": MASKED + by}),
        lambda by: {"p": np.array(FLOATS) + by, "q": np.array([True])},
        lambda by: [1.0, 3.5 + by],
        lambda by: [{"score": 3.5 + by, "label": "a"}],
        lambda by: [np.float64(3.5 + by)],
        lambda by: {"nested": [np.array(FLOATS) + by]},
        lambda by: [pd.DataFrame({"p": np.array(FLOATS) + by})],
    ],
)
def test_numbers_are_compared_wherever_they_stand(make):
    assert agreement(make(0), make(0)).identical
    found = agreement(make(0), make(0.5))
    assert not found.identical
    assert found.same_shape
    assert found.largest == pytest.approx(0.5)
    assert found.place
    assert found.within(0.5)
    assert not found.within(0.4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["yes", "no"], ["yes", "yes"]),
        (np.array(["yes", "no"]), np.array(["yes", "nope"])),
        (np.array([True, False]), np.array([True, True])),
        ([True], [False]),
        (pd.DataFrame({"s": ["a", "b"]}), pd.DataFrame({"s": ["a", "c"]})),
        (pd.Series(pd.Categorical(["a", "b"])), pd.Series(pd.Categorical(["b", "a"]))),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0])),
        ([float("inf")], [1.0]),
        ([float("nan")], [1.0]),
        (np.array(["2026-01-01"], "M8[D]"), np.array(["2026-01-02"], "M8[D]")),
        (pd.Series([1, None], dtype="Int64"), pd.Series([1, 2], dtype="Int64")),
        ([{"label": "a"}], [{"label": "b"}]),
    ],
)
def test_no_tolerance_covers_what_is_no_number(one, other):
    found = agreement(one, other)
    assert found.same_shape
    assert found.largest == math.inf
    assert not found.within(1e300)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([1.0]), np.array([1.0, 2.0])),
        (np.array([1.0]), np.array([1.0], "f4")),
        (np.array([1.0]), np.array([1])),
        (np.array([1.0]), [1.0]),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        ([0.1, 0.2], [0.1]),
        ([1], [1.0]),
        (["a"], [None]),
        ({"a": 1}, {"b": 1}),
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]})),
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [1.0], "b": [1.0]})),
        ([np.float64(1)], [np.float32(1)]),
    ],
)
def test_another_shape_or_type(one, other):
    found = agreement(one, other)
    assert not found.identical
    assert not found.same_shape
    assert not found.within(math.inf)
    assert found.place.startswith("answer")


def test_zero_has_two_signs_and_nan_many_forms():
    found = agreement(np.array([0.0]), np.array([-0.0]))
    assert not found.identical
    assert found.within(0)
    quiet = np.array([0x7FF8000000000001], "u8").view("f8")
    assert agreement(np.array([np.nan]), quiet).within(0)


SOME = arrays(floating_dtypes(endianness="<", sizes=(32, 64)), array_shapes(max_dims=2))
WHOLE = arrays(integer_dtypes(endianness="<"), array_shapes(max_dims=2))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(SOME | WHOLE | JSON)
def test_an_answer_agrees_with_itself(value):
    assert agreement(value, value).identical


@settings(deadline=None)
@given(SOME | WHOLE | JSON, SOME | WHOLE | JSON)
def test_both_ways_are_one(one, other):
    there, back = agreement(one, other), agreement(other, one)
    assert there.identical == back.identical
    assert there.same_shape == back.same_shape
    assert there.largest == back.largest


@settings(deadline=None)
@given(st.data())
def test_the_largest_difference_is_numpys(data):
    one = data.draw(SOME)
    other = data.draw(arrays(one.dtype, one.shape))
    found = agreement(one, other)
    assert found.same_shape
    with np.errstate(all="ignore"):
        wide = np.abs(one.astype("f8") - other.astype("f8"))
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    wide = np.where(same, 0.0, np.where(np.isnan(wide), np.inf, wide))
    assert found.largest == wide.max()
    assert found.identical == (one.tobytes() == other.tobytes())


HEADERS = st.recursive(
    st.none() | st.integers(-2, 5) | st.sampled_from(["<f8", "json", "buffers", "table"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "type", "buffers", "columns", "$payload"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
PAYLOADS = st.builds(
    Payload,
    header=st.dictionaries(st.sampled_from(["kind", "type", "buffers", "columns"]), HEADERS),
    buffers=st.lists(
        st.binary(max_size=12)
        | st.sampled_from([b'{"$payload":{"buffers":[0]}}', b'{"$scalar":["<f8","zz"]}', b"[1.5]"]),
        max_size=3,
    ).map(tuple),
)


@settings(deadline=None)
@given(PAYLOADS, PAYLOADS)
def test_whatever_an_answer_holds_comparing_gives_an_agreement(golden, answer):
    found = compare(golden, answer)
    assert found.identical == (golden == answer)
    if golden.buffers != answer.buffers:
        assert not found.identical


def test_a_buffer_that_no_header_names_counts():
    golden = Payload(header={"kind": "json", "buffers": [0]}, buffers=(b"[1]", b"x"))
    answer = Payload(header={"kind": "json", "buffers": [0]}, buffers=(b"[1]", b"y"))
    assert not compare(golden, answer).within(1e300)


def test_a_header_nested_too_deeply():
    def deep(end):
        header = {"columns": end}
        for _ in range(5000):
            header = {"columns": header}
        return Payload(header=header, buffers=())

    assert not compare(deep(1), deep(2)).same_shape
