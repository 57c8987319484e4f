"""A shadow: a version that gets copies of what was answered, so that its answers can be compared.

A copy is made after the client has its answer, and only if there is room for it: a shadow delays
nobody, and what it does wrong nobody sees but here.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import msgspec

from holdfast.serve.endpoint.difference import differ
from holdfast.serve.endpoint.track import Track
from holdfast.serve.pool.call import Reply
from holdfast.serve.pool.pool import Pool
from holdfast.serve.settings import Limits

_OK = 200
# Copies under way at once; more are dropped.
_ROOM = 256


@dataclass(slots=True)
class ShadowTally:
    """What came of the copies, since this version of the shadow began.

    Attributes:
        agreed: Answers that are the same.
        disagreed: Answers that are not.
        failed: Copies that the shadow could not answer.
        dropped: Requests of which no copy was made: too many were under way, it was too large, or
            the shadow had no worker.
        numbers: Numbers that differ, in the answers that disagree.
        others: What else differs in them: texts, lengths, nulls.
        largest: The largest difference between two numbers.
        total: The differences of all numbers together.
    """

    agreed: int = 0
    disagreed: int = 0
    failed: int = 0
    dropped: int = 0
    numbers: int = 0
    others: int = 0
    largest: float = 0.0
    total: float = 0.0

    @property
    def mean(self) -> float:
        """The mean difference of the numbers that differ."""
        return self.total / self.numbers if self.numbers else 0.0

    def compare(self, answer: bytes, other: bytes) -> None:
        """Count a shadow's answer against the one that the client had."""
        if answer == other:
            self.agreed += 1
            return
        try:
            found = differ(msgspec.json.decode(answer), msgspec.json.decode(other))
        except (msgspec.DecodeError, RecursionError):
            self.disagreed += 1
            self.others += 1
            return
        if not found:
            self.agreed += 1
            return
        self.disagreed += 1
        self.numbers += found.numbers
        self.others += found.others
        # JSON, which says it, has no infinity.
        self.total = min(self.total + found.total, sys.float_info.max)
        self.largest = max(self.largest, found.largest)


class Shadow:
    """A version that gets copies.

    Args:
        track: What answers them.
        limits: How large a request or an answer may be to be copied.
    """

    def __init__(self, track: Track, limits: Limits) -> None:
        self.track = track
        self.tally = ShadowTally()
        self._largest = limits.inline
        self._under_way = 0
        self._counted: Pool | None = None

    def listen(self, reply: Reply, content_type: bytes, body: bytes) -> Reply:
        """A reply that makes a copy of the request, once the client has its answer."""

        def heard(status: int, answer_type: bytes, answer: bytes) -> None:
            reply(status, answer_type, answer)
            if status == _OK:
                asyncio.get_running_loop().call_soon(self._copy, content_type, body, answer)

        return heard

    def _copy(self, content_type: bytes, body: bytes, answer: bytes) -> None:
        pool = self.track.pool
        if pool is not self._counted:
            self._counted, self.tally = pool, ShadowTally()
        tally = self.tally
        room = self._under_way < _ROOM and max(len(body), len(answer)) <= self._largest
        if pool is None or not pool.ready or not room:
            tally.dropped += 1
            return

        def compare(status: int, _: bytes, other: bytes) -> None:
            self._under_way -= 1
            if status == _OK:
                tally.compare(answer, other)
            else:
                tally.failed += 1

        self._under_way += 1
        pool.take(compare, asyncio.get_running_loop().time(), content_type, body)
