"""Random tables, arrays and values come back bit for bit; random headers never break the reader."""

from __future__ import annotations

import contextlib
import json
import math
import struct

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from holdfast.worker import payload

bits = settings(max_examples=150, deadline=None)


def round_trip(obj):
    header, buffers = payload.encode(obj)
    header = json.loads(json.dumps(header, allow_nan=False))
    return payload.decode(header, [bytearray(bytes(memoryview(buffer))) for buffer in buffers])


plain_dtypes = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.unsigned_integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    npst.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    npst.datetime64_dtypes(),
    npst.timedelta64_dtypes(),
    npst.byte_string_dtypes(),
    npst.unicode_string_dtypes(),
)


def any_bits(dtype, shape):
    """Every pattern of bits, signalling NaNs included, where a dtype takes any."""
    size = int(np.prod(shape)) * dtype.itemsize
    return st.binary(min_size=size, max_size=size).map(
        lambda raw: np.frombuffer(raw, dtype).reshape(shape)
    )


@st.composite
def arrays(draw):
    dtype = draw(plain_dtypes)
    shape = draw(npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    if dtype.kind in "iufcmM" and dtype.itemsize and 0 not in shape:
        array = draw(any_bits(dtype, shape))
    else:
        array = draw(npst.arrays(dtype, shape))
    order = draw(st.sampled_from("CF"))
    return np.asarray(array, order=order)


@bits
@given(arrays())
def test_any_array(array):
    back = round_trip(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.f_contiguous == array.flags.f_contiguous


@bits
@given(st.dictionaries(st.text(max_size=4), arrays(), min_size=1, max_size=3))
def test_any_named_arrays(tensors):
    back = round_trip(tensors)
    assert list(back) == list(tensors)
    assert all(back[name].tobytes() == tensors[name].tobytes() for name in tensors)


texts = st.text(st.characters(codec=None), max_size=6)
doubles = st.binary(min_size=8, max_size=8).map(lambda raw: struct.unpack("<d", raw)[0])
leaves = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**80), 2**80) | doubles | texts
    | st.binary(max_size=5) | st.decimals() | st.dates() | st.datetimes() | st.times()
    | st.timedeltas() | st.uuids() | arrays()
)  # fmt: skip
keys = texts | st.integers() | st.none() | st.booleans() | st.just("$float")
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=10,
)


def same(left, right) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, np.ndarray):
        return (left.dtype, left.shape, left.tobytes()) == (
            right.dtype,
            right.shape,
            right.tobytes(),
        )
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return repr(left) == repr(right)


@bits
@given(values)
def test_any_value(value):
    assert same(round_trip(value), value)


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.just(math.nan) | texts


@st.composite
def columns(draw, rows):
    kind = draw(st.integers(0, 6))
    if kind == 0:
        dtype = draw(
            st.sampled_from(
                ["b", "i2", "i4", "i8", "u1", "u8", "f2", "f4", "f8", "?", "M8[ns]", "m8[s]"]
            )
        )
        dtype = np.dtype(dtype)
        return draw(any_bits(dtype, (rows,)) if dtype.kind in "iufmM" else npst.arrays(dtype, rows))
    if kind == 1:
        return pd.Series(draw(st.lists(scalars, min_size=rows, max_size=rows)), dtype=object)
    if kind == 2:
        items = st.lists(st.none() | texts, min_size=rows, max_size=rows)
        return pd.array(draw(items), dtype=pd.StringDtype("python"))
    if kind == 3:
        items = st.lists(st.none() | st.integers(0, 255), min_size=rows, max_size=rows)
        return pd.array(draw(items), dtype=draw(st.sampled_from(["UInt8", "Int64", "Float32"])))
    if kind == 4:
        items = st.lists(st.none() | st.sampled_from("abc"), min_size=rows, max_size=rows)
        return pd.Categorical(draw(items), categories=["c", "a", "b"], ordered=draw(st.booleans()))
    moments = draw(st.lists(st.none() | st.integers(0, 2**60), min_size=rows, max_size=rows))
    zone = draw(st.sampled_from([None, "UTC", "Europe/Berlin", "Asia/Kathmandu"]))
    return pd.to_datetime(
        pd.Series(moments, dtype="Int64").astype("float64"), utc=True
    ).dt.tz_convert(zone)


@st.composite
def frames(draw):
    rows = draw(st.integers(0, 4))
    names = draw(st.lists(texts | st.integers(0, 9), max_size=5, unique_by=repr))
    frame = pd.DataFrame(
        {number: pd.Series(draw(columns(rows))) for number in range(len(names))},
        index=pd.RangeIndex(rows),
    )
    frame.columns = pd.Index(names, dtype=object) if draw(st.booleans()) else pd.Index(names)
    if draw(st.booleans()):
        frame.index = pd.Index(draw(st.lists(scalars, min_size=rows, max_size=rows)), dtype=object)
    return frame


@bits
@given(frames())
def test_any_frame(frame):
    back = round_trip(frame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=False)
    for at in range(frame.shape[1]):
        before, after = frame.iloc[:, at], back.iloc[:, at]
        if isinstance(before.dtype, np.dtype) and before.dtype != object:
            assert after.to_numpy().tobytes() == before.to_numpy().tobytes()
        elif before.dtype == object:
            assert same(after.tolist(), before.tolist())


WORDS = "table tensors json sparse <f8 |O text category $payload"
FIELDS = (
    "kind rows names columns type buffers shape tensors single series index labels count range "
    "values levels width codes categories ordered $payload $scalar $dict"
)
specs = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 5)
    | st.integers()
    | st.text(max_size=3)
    | st.sampled_from(WORDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=5)
    ),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["rows", "columns", "names", "tensors", "buffers", "index"]), specs
    ),
    st.sampled_from(["table", "tensors", "json", "sparse"]),
    st.lists(st.binary(max_size=20), max_size=3),
)
def test_a_random_header_is_refused_or_read(header, kind, buffers):
    with contextlib.suppress(payload.PayloadError):
        payload.decode({"kind": kind, **header}, buffers)


@settings(max_examples=300, deadline=None)
@given(st.one_of(frames(), arrays(), values), st.data())
def test_a_payload_that_was_changed_is_refused_or_read(obj, data):
    header, buffers = payload.encode(obj)
    changed = [bytearray(bytes(memoryview(buffer))) for buffer in buffers]
    for buffer in changed:
        if buffer and data.draw(st.booleans()):
            buffer[data.draw(st.integers(0, len(buffer) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(payload.PayloadError):
        payload.decode(header, changed)
