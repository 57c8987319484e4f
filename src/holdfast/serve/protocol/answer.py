"""Answers: what the worker sent back, as the JSON of each request in a batch.

Numbers come as one array and are written here; everything else the worker has written already, with
the model's own pandas. NaN and infinities are null: JSON has neither (MLflow writes what no strict
reader takes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

_encode = msgspec.json.Encoder().encode


class AnswerError(Exception):
    """The worker's answer is not one for these requests."""


def split_answer(
    header: Mapping[str, Any], buffers: Sequence[memoryview], rows: Sequence[int]
) -> Iterator[bytes]:
    """The predictions of each request, as JSON.

    Args:
        header: The worker's answer to `score`.
        buffers: Its buffers.
        rows: How many rows each request had.

    Raises:
        AnswerError: There is not an answer for each.
    """
    if "answers" in header:
        if len(buffers) != len(rows):
            raise AnswerError(f"{len(buffers)} answers to {len(rows)} requests")
        return map(bytes, buffers)
    array = _array(header, buffers)
    if len(rows) == 1:
        return iter((_encode(array.tolist()),))
    if len(array) != sum(rows):
        raise AnswerError(f"{len(array)} answers to {sum(rows)} rows")
    return _slices(array.tolist(), rows)


def _slices(values: list[Any], rows: Sequence[int]) -> Iterator[bytes]:
    start = 0
    for count in rows:
        yield _encode(values[start : start + count])
        start += count


def _array(header: Mapping[str, Any], buffers: Sequence[memoryview]) -> Any:
    try:
        (spec,) = header["payload"]["tensors"]
        array = np.frombuffer(buffers[spec["buffers"][0]], dtype=spec["type"])
        return array.reshape(spec["shape"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise AnswerError(f"an answer that cannot be read: {error!r}") from error
