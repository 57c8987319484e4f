"""Probes: rows to try a model with, of its input example or made from its signature.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator

from .layout import Columns, Tensor

_ROWS = 4
_MOST_ROWS = 16
_SEED = 7


def candidates(layout: Columns | Tensor, example: Any, *, known: bool) -> Iterator[Any]:
    """Rows to try, four at least; those with values of their own first.

    Args:
        layout: Of the rows.
        example: The input example, None where there is none.
        known: Whether the model's flavor bears rows that nobody has ever given it.
    """
    try:
        found = _rows_of_example(layout, example)
    # What people log as an example is anything.
    except Exception:  # noqa: BLE001
        found = []
    if len(found) > 0:
        if known and len(found) < _ROWS:
            yield _repeated(layout, found, vary=True)
        yield _repeated(layout, found, vary=False)
    elif known:
        made = _made(layout)
        if len(made):
            yield made


def _rows_of_example(layout: Columns | Tensor, example: Any) -> Any:
    import numpy as np
    import pandas as pd

    if example is None:
        return []
    if isinstance(layout, Tensor):
        array = np.asarray(example, dtype=layout.kind)
        return array[:_MOST_ROWS] if array.ndim == len(layout.shape) else []
    frame = example if isinstance(example, pd.DataFrame) else pd.DataFrame(example)
    columns = [frame[name].tolist()[:_MOST_ROWS] for name in layout.names]
    return [
        [_plain(value, kind) for value, kind in zip(row, layout.kinds)]
        for row in zip(*columns)
        # The gateway sends no missing values this way.
        if not any(value is None or value != value for value in row)  # noqa: PLR0124 - NaN
    ]


def _plain(value: Any, kind: str) -> Any:
    if not kind:
        if type(value) is not str:
            raise TypeError(value)
        return value
    return {"b": bool, "i": int, "f": float}[kind[1]](value)


def _repeated(layout: Columns | Tensor, rows: Any, *, vary: bool) -> Any:
    """Four rows at least; repeated ones differ in their fractions where they may."""
    import numpy as np

    times = -(-_ROWS // len(rows))
    if isinstance(layout, Tensor):
        floats = vary and layout.kind.kind == "f"
        copies = [rows * (1 + time / 8) if floats else rows for time in range(times)]
        return np.concatenate(copies).astype(layout.kind)
    return [
        [value * (1 + time / 8) if vary and type(value) is float else value for value in row]
        for time in range(times)
        for row in rows
    ]


def _made(layout: Columns | Tensor) -> Any:
    """Rows of the signature's types; none where they would have to be text."""
    import random

    import numpy as np

    made = random.Random(_SEED)  # noqa: S311 - the same rows every time
    if isinstance(layout, Tensor):
        if layout.kind.kind != "f" or -1 in layout.shape[1:] or layout.shape[:1] != [-1]:
            return []
        shape = [_MOST_ROWS, *layout.shape[1:]]
        return np.random.default_rng(_SEED).normal(size=shape).astype(layout.kind)
    if "" in layout.kinds:
        return []
    values: dict[str, Callable[[], Any]] = {
        "b": lambda: made.random() < 0.5,  # noqa: PLR2004 - heads or tails
        "i": lambda: made.randrange(4),
        "f": lambda: made.gauss(0, 1),
    }
    return [[values[kind[1]]() for kind in layout.kinds] for _ in range(_MOST_ROWS)]
