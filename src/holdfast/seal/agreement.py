"""How an answer stands to the golden one: bit by bit, and then number by number.

Pure, and without NumPy: payloads are compared as they crossed the wire (`worker/payload.py` has
their headers, `worker/values.py` the JSON in them), so that the command line needs no package of
the model's. An answer is another process's word: whatever it holds, comparing gives an agreement.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.seal.golden import Payload

# NumPy's and pandas' names of numbers, and the letters that `struct` has for them. A complex number
# is two.
_NUMBERS = {
    "f8": "d", "f4": "f", "f2": "e", "c16": "dd", "c8": "ff",
    "i8": "q", "i4": "i", "i2": "h", "i1": "b",
    "u8": "Q", "u4": "I", "u2": "H", "u1": "B",
    "Float64": "d", "Float32": "f",
    "Int64": "q", "Int32": "i", "Int16": "h", "Int8": "b",
    "UInt64": "Q", "UInt32": "I", "UInt16": "H", "UInt8": "B",
}  # fmt: skip
_WIDTH = re.compile(r"^([<|][US])\d+$")
_SIGN = re.compile(r"[<|=]")


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
    """Compare an answer with the golden one."""
    comparison = _Comparison(golden, answer)
    try:
        if golden.header == answer.header and golden.buffers == answer.buffers:
            return Agreement(identical=True, same_shape=True, largest=0.0, place="")
        found = list(comparison.of_headers(golden.header, answer.header, "answer"))
    except RecursionError:
        found = [("answer", None)]
    found += comparison.of_the_rest()
    for place, difference in found:
        if difference is None:
            return Agreement(identical=False, same_shape=False, largest=math.inf, place=place)
    place, largest = max(found, key=lambda one: one[1] or 0.0, default=("answer", 0.0))
    return Agreement(identical=False, same_shape=True, largest=largest or 0.0, place=place)


# Where two payloads were compared, and by how much they differ there; None for another shape.
_Found = tuple[str, "float | None"]


@dataclass(slots=True)
class _Comparison:
    """Two payloads, and the buffers of them that were compared."""

    golden: Payload
    answer: Payload
    seen: set[tuple[int, int]] = field(default_factory=set)

    def of_headers(self, golden: Any, answer: Any, where: str) -> Iterator[_Found]:
        if isinstance(golden, dict) and isinstance(answer, dict):
            if golden.keys() != answer.keys():
                yield where, None
                return
            for key in golden:
                if key == "buffers":
                    yield from self._of_buffers(golden, answer, where)
                else:
                    yield from self.of_headers(golden[key], answer[key], f"{where}.{key}")
        elif isinstance(golden, list) and isinstance(answer, list) and len(golden) == len(answer):
            for number, pair in enumerate(zip(golden, answer, strict=True)):
                yield from self.of_headers(*pair, f"{where}[{number}]")
        elif type(golden) is not type(answer) or _kind(golden) != _kind(answer):
            yield where, None

    def of_the_rest(self) -> list[_Found]:
        """Buffers that no header names: they are compared all the same."""
        mine, yours = self.golden.buffers, self.answer.buffers
        if len(mine) != len(yours):
            return [("answer.buffers", None)]
        return [
            (f"buffer {number}", math.inf)
            for number in range(len(mine))
            if (number, number) not in self.seen and mine[number] != yours[number]
        ]

    def _of_buffers(
        self, golden: Mapping[str, Any], answer: Mapping[str, Any], where: str
    ) -> Iterator[_Found]:
        mine, yours = golden["buffers"], answer["buffers"]
        lists = isinstance(mine, list) and isinstance(yours, list)
        if not lists or len(mine) != len(yours):
            yield f"{where}.buffers", None
            return
        kind = str(golden.get("type", golden.get("kind", "")))
        for number, (left, right) in enumerate(zip(mine, yours, strict=True)):
            place = f"{where}.buffers[{number}]"
            one, other = _buffer(self.golden, left), _buffer(self.answer, right)
            if one is None or other is None:
                yield place, None
                continue
            self.seen.add((left, right))
            # Values come first; offsets, validity and codes are no numbers of the model's.
            is_values = number == 0 and not where.endswith(".codes")
            yield from self._of_bytes(kind if is_values else "", one, other, place)

    def _of_bytes(self, kind: str, golden: bytes, answer: bytes, where: str) -> Iterator[_Found]:
        if kind == "json":
            try:
                values = json.loads(golden), json.loads(answer)
            except (ValueError, RecursionError):
                yield where, None
            else:
                yield from self._of_values(*values, where)
        elif golden != answer:
            yield where, _difference(kind, golden, answer)

    def _of_values(self, golden: Any, answer: Any, where: str) -> Iterator[_Found]:
        one, other = _float(golden), _float(answer)
        if one is not None and other is not None:
            yield where, _distance(one, other)
        elif type(golden) is not type(answer):
            yield where, None
        elif isinstance(golden, dict):
            yield from self._of_objects(golden, answer, where)
        elif isinstance(golden, list):
            if len(golden) != len(answer):
                yield where, None
                return
            for number, pair in enumerate(zip(golden, answer, strict=True)):
                yield from self._of_values(*pair, f"{where}[{number}]")
        elif isinstance(golden, int) and not isinstance(golden, bool):
            yield where, float(min(abs(golden - answer), 1 << 1000))
        elif golden != answer:
            yield where, math.inf

    def _of_objects(
        self, golden: dict[str, Any], answer: dict[str, Any], where: str
    ) -> Iterator[_Found]:
        if golden.keys() != answer.keys():
            yield where, None
        elif "$payload" in golden:
            yield from self.of_headers(golden["$payload"], answer["$payload"], where)
        elif "$scalar" in golden:
            yield where, _of_scalars(golden["$scalar"], answer["$scalar"])
        else:
            for key, value in golden.items():
                yield from self._of_values(value, answer[key], f"{where}.{key}")


def _kind(value: Any) -> Any:
    """NumPy names text and bytes by the longest one, which is no more than a value."""
    return _WIDTH.sub(r"\1", value) if isinstance(value, str) else value


def _buffer(payload: Payload, number: Any) -> bytes | None:
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return payload.buffers[number] if 0 <= number < len(payload.buffers) else None


def _float(value: Any) -> float | None:
    """A float as `worker/values.py` writes it: `{"$float": …}` where it is not finite."""
    if isinstance(value, float):
        return value
    if isinstance(value, dict) and value.keys() == {"$float"}:
        try:
            number: float = struct.unpack("<d", bytes.fromhex(value["$float"]))[0]
        except (TypeError, ValueError, struct.error):
            return None
        return number
    return None


def _of_scalars(golden: Any, answer: Any) -> float | None:
    """Two NumPy scalars, each its type and its bytes in hexadecimal."""
    try:
        (kind, one), (other_kind, other) = golden, answer
        if kind != other_kind:
            return None
        return _difference(str(kind), bytes.fromhex(one), bytes.fromhex(other))
    except (TypeError, ValueError):
        return None


def _difference(kind: str, golden: bytes, answer: bytes) -> float | None:
    if golden == answer:
        return 0.0
    letters = _NUMBERS.get(_SIGN.sub("", kind))
    if letters is None:
        return math.inf
    if len(golden) != len(answer) or len(golden) % struct.calcsize(f"<{letters}"):
        return None
    one, other = (struct.iter_unpack(f"<{letters}", buffer) for buffer in (golden, answer))
    return max((max(map(_distance, *pair)) for pair in zip(one, other, strict=True)), default=0.0)


def _distance(one: float, other: float) -> float:
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    distance = abs(one - other)
    return math.inf if math.isnan(distance) else float(distance)
