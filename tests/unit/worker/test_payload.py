"""Payloads give back what they were given, or say what they cannot hold."""

from __future__ import annotations

import base64
import collections
import datetime as dt
import decimal
import enum
import json
import struct
import subprocess
import sys
import uuid
import zoneinfo
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from holdfast.worker import payload


def round_trip(obj):
    header, buffers = payload.encode(obj)
    header = json.loads(json.dumps(header, allow_nan=False))
    return payload.decode(
        header,
        [
            bytearray(memoryview(buffer).cast("B")) if memoryview(buffer).nbytes else bytearray()
            for buffer in buffers
        ],
    )


NAN_WITH_PAYLOAD = struct.unpack("<d", b"\x01\x02\x03\0\0\0\xf8\xff")[0]
BERLIN = "Europe/Berlin"

FRAMES = {
    "numbers": pd.DataFrame({"a": [1, 2], "b": [0.5, -0.0], "c": [True, False]}),
    "one block": pd.DataFrame(np.arange(12.0).reshape(3, 4)),
    "every width": pd.DataFrame(
        {
            kind: np.array([0, 1, 2], dtype=kind)
            for kind in [
                "b",
                "h",
                "i",
                "l",
                "q",
                "B",
                "H",
                "I",
                "L",
                "Q",
                "e",
                "f",
                "d",
                "F",
                "D",
                "?",
            ]
        }
    ),
    "dates": pd.DataFrame(
        {
            "naive": pd.to_datetime(["2020-01-01", None]),
            "zone": pd.to_datetime(["2020-07-01", None]).tz_localize(BERLIN),
            "offset": pd.to_datetime(["2020-07-01", None]).tz_localize(
                dt.timezone(dt.timedelta(hours=5, minutes=30))
            ),
            "utc": pd.to_datetime(["2020-07-01", None], utc=True),
            "seconds": np.array(["2020-01-01", "NaT"], dtype="M8[s]"),
            "delta": pd.to_timedelta([1, None], unit="D"),
        }
    ),
    "text": pd.DataFrame({"s": ["x", None, "é\0"], "t": pd.array(["a", None, ""], dtype="string")}),
    "objects": pd.DataFrame(
        {
            "str": pd.Series(["a", "b\ud800"], dtype=object),
            "none": pd.Series(["a", None], dtype=object),
            "nan": pd.Series(["a", float("nan")], dtype=object),
            "both": pd.Series([None, float("nan")], dtype=object),
            "bytes": pd.Series([b"\0\xff", None], dtype=object),
            "mixed": pd.Series([1, "1"], dtype=object),
            "json": pd.Series([{"a": [1, (2,)]}, [[3], []]], dtype=object),
            "money": pd.Series([decimal.Decimal("1.10"), decimal.Decimal("NaN")], dtype=object),
            "day": pd.Series([dt.date(2020, 1, 2), pd.NaT], dtype=object),
            "arrays": pd.Series([np.arange(2), np.zeros((1, 1))], dtype=object),
        }
    ),
    "masked": pd.DataFrame(
        {
            kind: pd.array([1, None, 0], dtype=kind)
            for kind in ("Int8", "Int64", "UInt16", "Float32", "Float64", "boolean")
        }
    ),
    "categories": pd.DataFrame(
        {
            "plain": pd.Categorical(["a", None, "b"], categories=["b", "a", "unused"]),
            "ordered": pd.Categorical([3, 1, 3], ordered=True),
            "bins": pd.cut([1, 5, 9], 3),
        }
    ),
    "periods": pd.DataFrame({"p": pd.period_range("2020-01", periods=2, freq="M")}),
    "intervals": pd.DataFrame({"i": pd.interval_range(0, 2, closed="left")}),
    "labels that are numbers": pd.DataFrame({1: [1], "1": [2], (1, "x"): [3], None: [4]}),
    "labels twice": pd.DataFrame([[1, 2.0, "x"]], columns=["a", "a", "a"]),
    "two levels of labels": pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["q", None])
    ),
    "no rows": pd.DataFrame({"a": np.zeros(0), "s": pd.Series([], dtype=object)}),
    "no columns": pd.DataFrame(index=pd.RangeIndex(3)),
    "nothing": pd.DataFrame(),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back(name):
    pd.testing.assert_frame_equal(round_trip(FRAMES[name]), FRAMES[name], check_exact=True)


def test_none_and_nan_are_not_the_same():
    back = round_trip(FRAMES["objects"])
    assert back["both"][0] is None
    assert isinstance(back["both"][1], float)
    assert back["none"][1] is None


def test_a_masked_nan_is_not_a_missing_value():
    values = pd.arrays.FloatingArray(np.array([np.nan, 1.0]), np.array([False, True]))
    back = round_trip(pd.DataFrame({"x": values}))["x"].array
    assert back._mask.tolist() == [False, True]
    assert np.isnan(back._data[0])


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(2, name="row"),
        pd.RangeIndex(4, 0, -2),
        pd.Index([7, 3]),
        pd.Index(["x", "y"], name=("a", 1)),
        pd.Index(["x", 1], dtype=object),
        pd.date_range("2020", periods=2, freq="h", tz="UTC", name="at"),
        pd.timedelta_range("1s", periods=2),
        pd.CategoricalIndex(["b", "a"]),
        pd.period_range("2020", periods=2, freq="Q"),
        pd.interval_range(0, 2),
        pd.MultiIndex.from_product([["a"], [1, 2]], names=["x", None]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_an_index_comes_back(index):
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=index)
    pd.testing.assert_frame_equal(round_trip(frame), frame)
    assert type(round_trip(frame).index) is type(index)


@pytest.mark.parametrize("name", [None, "y", 3, ("a", 1)])
def test_a_series_comes_back_as_a_series(name):
    series = pd.Series(["a", None], index=[5, 6], name=name, dtype=object)
    pd.testing.assert_series_equal(round_trip(series), series)


ARRAYS = {
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 3), "f2"),
    "fortran": np.asfortranarray(np.arange(6, dtype="i2").reshape(2, 3)),
    "strided": np.arange(20)[::3],
    "big-endian": np.arange(3, dtype=">i4"),
    "complex": np.array([1 + 2j, -0.0j]),
    "bool": np.array([[True], [False]]),
    "days": np.array(["2020-01-01", "NaT"], "M8[D]"),
    "bytes": np.array([b"a\0b", b"x"]),
    "text": np.array([["é", "bcd"], ["", "x"]]),
    "no text": np.zeros(0, "U5"),
    "objects": np.array([["é", None], [1, (2,)]], dtype=object),
    "object scalar": np.array("x", dtype=object),
    "nan bits": np.array([NAN_WITH_PAYLOAD, -0.0, np.inf]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back(name):
    array = ARRAYS[name]
    back = round_trip(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    if array.dtype == object:
        assert back.tolist() == array.tolist()
    else:
        assert back.tobytes() == array.tobytes()
    assert back.flags.f_contiguous == array.flags.f_contiguous or name == "strided"


def test_arrays_with_names_come_back():
    back = round_trip({"x": np.ones((2, 2), "f4"), "": np.array(["a"])})
    assert list(back) == ["x", ""]
    assert back["x"].dtype == np.float32


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "csr_array"])
def test_a_sparse_matrix_comes_back(kind):
    matrix = getattr(scipy.sparse, kind)(np.array([[0, 1.5], [0, 0], [2, 0]]))
    back = round_trip(matrix)
    assert type(back) is type(matrix)
    assert (back.toarray() == matrix.toarray()).all()


class Point(NamedTuple):
    x: int
    y: int


class Colour(str, enum.Enum):
    RED = "red"


VALUES = [
    None,
    True,
    "text \ud800 é",
    0,
    -(2**63),
    2**64,
    -(10**4000),
    0.1,
    -0.0,
    float("inf"),
    [],
    {},
    (1, (2,)),
    {1, 2},
    frozenset(["a"]),
    {"a": {"b": [None]}},
    {1: "a", None: 2, (1, 2): 3},
    {"$float": "not ours"},
    b"\0\xff",
    decimal.Decimal("-1.50"),
    dt.date(2020, 2, 29),
    dt.datetime(2020, 2, 29, 1, 2, 3, 4),  # noqa: DTZ001 - naive is the case
    dt.datetime(2020, 2, 29, tzinfo=dt.timezone.utc),
    dt.time(1, 2, 3),
    dt.timedelta(-1, 2, 3),
    uuid.UUID(int=5),
    np.float32(0.1),
    np.int64(5),
    np.bool_(1),
    np.str_("é"),
    np.datetime64("2020-01-01", "D"),
    pd.Timestamp("2020-01-01 01:02:03.123456789", tz=BERLIN),
    pd.Timedelta("1ns"),
    pd.NaT,
    pd.NA,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_a_value_comes_back(value):
    back = round_trip(value)
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_nan_keeps_its_bits():
    assert struct.pack("<d", round_trip([NAN_WITH_PAYLOAD])[0]) == struct.pack(
        "<d", NAN_WITH_PAYLOAD
    )


def test_subclasses_cross_as_what_they_derive_from():
    point = Point(1, 2)
    back = round_trip([Colour.RED, collections.OrderedDict(a=1), collections.Counter("a"), point])
    assert back == ["red", {"a": 1}, {"a": 1}, (1, 2)]
    assert [type(item) for item in back] == [str, dict, dict, tuple]


def test_arrays_and_tables_inside_values_come_back():
    back = round_trip({"a": [np.arange(3)], "frame": FRAMES["text"], 1: FRAMES["text"]["s"]})
    assert back["a"][0].tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(back["frame"], FRAMES["text"])
    pd.testing.assert_series_equal(back[1], FRAMES["text"]["s"])


class Odd:
    pass


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (Odd(), r"value: .*Odd cannot cross"),
        ({"a": [1, {"b": Odd()}]}, r"value\['a'\]\[1\]\['b'\]: .*Odd cannot cross"),
        (pd.DataFrame({"x": [1], "y": [Odd()]}), r"value column 'y' row 0: .*Odd cannot cross"),
        (np.zeros(1, dtype=[("a", "i4")]), "cannot cross"),
        (np.zeros(1, "g"), "longdouble|float128|float64"),
        (np.ma.masked_array([1], [True]), "MaskedArray cannot cross"),
        (scipy.sparse.coo_matrix((2, 2)), "coo_matrix cannot cross; use csr or csc"),
        (pd.DataFrame({"s": pd.arrays.SparseArray([0, 1])}), r"Sparse\[int64, 0\] cannot cross"),
        (dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo(BERLIN)), "use UTC or pandas"),
        (iter([1]), "list_iterator cannot cross"),
        (print, "builtin_function_or_method cannot cross"),
    ],
)
def test_what_has_no_exact_form_is_refused_by_name(obj, message):
    with pytest.raises(payload.PayloadError, match=message):
        payload.encode(obj)


def test_a_list_inside_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(payload.PayloadError, match="nested more than"):
        payload.encode(endless)


def test_nesting_up_to_the_limit_comes_back():
    deep = None
    for _ in range(60):
        deep = {1: (deep,)} if deep is None else {1: deep}
    assert round_trip(deep) == deep


def test_big_arrays_are_not_copied():
    array = np.zeros((1000, 10))
    _, (buffer,) = payload.encode(array)
    array[0, 0] = 5
    assert np.frombuffer(buffer)[0] == 5
    # Column after column, as pandas 3 would lay it by itself.
    frame = pd.DataFrame(np.asfortranarray(array), copy=False)
    _, buffers = payload.encode(frame)
    assert np.shares_memory(np.frombuffer(buffers[0]), frame.to_numpy())


def test_decoded_arrays_can_be_written_to():
    back = round_trip(np.zeros(3))
    back += 1
    frame = round_trip(FRAMES["one block"])
    frame.iloc[0, 0] = 9.0
    assert frame.iloc[0, 0] == 9.0


def table(**changes):
    header = {
        "kind": "table",
        "rows": 2,
        "names": ["a"],
        "columns": [{"type": "<i4", "buffers": [0]}],
    }
    return {**header, **changes}


def with_labels(**labels):
    header = table(rows=0, labels={"names": [None], **labels})
    del header["names"]
    return header


def column(**spec):
    return table(columns=[spec])


def categories(number, **index):
    codes = {"type": "<i4", "buffers": [0]}
    index["names"] = [None]
    return column(type="category", ordered=False, count=number, categories=index, codes=codes)


def moments(kind, dtype, **spec):
    return column(type=kind, values={"type": dtype, "buffers": [0]}, **spec)


def tensor(**spec):
    return {"kind": "tensors", "single": True, "tensors": [{"shape": [2], "buffers": [0], **spec}]}


def text(offsets, data=b"ab"):
    return column(type="text", buffers=[0, 1]), [struct.pack("<3q", *offsets), data]


BAD = [
    ({}, []),
    ({"kind": "pickle", "buffers": [0]}, [b"cos\nsystem\n."]),
    (table(), [bytes(7)]),
    (table(), []),
    (table(rows=-1), [bytes(8)]),
    (table(rows=True), [bytes(8)]),
    (table(rows=10**18), [bytes(8)]),
    (table(rows=10**12, names=[], columns=[]), []),
    (table(names=["a", "b"]), [bytes(8)]),
    (table(names=[1]), [bytes(8)]),
    (table(columns=[{"type": "<i4", "buffers": [0]}] * 2, names=["a", "b"]), [bytes(8)]),
    (table(columns=[{"type": "<i4", "width": 10**15, "buffers": [0]}], rows=0), [b""]),
    (with_labels(count=10**15, range=[0, 10**15, 1]), [b""]),
    (table(index={"range": [0, 10**30, 1], "names": [None]}), [bytes(8)]),
    (table(index={"range": [0, 5, 1], "names": [None]}), [bytes(8)]),
    (table(index={"range": [0, 2, 1], "names": [None, None]}), [bytes(8)]),
    (column(type="O", buffers=[0]), [bytes(16)]),
    (column(type="|O8", buffers=[0]), [bytes(16)]),
    (column(type="<i4,<O8", buffers=[0]), [bytes(24)]),
    (column(type="|V8", buffers=[0]), [bytes(16)]),
    (column(type="|S0", buffers=[0]), [b""]),
    (column(type="<i4", buffers=[1]), [bytes(8)]),
    (column(type="<i4", buffers=[-1]), [bytes(8)]),
    (column(type="<i4", buffers=["0"]), [bytes(8)]),
    (column(type="<i4", buffers=[False]), [bytes(8)]),
    (categories(2, range=[0, 2, 1]), [struct.pack("<2i", 5, 0)]),
    (categories(10**12, range=[0, 10**12, 1]), [bytes(8)]),
    (categories(2, values={"type": "<i4", "buffers": [1]}), [bytes(8), bytes(8)]),
    (column(type="Int64", buffers=[0, 1]), [bytes(16), b"\0\2"]),
    (moments("datetime", "<M8[ns]", zone="../../etc/passwd"), [bytes(16)]),
    (moments("datetime", "<M8[ns]", zone="No/Such"), [bytes(16)]),
    (moments("datetime", "<i8", zone="UTC"), [bytes(16)]),
    (moments("period", "<i8", freq="nonsense"), [bytes(16)]),
    text([0, 1, 3]),
    text([1, 1, 2]),
    text([0, 5, 2]),
    text([0, -1, 2]),
    text([0, 1, 2], b"\xff\xff"),
    (column(type="json", buffers=[0]), [b"[1]"]),
    (column(type="json", buffers=[0]), [b"[" * 100_000]),
    (tensor(type="<U900000000"), [struct.pack("<3q", 0, 0, 0), b""]),
    (tensor(type="<f8", shape=[10**30]), [bytes(8)]),
    (tensor(type="<f8", shape=[-1]), [bytes(8)]),
    (tensor(type="<f8", shape=[2.0]), [bytes(16)]),
    (tensor(type="<f8", shape=[0] * 100), [b""]),
    ({"kind": "tensors", "single": True, "tensors": []}, []),
    ({"kind": "tensors", "tensors": [{"name": 5}]}, []),
    ({"kind": "sparse", "format": "__class__", "shape": [1, 1]}, []),
    ({"kind": "sparse", "format": "csr_matrix", "shape": [1, 1],
      "data": {"count": 1, "type": "<f8", "buffers": [0]},
      "indices": {"count": 1, "type": "<i4", "buffers": [1]},
      "indptr": {"count": 2, "type": "<i4", "buffers": [2]}},
     [bytes(8), struct.pack("<i", 10**6), struct.pack("<2i", 0, 1)]),
    *[
        ({"kind": "json", "buffers": [0]}, [json.dumps(tree).encode()])
        for tree in (
            {"$float": "00"}, {"$float": 5}, {"$int": 5}, {"$int": "zz"}, {"$tuple": 5},
            {"$dict": [[1]]}, {"$dict": [[[], 1]]}, {"$bytes": "!"}, {"$decimal": "x"},
            {"$date": 5}, {"$datetime": "never"}, {"$timedelta": [10**20]}, {"$scalar": ["O", ""]},
            {"$scalar": ["<f8", "00"]}, {"$scalar": []}, {"$timestamp": ["<M8[ns]", "00" * 8]},
            {"$missing": "x"}, {"$payload": {"kind": "json"}}, {"$payload": 5}, {"$eval": "1"},
        )
    ],
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_malformed_payload_is_refused(number):
    header, buffers = BAD[number]
    with pytest.raises(payload.PayloadError):
        payload.decode(header, [bytearray(buffer) for buffer in buffers])


def test_one_buffer_is_not_used_twice():
    nested = {"$payload": tensor(type="<f8", shape=[1])}
    header = {"kind": "json", "buffers": [1]}
    with pytest.raises(payload.PayloadError, match="used twice"):
        payload.decode(header, [bytes(8), json.dumps([nested, nested]).encode()])


def test_a_parent_without_numpy_reads_and_writes_json():
    program = (
        "import sys\n"
        "sys.modules['numpy'] = sys.modules['pandas'] = None\n"
        "from holdfast.worker import payload\n"
        "header, buffers = payload.encode({'a': [1, None, (2.5,)]})\n"
        "print(payload.decode(header, buffers))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'a': [1, None, (2.5,)]}\n"


def test_the_format_is_the_documented_one():
    frame = pd.DataFrame(
        {"a": np.array([1, 2], "i4"), "b": np.array([3, 4], "i4"), "s": ["x", "yz"]}
    )
    frame["s"] = frame["s"].astype(object)
    header, buffers = payload.encode(frame)
    assert header == {
        "kind": "table",
        "rows": 2,
        "names": ["a", "b", "s"],
        "columns": [
            {"width": 2, "type": "<i4", "buffers": [0]},
            {"type": "text", "buffers": [1, 2]},
        ],
    }
    assert [base64.b16encode(bytes(buffer)) for buffer in buffers] == [
        b"01000000020000000300000004000000",
        b"000000000000000001000000000000000300000000000000",
        b"78797A",
    ]
