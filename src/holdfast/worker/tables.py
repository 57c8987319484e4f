"""Tables: pandas DataFrames and Series, column by column.

    {"kind": "table", "rows": n, "series": true?,
     "names": ["a", "b", …]            or "labels": {index} where the names are not plain strings
     "columns": [{"type": …, "width": k?, "buffers": […]}, …],
     "index": {index}?}                missing where it is 0, 1, 2 …

Neighbouring columns of one fixed-width type share one buffer, one column after the other; "width"
says how many they are. The other types, and what an index is, are in columns.py.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

from typing import Any

from .arrays import is_fixed, read_fixed, write_fixed
from .columns import MOST_UNSENT, read_column, read_index, write_column, write_index
from .parts import PayloadError, Reader, Spec, Writer, count, field


def write_table(writer: Writer, frame: Any, where: str) -> Spec:
    """A DataFrame.

    Raises:
        PayloadError: A column or label has no exact form.
    """
    spec: Spec = {"kind": "table", "rows": len(frame)}
    _write_labels(writer, spec, frame.columns, where)
    spec["columns"] = _write_columns(writer, frame, where)
    _write_rows(writer, spec, frame.index, where)
    return spec


def write_series(writer: Writer, series: Any, where: str) -> Spec:
    """A Series: a table of one column that comes back as a Series."""
    import pandas as pd

    spec: Spec = {"kind": "table", "series": True, "rows": len(series)}
    labels = pd.Index([series.name], dtype=None if type(series.name) is str else object)
    _write_labels(writer, spec, labels, where)
    spec["columns"] = [write_column(writer, series, where)]
    _write_rows(writer, spec, series.index, where)
    return spec


def read_table(reader: Reader, spec: Spec, where: str) -> Any:
    """The DataFrame or Series.

    Raises:
        PayloadError: The payload is malformed.
    """
    import pandas as pd

    rows = count(spec, "rows", where)
    labels = _read_labels(reader, spec, where)
    index = _read_rows(reader, spec, rows, where)
    specs = field(spec, "columns", list, where)
    if not specs and rows > MOST_UNSENT:
        raise PayloadError(f"{where}: {rows} rows without a column")
    if "series" in spec:
        if len(specs) != 1 or len(labels) != 1 or _is_run(specs[0]):
            raise PayloadError(f"{where}: a series has one column")
        values = read_column(reader, specs[0], rows, where)
        return pd.Series(values, index=index, name=labels[0], dtype=values.dtype, copy=False)
    widths = [count(spec, "width", where) if _is_run(spec) else 1 for spec in specs]
    if sum(widths) != len(labels):
        raise PayloadError(f"{where}: {sum(widths)} columns have {len(labels)} names")
    frame = _read_columns(reader, specs, rows, index, where)
    frame.columns = labels
    return frame


def _write_labels(writer: Writer, spec: Spec, labels: Any, where: str) -> None:
    """Plain strings stand in the header, for people and for a parent without pandas."""
    import pandas as pd

    names = labels.tolist() if labels.nlevels == 1 else []
    if labels.nlevels == 1 and labels.name is None and all(type(name) is str for name in names):
        plain = pd.Index(names)
        if names and plain.dtype == labels.dtype and type(plain) is type(labels):
            spec["names"] = names
            return
    spec["labels"] = {"count": len(labels), **write_index(writer, labels, where + " columns")}


def _read_labels(reader: Reader, spec: Spec, where: str) -> Any:
    import pandas as pd

    where += " columns"
    if "names" in spec:
        names = field(spec, "names", list, where)
        if any(type(name) is not str for name in names):
            raise PayloadError(f"{where}: names are strings")
        return pd.Index(names)
    labels = field(spec, "labels", dict, where)
    number = count(labels, "count", where)
    if number > MOST_UNSENT:
        raise PayloadError(f"{where}: {number} are too many")
    return read_index(reader, labels, number, where)


def _write_rows(writer: Writer, spec: Spec, index: Any, where: str) -> None:
    import pandas as pd

    plain = isinstance(index, pd.RangeIndex) and (index.start, index.step) == (0, 1)
    if not plain or index.name is not None:
        spec["index"] = write_index(writer, index, where + " index")


def _read_rows(reader: Reader, spec: Spec, rows: int, where: str) -> Any:
    import pandas as pd

    if "index" in spec:
        return read_index(reader, field(spec, "index", dict, where), rows, where + " index")
    return pd.RangeIndex(rows)


def _write_columns(writer: Writer, frame: Any, where: str) -> list[Spec]:
    import numpy as np

    kinds, columns, start = list(frame.dtypes), [], 0
    while start < len(kinds):
        end = start + 1
        run = isinstance(kinds[start], np.dtype) and is_fixed(kinds[start])
        while run and end < len(kinds) and kinds[end] == kinds[start]:
            end += 1
        at = f"{where} column {frame.columns[start]!r:.60}"
        if end - start == 1:
            columns.append(write_column(writer, frame.iloc[:, start], at))
        else:
            # One block, which pandas mostly holds in this order already: no copy.
            block = frame.iloc[:, start:end].to_numpy().T
            columns.append({"width": end - start, **write_fixed(writer, block, at)})
        start = end
    return columns


def _read_columns(reader: Reader, specs: list[Any], rows: int, index: Any, where: str) -> Any:
    import pandas as pd

    arrays: list[Any] = []
    for number, spec in enumerate(specs):
        at = f"{where} column {number}"
        if _is_run(spec):
            width = count(spec, "width", at)
            block = read_fixed(reader, spec, rows * width, at).reshape(width, rows)
            if len(specs) == 1:
                return pd.DataFrame(block.T, index=index, copy=False)
            arrays += list(block)
        else:
            arrays.append(read_column(reader, spec, rows, at))
    series = {
        number: pd.Series(array, index=index, dtype=array.dtype, copy=False)
        for number, array in enumerate(arrays)
    }
    return pd.DataFrame(series, index=index)


def _is_run(spec: Any) -> bool:
    return isinstance(spec, dict) and "width" in spec
