"""Layout: the plain form of requests for one signature, read without any detour.

The gateway sends rows of just the signature's columns and types (serve/protocol/decoder.py), as
tables.py and payload.py have them: neighbouring columns of one type in one buffer. What is not so
gets None, and is decoded in the general way.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from .arrays import read_strings, write_fixed, write_strings
from .parts import PayloadError, Reader, Spec, Writer

Sent = Tuple[Dict[str, Any], List[Any]]

# MLflow's types of columns and their NumPy types; "" for text.
_KINDS = {
    "boolean": "|b1",
    "integer": "<i4",
    "long": "<i8",
    "float": "<f4",
    "double": "<f8",
    "string": "",
}
# Text comes under two names: see columns.py.
_SENT = {"": ("text", "str")}
# What a payload that is not plain, or not one, is found out by.
_NOT_PLAIN = (KeyError, TypeError, ValueError, IndexError, AttributeError, PayloadError)


def compile_layout(inputs: Sequence[dict[str, Any]]) -> Columns | Tensor | None:
    """The layout for a signature's inputs, as MLmodel has them; None where there is none."""
    if len(inputs) == 1 and inputs[0].get("type") == "tensor" and not inputs[0].get("name"):
        spec = inputs[0]["tensor-spec"]
        return Tensor(spec["dtype"], spec["shape"])
    names = [column.get("name") for column in inputs]
    kinds = [column.get("type") for column in inputs]
    plain = all(type(kind) is str and kind in _KINDS for kind in kinds)
    optional = any(not column.get("required", True) or column.get("optional") for column in inputs)
    if not names or not plain or optional or len(set(names)) < len(names) or None in names:
        return None
    return Columns(names, [_KINDS[str(kind)] for kind in kinds])


class Columns:
    """Named columns.

    Attributes:
        kinds: The NumPy type of each, "" for text.
        uniform: Whether all are numbers of one type, so that they are one matrix.
    """

    def __init__(self, names: Sequence[Any], kinds: Sequence[str]) -> None:
        import numpy as np
        import pandas as pd

        self.names = list(names)
        self.kinds = list(kinds)
        self.uniform = len(set(kinds)) == 1 and kinds[0] not in ("", "|b1")
        self._labels = pd.Index(self.names)
        self._frombuffer, self._frame = np.frombuffer, pd.DataFrame

    def matrix(self, payload: Spec, buffers: Sequence[Any], rows: int) -> Any:
        """The rows as a matrix that lies over its buffer, column by column as in a DataFrame."""
        try:
            (spec,) = payload["columns"]
            kind, width = self.kinds[0], len(self.kinds)
            fits = spec["type"] == kind and spec.get("width", 1) == width
            if not fits or not self._is_plain(payload, rows):
                return None
            (number,) = spec["buffers"]
            return self._frombuffer(buffers[number], kind).reshape(width, rows).T
        except _NOT_PLAIN:
            return None

    def frame(self, payload: Spec, buffers: Sequence[Any], rows: int) -> Any:
        """The rows as the DataFrame that MLflow would make of the same JSON."""
        if self.uniform:
            matrix = self.matrix(payload, buffers, rows)
            return None if matrix is None else self._frame(matrix, columns=self._labels, copy=False)
        try:
            if not self._is_plain(payload, rows):
                return None
            values = self._values(payload["columns"], buffers, rows)
            return None if values is None else self._frame(dict(zip(self.names, values)))
        except _NOT_PLAIN:
            return None

    def send(self, rows: Sequence[Sequence[Any]]) -> Sent:
        """Rows as the gateway sends them."""
        import numpy as np

        writer = Writer(lambda *_: None)
        columns: list[Spec] = []
        if self.uniform:
            block = np.array(rows, dtype=self.kinds[0]).T
            columns = [{**write_fixed(writer, block, ""), "width": len(block)}]
        else:
            for kind, values in zip(self.kinds, zip(*rows)):
                array = write_fixed(writer, np.array(values, dtype=kind), "") if kind else None
                columns.append(array or write_strings(writer, values))
        payload = {"kind": "table", "rows": len(rows), "names": self.names, "columns": columns}
        return payload, writer.buffers

    def _is_plain(self, payload: Spec, rows: int) -> bool:
        return (
            payload["kind"] == "table"
            and payload["rows"] == rows
            and payload["names"] == self.names
            and "index" not in payload
            and "series" not in payload
        )

    def _values(self, specs: Sequence[Spec], buffers: Sequence[Any], rows: int) -> Any:
        values: list[Any] = []
        for spec in specs:
            kind, width = self.kinds[len(values)], spec.get("width", 1)
            if spec["type"] not in _SENT.get(kind, (kind,)) or "missing" in spec:
                return None
            if not kind:
                reader = Reader(buffers, lambda *_: None)
                # A list, of which pandas makes text of its own kind.
                values.append(read_strings(reader, {**spec, "type": "text"}, rows, "", None))
                continue
            block = self._frombuffer(buffers[spec["buffers"][0]], kind).reshape(width, rows)
            if self.kinds[len(values) : len(values) + width] != [kind] * width:
                return None
            values += list(block)
        return values if len(values) == len(self.kinds) else None


class Tensor:
    """One tensor without a name; its first axis is the rows."""

    uniform = True

    def __init__(self, kind: str, shape: Sequence[int]) -> None:
        import numpy as np

        self.kind = np.dtype(kind)
        self.shape = list(shape)
        self._frombuffer = np.frombuffer

    def matrix(self, payload: Spec, buffers: Sequence[Any], rows: int) -> Any:
        """The tensor, which lies over its buffer."""
        try:
            (spec,) = payload["tensors"]
            shape = spec["shape"]
            fits = spec["type"] == self.kind.str and shape[0] == rows and "single" in payload
            if not fits or "order" in spec or len(shape) != len(self.shape):
                return None
            (number,) = spec["buffers"]
            return self._frombuffer(buffers[number], self.kind).reshape(shape)
        except _NOT_PLAIN:
            return None

    frame = matrix

    def send(self, rows: Any) -> Sent:
        """Rows as the gateway sends them."""
        import numpy as np

        array: Any = np.ascontiguousarray(rows, dtype=self.kind)
        writer = Writer(lambda *_: None)
        spec = {"shape": list(array.shape), **write_fixed(writer, array, "")}
        return {"kind": "tensors", "single": True, "tensors": [spec]}, writer.buffers
