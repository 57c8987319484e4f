"""Columns: the values of a Series or an Index, of any dtype that pandas has a wire form for.

Beyond the types of arrays.py:

    {"type": "string", "storage": "python", "missing": "NA" or "nan", "buffers": [o, d, m]}
    {"type": "str", "missing": "None" or "nan", "buffers": [o, d, m]}   only read: see below
    {"type": "Int64", "buffers": [v, m]}     any of pandas' masked types, "boolean" included
    {"type": "category", "ordered": b, "categories": {index}, "count": c, "codes": {…}}
    {"type": "datetime", "zone": …, "values": {…}}
    {"type": "period", "freq": "M", "values": {…}}
    {"type": "interval", "closed": "right", "left": {…}, "right": {…}}

An index is {"range": [start, stop, step]}, {"values": {column}} or {"levels": [{column}, …]}, with
"names" of its levels and "freq" where it has one.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import re
from typing import Any, Callable

from .arrays import (
    is_fixed,
    objects,
    read_fixed,
    read_objects,
    read_strings,
    read_validity,
    write_fixed,
    write_objects,
    write_strings,
)
from .parts import PayloadError, Reader, Spec, Writer, count, field
from .values import dump, dump_zone, load, load_zone

_MASKED = {
    "boolean": "|b1",
    "Float32": "<f4",
    "Float64": "<f8",
    "Int8": "|i1",
    "Int16": "<i2",
    "Int32": "<i4",
    "Int64": "<i8",
    "UInt8": "|u1",
    "UInt16": "<u2",
    "UInt32": "<u4",
    "UInt64": "<u8",
}
_FREQ = re.compile(r"-?\d{0,9}[A-Za-z]{1,12}(-[A-Za-z0-9]{1,12})?")
# Rows without columns, columns without rows and ranges cost no bytes on the wire, whatever their
# number: this is how many there may be.
MOST_UNSENT = 1 << 20


def write_column(writer: Writer, data: Any, where: str) -> Spec:
    """The values of a Series or an Index.

    Raises:
        PayloadError: Its dtype, or a value, has no exact form.
    """
    import numpy as np

    kind = data.dtype
    if isinstance(kind, np.dtype):
        if is_fixed(kind):
            return write_fixed(writer, data.to_numpy(), where)
        if kind.kind == "O":
            return write_objects(writer, data.to_numpy(), where)
    elif type(kind).__name__ in _WRITTEN:
        return _WRITTEN[type(kind).__name__](writer, data, where)
    elif str(kind) in _MASKED:
        return _write_masked(writer, data, where)
    raise PayloadError(f"{where}: pandas dtype {kind} cannot cross exactly")


def read_column(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    """A NumPy array or a pandas extension array of `rows` values."""
    kind = field(spec, "type", str, where)
    if kind in _READ:
        return _READ[kind](reader, spec, rows, where)
    if kind in _MASKED:
        return _read_masked(reader, spec, rows, where)
    if kind in ("text", "bytes", "json"):
        return read_objects(reader, spec, rows, where)
    return read_fixed(reader, spec, rows, where)


def write_index(writer: Writer, index: Any, where: str) -> Spec:
    """An Index of any kind, with the names of its levels and its frequency.

    Raises:
        PayloadError: A level has no exact form.
    """
    import pandas as pd

    names = [dump(name, writer, where + " name") for name in index.names]
    if isinstance(index, pd.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "names": names}
    if isinstance(index, pd.MultiIndex):
        levels = [
            write_column(writer, index.get_level_values(level), f"{where} level {level}")
            for level in range(index.nlevels)
        ]
        return {"levels": levels, "names": names}
    spec: Spec = {"values": write_column(writer, index, where), "names": names}
    freq = getattr(index, "freqstr", None)
    if freq is not None and not isinstance(index, pd.PeriodIndex):
        spec["freq"] = freq
    return spec


def read_index(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    """The Index of `rows` labels.

    Raises:
        PayloadError: It is malformed or has another number of labels.
    """
    import pandas as pd

    names = [load(name, reader, where) for name in field(spec, "names", list, where)]
    try:
        if "range" in spec:
            index = _range(spec, where)
        elif "levels" in spec:
            levels = [
                _index(read_column(reader, level, rows, where))
                for level in field(spec, "levels", list, where)
            ]
            index = pd.MultiIndex.from_arrays(levels)
        else:
            index = _index(read_column(reader, field(spec, "values", dict, where), rows, where))
            index = _with_freq(index, spec, where)
        index.names = names
    except (ValueError, TypeError, OverflowError) as error:
        raise PayloadError(f"{where}: not an index: {error}") from error
    if len(index) != rows:
        raise PayloadError(f"{where}: {len(index)} labels for {rows} rows")
    return index


def _index(values: Any) -> Any:
    import pandas as pd

    # With the dtype said, pandas does not guess another one from the values.
    return pd.Index(values, dtype=values.dtype)


def _range(spec: Spec, where: str) -> Any:
    import pandas as pd

    numbers = field(spec, "range", list, where)
    if [type(number) for number in numbers] != [int, int, int]:
        raise PayloadError(f"{where}: a range is three integers")
    return pd.RangeIndex(*numbers)


def _with_freq(index: Any, spec: Spec, where: str) -> Any:
    import pandas as pd

    if "freq" not in spec:
        return index
    freq = field(spec, "freq", str, where)
    if not _FREQ.fullmatch(freq) or not isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        raise PayloadError(f"{where}: {freq!r:.40} is no frequency")
    try:
        return type(index)(index, freq=freq)
    except ValueError:
        # Other pandas, other names of frequencies; the labels are the same without one.
        return index


def _write_masked(writer: Writer, data: Any, where: str) -> Spec:
    # No public way gives both: a NaN that is a value and one that is missing differ only here.
    values, mask = data.array._data, data.array._mask  # noqa: SLF001
    spec = write_fixed(writer, values, where)
    spec["type"] = str(data.dtype)
    spec["buffers"] += write_fixed(writer, ~mask, where)["buffers"]
    return spec


def _read_masked(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    import pandas as pd

    kind = spec["type"]
    values = read_fixed(reader, {**spec, "type": _MASKED[kind]}, rows, where)
    mask = ~read_validity(reader, spec, 1, rows, where)
    if kind == "boolean":
        return pd.arrays.BooleanArray(values, mask)
    if kind.startswith("Float"):
        return pd.arrays.FloatingArray(values, mask)
    return pd.arrays.IntegerArray(values, mask)


def _write_text(writer: Writer, data: Any, _where: str) -> Spec:
    storage = getattr(data.dtype, "storage", "python")
    gap = getattr(data.dtype, "na_value", None)
    missing = "nan" if isinstance(gap, float) else "NA"
    spec = write_strings(writer, data.to_numpy(dtype=object).tolist(), missing=missing)
    spec.update(type="string", storage="pyarrow" if "pyarrow" in storage else "python")
    return spec


def _read_text(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    import pandas as pd

    gap = float("nan") if field(spec, "missing", str, where) == "nan" else pd.NA
    items = read_strings(reader, {**spec, "type": "text"}, rows, where, gap)
    storage = "pyarrow" if spec.get("storage") == "pyarrow" else "python"
    kind = _text_dtype(storage, gap)
    return objects(items) if kind is None else pd.array(items, dtype=kind)


def _read_own_text(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    """Text from a parent without pandas, of the kind that this pandas holds text in."""
    import pandas as pd

    gap = float("nan") if spec.get("missing") == "nan" else None
    items = read_strings(reader, {**spec, "type": "text"}, rows, where, gap)
    own = pd.Series([""]).dtype
    return pd.array(items, dtype=own) if isinstance(own, pd.StringDtype) else objects(items)


def _text_dtype(storage: str, gap: Any) -> Any:
    """The dtype asked for, or the nearest that this pandas has: storage is no part of a value."""
    import pandas as pd

    options = {"na_value": gap} if isinstance(gap, float) else {}
    try:
        return pd.StringDtype(storage, **options)
    except ImportError:
        return _text_dtype("python", gap)
    except TypeError:
        # pandas before 2.3 has no string type with NaN in it: strings were objects then.
        return None


def _write_category(writer: Writer, data: Any, where: str) -> Spec:
    values = data.array
    return {
        "type": "category",
        "ordered": bool(values.ordered),
        "count": len(values.categories),
        "categories": write_index(writer, values.categories, where + " categories"),
        "codes": write_fixed(writer, values.codes, where),
    }


def _read_category(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    import pandas as pd

    number = count(spec, "count", where)
    if "range" in field(spec, "categories", dict, where) and number > MOST_UNSENT:
        raise PayloadError(f"{where}: {number} categories are too many")
    categories = read_index(reader, field(spec, "categories", dict, where), number, where)
    codes = read_fixed(reader, field(spec, "codes", dict, where), rows, where)
    if codes.dtype.kind != "i":
        raise PayloadError(f"{where}: codes are integers")
    ordered = field(spec, "ordered", bool, where)
    try:
        # Checks that every code is a category's.
        return pd.Categorical.from_codes(codes, categories=categories, ordered=ordered)
    except ValueError as error:
        raise PayloadError(f"{where}: not categories: {error}") from error


def _write_datetime(writer: Writer, data: Any, where: str) -> Spec:
    import pandas as pd

    zone = dump_zone(data.dtype.tz, where)
    utc = pd.DatetimeIndex(data).tz_convert("UTC").tz_localize(None)
    return {"type": "datetime", "zone": zone, "values": write_fixed(writer, utc.to_numpy(), where)}


def _read_datetime(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    import pandas as pd

    values = read_fixed(reader, field(spec, "values", dict, where), rows, where)
    zone = load_zone(spec.get("zone"), where)
    if values.dtype.kind != "M" or zone is None:
        raise PayloadError(f"{where}: not dates with a time zone")
    try:
        return pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone).array
    # The zone is not known here: LookupError in all its kinds.
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise PayloadError(f"{where}: no such time: {error!r}") from error


def _write_period(writer: Writer, data: Any, where: str) -> Spec:
    values = write_fixed(writer, data.array.asi8, where)
    return {"type": "period", "freq": data.array.freqstr, "values": values}


def _read_period(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    import pandas as pd

    values = read_fixed(reader, field(spec, "values", dict, where), rows, where)
    freq = field(spec, "freq", str, where)
    if values.dtype.str != "<i8" or not _FREQ.fullmatch(freq):
        raise PayloadError(f"{where}: not periods")
    try:
        return pd.arrays.PeriodArray(values, dtype=pd.PeriodDtype(freq))
    except (ValueError, TypeError) as error:
        raise PayloadError(f"{where}: not periods: {error}") from error


def _write_interval(writer: Writer, data: Any, where: str) -> Spec:
    values = data.array
    return {
        "type": "interval",
        "closed": values.closed,
        "left": write_column(writer, values.left, where + " left"),
        "right": write_column(writer, values.right, where + " right"),
    }


def _read_interval(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    import pandas as pd

    left, right = (
        read_column(reader, field(spec, side, dict, where), rows, where)
        for side in ("left", "right")
    )
    try:
        closed = field(spec, "closed", str, where)
        return pd.arrays.IntervalArray.from_arrays(left, right, closed=closed)
    except (ValueError, TypeError) as error:
        raise PayloadError(f"{where}: not intervals: {error}") from error


_WRITTEN: dict[str, Callable[[Writer, Any, str], Spec]] = {
    "StringDtype": _write_text,
    "CategoricalDtype": _write_category,
    "DatetimeTZDtype": _write_datetime,
    "PeriodDtype": _write_period,
    "IntervalDtype": _write_interval,
}
_READ: dict[str, Callable[[Reader, Spec, int, str], Any]] = {
    "str": _read_own_text,
    "string": _read_text,
    "category": _read_category,
    "datetime": _read_datetime,
    "period": _read_period,
    "interval": _read_interval,
}
