"""Golden predictions: the input example and what the model answered, kept to the bit.

Pure, and without NumPy: what is compared are the payloads that cross the worker's wire (a header
and raw little-endian buffers, see `worker/payload.py`), so that the command line needs no package
of the model's.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.errors import SealError

GOLDEN_FILE = "holdfast/golden.json"
FORMAT = 1

# NumPy's names of the numbers that `array` can read, and its letters for them.
_NUMBERS = {
    "f8": "d", "f4": "f",
    "i8": "q", "i4": "i", "i2": "h", "i1": "b",
    "u8": "Q", "u4": "I", "u2": "H", "u1": "B",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One payload: its header and its buffers."""

    header: Mapping[str, Any]
    buffers: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of its buffers together."""
        return sum(map(len, self.buffers))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: buffers in base64."""
        encoded = [base64.b64encode(buffer).decode() for buffer in self.buffers]
        return {"header": dict(self.header), "buffers": encoded}

    @classmethod
    def from_dict(cls, data: Any, place: str) -> Payload:
        """Read what `to_dict` wrote.

        Raises:
            SealError: It is not that; `place` says where.
        """
        try:
            buffers = tuple(base64.b64decode(text, validate=True) for text in data["buffers"])
            header = data["header"]
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise SealError(f"{GOLDEN_FILE}: no payload in '{place}': {error}") from error
        if not isinstance(header, dict):
            raise SealError(f"{GOLDEN_FILE}: no header in '{place}'")
        return cls(header=header, buffers=buffers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """An input, the parameters it was predicted with, and the answer."""

    given: Payload
    answer: Payload
    params: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """As `holdfast/golden.json` has it."""
        return {
            "format": FORMAT,
            "input": self.given.to_dict(),
            "answer": self.answer.to_dict(),
            "params": dict(self.params) if self.params is not None else None,
        }

    @classmethod
    def from_json(cls, text: bytes) -> Golden:
        """Read `holdfast/golden.json`.

        Raises:
            SealError: It cannot be read, or has a newer format.
        """
        try:
            data = json.loads(text)
            version, params = data["format"], data["params"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SealError(f"{GOLDEN_FILE} cannot be read: {error}") from error
        if version != FORMAT:
            raise SealError(
                f"{GOLDEN_FILE} has format {version!r}; Holdfast here reads {FORMAT}",
                hint="python -m pip install --upgrade holdfast",
            )
        return cls(
            given=Payload.from_dict(data.get("input"), "input"),
            answer=Payload.from_dict(data.get("answer"), "answer"),
            params=params,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How an answer stands to the golden one.

    Attributes:
        identical: Every bit is the same.
        same_shape: Types, names and lengths are the same.
        largest: The largest difference between two numbers; 0 where there is none, infinity where
            something that is no number differs.
        place: Where that is, "" where nothing differs.
    """

    identical: bool
    same_shape: bool
    largest: float
    place: str

    def within(self, tolerance: float) -> bool:
        """Whether no two numbers differ by more than `tolerance`, and nothing else differs."""
        return self.identical or (self.same_shape and self.largest <= tolerance)


def compare(golden: Payload, answer: Payload) -> Agreement:
    """Compare an answer with the golden one, bit by bit and then number by number."""
    if golden.header == answer.header and golden.buffers == answer.buffers:
        return Agreement(identical=True, same_shape=True, largest=0.0, place="")
    leaves = list(_leaves(golden.header, answer.header, "answer"))
    if any(kind is None for _, kind, _, _ in leaves):
        place = next(where for where, kind, _, _ in leaves if kind is None)
        return Agreement(identical=False, same_shape=False, largest=math.inf, place=place)
    largest, place = 0.0, ""
    for where, kind, mine, yours in leaves:
        difference = _difference(str(kind), golden.buffers[mine], answer.buffers[yours])
        if difference > largest or not place:
            largest, place = difference, where
    return Agreement(identical=False, same_shape=True, largest=largest, place=place)


_Leaf = tuple[str, "str | None", int, int]


def _leaves(golden: Any, answer: Any, where: str) -> Iterator[_Leaf]:
    """Pairs of buffers with their type; a type of None where the two headers differ."""
    if isinstance(golden, dict) and isinstance(answer, dict):
        yield from _buffers(golden, answer, where)
        for key in sorted(golden.keys() | answer.keys()):
            if key != "buffers":
                missing = object()
                place = f"{where}.{key}"
                yield from _leaves(golden.get(key, missing), answer.get(key, missing), place)
    elif isinstance(golden, list) and isinstance(answer, list) and len(golden) == len(answer):
        for number, pair in enumerate(zip(golden, answer, strict=True)):
            yield from _leaves(*pair, f"{where}[{number}]")
    elif golden != answer:
        yield where, None, 0, 0


def _buffers(golden: Mapping[str, Any], answer: Mapping[str, Any], where: str) -> Iterator[_Leaf]:
    mine, yours = golden.get("buffers", []), answer.get("buffers", [])
    if len(mine) != len(yours):
        yield f"{where}.buffers", None, 0, 0
        return
    kind = str(golden.get("type", golden.get("kind", "")))
    for number, pair in enumerate(zip(mine, yours, strict=True)):
        # Offsets and validity come beside the values: for them only equality counts.
        is_values = len(mine) == 1
        yield f"{where}.buffers[{number}]", kind if is_values else "bytes", *pair


def _difference(kind: str, golden: bytes, answer: bytes) -> float:
    if golden == answer:
        return 0.0
    if kind == "json":
        return _json_difference(json.loads(golden), json.loads(answer))
    letter = _NUMBERS.get(kind.lstrip("<|"))
    if letter is None or len(golden) != len(answer):
        return math.inf
    return max(map(_distance, _numbers(letter, golden), _numbers(letter, answer)), default=0.0)


def _numbers(letter: str, buffer: bytes) -> Sequence[float]:
    numbers = array(letter)
    numbers.frombytes(buffer)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _distance(one: float, other: float) -> float:
    if one == other or (one != one and other != other):  # noqa: PLR0124 - NaN is not itself
        return 0.0
    distance = abs(one - other)
    return distance if distance == distance else math.inf  # noqa: PLR0124


def _json_difference(one: Any, other: Any) -> float:
    if isinstance(one, bool) or isinstance(other, bool) or type(one) is not type(other):
        return 0.0 if one == other else math.inf
    if isinstance(one, (int, float)):
        return _distance(one, other)
    if isinstance(one, list) and len(one) == len(other):
        return max(map(_json_difference, one, other), default=0.0)
    if isinstance(one, dict) and one.keys() == other.keys():
        return max((_json_difference(one[key], other[key]) for key in one), default=0.0)
    return 0.0 if one == other else math.inf
