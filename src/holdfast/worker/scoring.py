"""Scoring: the rows of several requests in one call of the model, and the answers apart again.

    prepare  {"payload"?: an input example, "threads": n, "batch": true, false or null}
             {"way": "array", "frame" or "pyfunc", "by_row": b, "why": "…"}
    score    {"payload": …, "rows": [rows of each request], "exact"?: true}
             {"payload": one tensor, "seconds": …}, to be cut by rows, or
             {"answers": m, "seconds": …} and a buffer for each request: its predictions as JSON,
             or, where it is to be exact, {"payload": …, "seconds": …} whatever the answer is

It is on the path of every request: what is plain takes no detour. See ways.py and layout.py.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import gc
from time import perf_counter
from typing import Any, Dict, List, Sequence, Tuple, Union

from .failures import AnswerError, RowsError, WireError
from .jsonable import jsonable, text
from .parts import PayloadError
from .payload import decode, encode
from .threads import Threads
from .ways import example_of, find_way

# The header of an answer, as JSON where it is known beforehand what it looks like.
Reply = Tuple[Union[Dict[str, Any], bytes], List[Any]]

_PLAIN = (
    b'{"payload":{"kind":"tensors","single":true,"tensors":[{"shape":[%b],"type":"%b",'
    b'"buffers":[0]}]},"seconds":{"predict":%.9f}}'
)

# Bytes of a number: long double has no form on the wire.
_WIDEST = 8


class Scorer:
    """The way to one loaded model, found once.

    Args:
        model: MLflow's `PyFuncModel`.
        request: The header of `prepare`.
        buffers: Its buffers.
    """

    def __init__(self, model: Any, request: dict[str, Any], buffers: Sequence[Any]) -> None:
        import numpy as np

        threads, batch = request.get("threads"), request.get("batch")
        if type(threads) is not int or type(batch) not in (bool, type(None)):
            raise WireError("prepare wants threads as a number, and batch as true, false or null")
        self._model = model
        self._threads = Threads(model._model_impl, threads)  # noqa: SLF001 - has no other name
        self._threads.fit(1)
        self._way = find_way(model, example_of(request.get("payload"), buffers), batch)
        self._array, self._contiguous = np.ndarray, np.ascontiguousarray
        # What is here now stays: looking through it for garbage would stop requests for long.
        gc.collect()
        gc.freeze()

    @property
    def found(self) -> dict[str, Any]:
        """The answer to `prepare`."""
        return {"way": self._way.name, "by_row": self._way.by_row, "why": self._way.why}

    def score(self, header: dict[str, Any], buffers: Sequence[Any]) -> Reply:
        """Predict for the rows of one request or of several.

        Raises:
            RowsError: The model did not answer each row, so that the answers cannot be told apart.
            WireError: The request is not one.
            AnswerError: The answer does not fit into JSON.
        """
        payload: Any = header.get("payload")
        rows: Any = header.get("rows")
        if type(payload) is not dict or not _are_counts(rows):
            raise WireError("score wants a payload and the rows of each request")
        total = sum(rows)
        self._threads.fit(total)
        predict, data = self._way.predict, self._way.read(payload, buffers, total)
        if data is None:
            predict, data = self._model.predict, _decode(payload, buffers)
        start = perf_counter()
        answer = predict(data)
        seconds = perf_counter() - start
        if self._is_plain(answer, total):
            raw = self._contiguous(answer).reshape(-1).view("u1")
            shape = ",".join(map(str, answer.shape))
            return _PLAIN % (shape.encode(), answer.dtype.str.encode(), seconds), [raw]
        if header.get("exact"):
            return _exact(answer, seconds)
        answers = _apart(answer, rows, total)
        return {"answers": len(answers), "seconds": {"predict": seconds}}, answers

    def _is_plain(self, answer: Any, rows: int) -> bool:
        """Whether it is an array of numbers with an entry for each row."""
        if type(answer) is not self._array or not answer.size or not answer.ndim:
            return False
        kind = answer.dtype
        numbers = kind.kind in "biuf" and kind.isnative and kind.itemsize <= _WIDEST
        return numbers and len(answer) == rows


def _are_counts(rows: Any) -> bool:
    return type(rows) is list and bool(rows) and all(type(n) is int and n > 0 for n in rows)


def _decode(payload: dict[str, Any], buffers: Sequence[Any]) -> Any:
    try:
        return decode(payload, buffers)
    except PayloadError as error:
        raise WireError(str(error)) from error


def _exact(answer: Any, seconds: float) -> Reply:
    try:
        payload, buffers = encode(answer)
    except PayloadError as error:
        raise AnswerError(f"the answer cannot be sent exactly: {error}") from error
    return {"payload": payload, "seconds": {"predict": seconds}}, buffers


def _apart(answer: Any, rows: Sequence[int], total: int) -> list[bytes]:
    """The JSON of each request's predictions."""
    values = jsonable(answer)
    if len(rows) == 1:
        return [text(values).encode("ascii")]
    if not isinstance(values, (list, tuple)) or len(values) != total:
        many = f"{len(values)} answers" if isinstance(values, (list, tuple)) else "no list"
        raise RowsError(f"the model gives {many} for {total} rows")
    answers, start = [], 0
    for count in rows:
        answers.append(text(values[start : start + count]).encode("ascii"))
        start += count
    return answers
