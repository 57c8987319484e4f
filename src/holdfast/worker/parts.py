"""Parts: the buffers of one payload, while it is written and while it is read.

A payload's header names its buffers by number. Writing collects them; reading hands each out once,
with its length checked, so that a small message cannot be blown up by naming a buffer many times.

Standard library only, and Python 3.8 upwards: this file also runs inside restored environments.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence, Union

Buffer = Union[bytes, bytearray, memoryview]
Spec = Dict[str, Any]

# Nested lists, dicts and payloads; far below what exhausts Python's stack.
DEPTH = 64


class PayloadError(Exception):
    """An object that cannot be encoded, or a payload that cannot be decoded: what and where."""


class Writer:
    """Collects buffers. `nest(writer, obj, where)` writes an array or a table inside a value."""

    def __init__(self, nest: Callable[[Writer, Any, str], Spec | None]) -> None:
        self.buffers: list[Buffer] = []
        self._nest = nest

    def add(self, buffer: Buffer) -> int:
        """Keep `buffer`; its number."""
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    def nest(self, obj: Any, where: str) -> Spec | None:
        """The spec of an array or a table found inside a value, None where `obj` is neither."""
        return self._nest(self, obj, where)


class Reader:
    """Hands out each buffer once. `nest(reader, spec, where)` reads what `Writer.nest` wrote."""

    def __init__(self, buffers: Sequence[Buffer], nest: Callable[[Reader, Spec, str], Any]) -> None:
        self._buffers: list[memoryview | None] = [
            memoryview(buffer).cast("B") if memoryview(buffer).nbytes else memoryview(b"")
            for buffer in buffers
        ]
        self._nest = nest
        self._depth = 0

    def take(self, spec: Spec, position: int, where: str, length: int | None = None) -> memoryview:
        """Buffer number `spec["buffers"][position]`, of exactly `length` bytes where that is given.

        Raises:
            PayloadError: No such buffer, taken before, or of another length.
        """
        numbers = field(spec, "buffers", list, where)
        number = numbers[position] if position < len(numbers) else None
        if type(number) is not int or not 0 <= number < len(self._buffers):
            raise PayloadError(f"{where}: buffer {number!r} is not there")
        buffer = self._buffers[number]
        if buffer is None:
            raise PayloadError(f"{where}: buffer {number} is used twice")
        if length is not None and len(buffer) != length:
            raise PayloadError(
                f"{where}: buffer {number} has {len(buffer)} bytes, expected {length}"
            )
        self._buffers[number] = None
        return buffer

    def nest(self, spec: Spec, where: str) -> Any:
        """The array or table that `spec`, found inside a value, describes."""
        self._depth += 1
        if self._depth > DEPTH:
            raise PayloadError(f"{where}: nested too deeply")
        try:
            return self._nest(self, spec, where)
        finally:
            self._depth -= 1


def field(spec: Any, name: str, kind: Any, where: str) -> Any:
    """`spec[name]`, which must be there and be of type `kind` exactly (a bool is no int).

    Raises:
        PayloadError: It is not.
    """
    if not isinstance(spec, dict) or name not in spec:
        raise PayloadError(f"{where}: {name!r} is missing")
    value = spec[name]
    if type(value) is not kind:
        raise PayloadError(f"{where}: {name!r} is {type(value).__name__}, expected {kind.__name__}")
    return value


def count(spec: Any, name: str, where: str) -> int:
    """`spec[name]`, an integer that is not negative.

    Raises:
        PayloadError: It is not.
    """
    value: int = field(spec, name, int, where)
    if value < 0:
        raise PayloadError(f"{where}: {name!r} is {value}")
    return value
