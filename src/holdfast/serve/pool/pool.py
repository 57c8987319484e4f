"""A pool: the workers of one model version, and the requests that wait for them.

A request that finds a worker idle goes to it at once; all that wait when one becomes free go into
one predict call, bounded by rows; there is no timer. A batch that fails is predicted again one
request at a time, so that a bad request spoils no other. A call on which a worker died or hung is
tried once more, by itself and after those that wait, so that a request that kills workers does so
for nobody else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, cast

import msgspec

from holdfast.restore.restored import Restored
from holdfast.serve.pool.aside import aside
from holdfast.serve.pool.call import JSON, Call, Found, Question, Reply
from holdfast.serve.pool.member import Member
from holdfast.serve.pool.tally import Tally
from holdfast.serve.pool.version import Ready, version_of
from holdfast.serve.protocol.answer import AnswerError, split_answer
from holdfast.serve.protocol.decoder import Decoder, compile_decoder
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.protocol.schema import Schema, read_schema
from holdfast.serve.settings import Settings
from holdfast.worker.channel import Answered

logger = logging.getLogger("holdfast.serve")

_TICK = 0.1
# Every so many ticks, workers' logs are kept from growing.
_TRIM = 100
_PAUSE = 0.01
_TRIES = 2
# A batch that takes so much of the time that its requests have is not waited for any longer: what
# is left is for trying them singly.
_HANGS = 0.5

_HEAD, _TAIL = b'{"predictions":', b"}"


class Pool:
    """The workers of one model version. `start` it, `submit` calls, `close` it.

    Args:
        restored: The model and its environment; the caller holds the lease.
        settings: How it is served.
        on_change: Told of what the operator should know, in a line.
    """

    def __init__(
        self, restored: Restored, settings: Settings, on_change: Callable[[str], None]
    ) -> None:
        self.restored = restored
        self.tally = Tally()
        self.version = version_of(restored.model)
        self.head = b"\r\nx-holdfast-version: " + self.version.encode()
        self.schema = Schema()
        self.decoder: Decoder | None = None
        self.loaded: dict[str, Any] = {}
        self.way = self.why = ""
        self.by_row = False
        self._limits = settings.limits
        self._on_change = on_change
        self._members = [
            Member(number, restored, settings, self, on_change)
            for number in range(settings.workers)
        ]
        self._waiting: deque[Call] = deque()
        self._closing = False
        # Why no worker starts any more; "" where one does, or may.
        self._broken = ""
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None
        self._ticks = 0

    @property
    def waiting(self) -> int:
        """Requests that no worker has been given yet."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Requests that a worker is busy with."""
        return sum(len(member.calls) for member in self._members)

    @property
    def alive(self) -> int:
        """Workers that have loaded the model."""
        return sum(member.channel is not None for member in self._members)

    @property
    def ready(self) -> bool:
        """Whether a request would be answered now."""
        return not self._closing and self.alive > 0

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [member.channel.pid for member in self._members if member.channel]

    async def start(self) -> None:
        """Start all workers, in parallel; back when all have loaded the model.

        Raises:
            HoldfastError: One does not start: none is left running.
        """
        try:
            await aside(self.restored.model.check_files)
            await asyncio.gather(*(member.start() for member in self._members))
        except BaseException:
            await self.close()
            raise
        self._sweep()

    def take(self, reply: Reply, arrived: float, content_type: bytes, body: bytes) -> Call:
        """Take a request in MLflow's scoring protocol; `reply` is called with its answer."""
        plain = None
        if self.decoder is not None and content_type == JSON and len(body) <= self._limits.inline:
            plain = self.decoder.decode(body)
        if plain is None:
            call = Call(reply, arrived, body, 0, content_type)
        else:
            call = Call(reply, arrived, plain[1], plain[0])
        self.submit(call)
        return call

    def ask(self, header: dict[str, Any], buffers: Sequence[Any] = ()) -> asyncio.Future[Found]:
        """Ask a worker for the gateway's own sake; see Question for what comes of it."""
        found: asyncio.Future[Found] = self._loop.create_future()
        self.submit(Question(found, monotonic(), msgspec.json.encode(header), buffers))
        return found

    def submit(self, call: Call) -> None:
        """Take a call; it is answered sooner or later, whatever happens."""
        call.version = self.head
        if self._closing:
            self._refuse_soon(call, "this model is not served any more")
        elif len(self._waiting) >= self._limits.queue:
            self._refuse_soon(call, f"{self._limits.queue} requests wait already")
        elif self._broken:
            self._refuse_soon(call, self._broken)
        else:
            self._waiting.append(call)
            self._wake()

    async def drain(self) -> None:
        """Until every call that was taken has its answer."""
        while self._waiting or self.in_flight:  # noqa: ASYNC110 - at the end of a pool's life only
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        """End the workers; calls that have no answer get 503."""
        self._closing = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for call in [*self._waiting, *(call for one in self._members for call in one.calls)]:
            self._refuse(call, "the server is stopping")
        self._waiting.clear()
        await asyncio.gather(*(member.close() for member in self._members))

    def came(self, member: Member, ready: Ready) -> None:
        """A worker is there; what the first one says of the model holds for all."""
        if not self.loaded:
            self.loaded = ready.loaded
            self.schema = read_schema((ready.loaded.get("signature") or {}).get("inputs"))
            self.decoder = compile_decoder(self.schema)
            self.by_row, self.way, self.why = ready.by_row, ready.way, ready.why
        self.tally.restarts += member.starts > 1
        self._broken = ""
        self._wake()

    def lost(self, member: Member) -> None:
        """A worker is gone: its calls are tried elsewhere, or later."""
        for call in member.calls:
            call.tries += 1
            if call.tries >= _TRIES:
                self._refuse(call, "the worker died on this request, twice", "INTERNAL_ERROR")
            elif not call.answered:
                self.tally.retries += 1
                call.alone = True
                self._waiting.append(call)
        self._wake()

    def failed(self, member: Member) -> None:
        """A worker does not start: where there is no hope, nobody is kept waiting."""
        if not self.alive and all(member.broken for member in self._members):
            self._broken = f"the model does not start: {member.broken.splitlines()[0]}"
            for call in self._waiting:
                self._refuse(call, self._broken)
            self._waiting.clear()

    def _wake(self) -> None:
        """Give every idle worker its share of what waits, at once.

        A turn of the loop before that would only cost a single client time: where there are many,
        what comes while the workers are busy waits for the next call anyway.
        """
        idle = [member for member in self._members if member.idle]
        for left, member in zip(range(len(idle), 0, -1), idle, strict=True):
            while self._waiting and member.idle:
                self._send(member, self._take(-(-len(self._waiting) // left)))

    def _take(self, most: int) -> list[Call]:
        """The next call, with up to `most` that wait and may be predicted together with it."""
        first = self._waiting.popleft()
        calls, rows = [first], first.rows
        if not rows or first.alone or not self.by_row:
            return calls
        while self._waiting and len(calls) < most:
            call = self._waiting[0]
            rows += call.rows
            if not call.rows or call.alone or rows > self._limits.batch_rows:
                break
            calls.append(self._waiting.popleft())
        return calls

    def _send(self, member: Member, calls: list[Call]) -> None:
        calls = [call for call in calls if not call.answered]
        if not calls or member.channel is None:
            return
        member.calls, member.sent = calls, monotonic()
        for call in calls:
            call.sent = member.sent
        try:
            member.channel.send(*self._asked(member, calls))
        except Exception as error:  # noqa: BLE001 - whatever it is, these requests are answered
            member.calls = []
            self._broke(calls, error)

    def _asked(self, member: Member, calls: list[Call]) -> tuple[bytes, Sequence[Any], Answered]:
        """What the worker is asked for these calls, and what takes its answer."""
        answered: Answered
        if calls[0].rows and self.decoder is not None:
            payload, buffers = self.decoder.join([call.data for call in calls])
            rows = ",".join([str(call.rows) for call in calls]).encode()
            header = b'{"op":"score","payload":%b,"rows":[%b]}' % (payload, rows)
            answered = lambda header, out: self._scored(member, header, out)  # noqa: E731
        elif isinstance(first := calls[0], Question):
            header, buffers = first.header, first.data
            answered = lambda header, out: self._found(member, header, out)  # noqa: E731
        else:
            content_type = calls[0].content_type.decode("latin-1")
            header = msgspec.json.encode({"op": "invoke", "content_type": content_type})
            buffers = [calls[0].data]
            answered = lambda header, out: self._invoked(member, header, out)  # noqa: E731
        return header, buffers, answered

    def _scored(self, member: Member, header: dict[str, Any], out: list[memoryview]) -> None:
        calls = self._done(member)
        rows = [call.rows for call in calls]
        if "error" in header:
            self._failed(calls, header["error"])
        else:
            try:
                self._answer(calls, split_answer(header, out, rows), sum(rows))
            except AnswerError as error:
                self._failed(calls, {"kind": "rows", "message": str(error)})
            except Exception as error:  # noqa: BLE001 - see above
                self._broke(calls, error)
        self._wake()

    def _answer(self, calls: list[Call], answers: Any, rows: int) -> None:
        tally, now = self.tally, monotonic()
        tally.rows += rows
        late, latency = 0, tally.latency.add
        for call, predictions in zip(calls, answers, strict=True):
            if call.answered:
                late += 1
            else:
                latency(now - call.arrived)
                call.answer(200, _HEAD + predictions + _TAIL)
        tally.answers[200] += len(calls) - late

    def _invoked(self, member: Member, header: dict[str, Any], out: list[memoryview]) -> None:
        (call,) = self._done(member)
        if "error" in header:
            self._failed([call], header["error"])
        else:
            status = int(header["status"])
            self.tally.rows += int(header["rows"])
            self._count(call, status)
            call.answer(status, b"".join(out), str(header["content_type"]).encode("latin-1"))
        self._wake()

    def _found(self, member: Member, header: dict[str, Any], out: list[memoryview]) -> None:
        (question,), member.calls = member.calls, []
        cast("Question", question).end(header, out)
        self._wake()

    def _done(self, member: Member) -> list[Call]:
        calls, member.calls = member.calls, []
        tally = self.tally
        tally.predicting.add(monotonic() - member.sent)
        tally.batch_requests.add(len(calls))
        tally.batch_rows.add(sum(call.rows for call in calls))
        return calls

    def _failed(self, calls: list[Call], error: dict[str, Any]) -> None:
        """A predict call failed: one by one, if it was of several; then it is the request's."""
        if error.get("kind") == "rows":
            self.by_row = False
            self._on_change(f"requests are predicted singly from now on: {error.get('message')}")
        if len(calls) > 1:
            self._again(calls)
            return
        said = str(error.get("message", ""))
        # No request is to blame for an answer that JSON does not have.
        if error.get("kind") == "answer":
            self._refuse(calls[0], said, "INTERNAL_ERROR")
            return
        name = str(error.get("type", "")).removeprefix("builtins.")
        self._refuse(calls[0], f"{name}: {said}" if name else said, "BAD_REQUEST")

    def _broke(self, calls: list[Call], error: Exception) -> None:
        """We failed, not the model: singly, if it was of several; then it is said."""
        logger.error("a request could not be handled", exc_info=error)
        left = [call for call in calls if not call.answered]
        if len(calls) > 1:
            self._again(left)
        else:
            for call in left:
                self._refuse(call, f"{type(error).__name__} in the gateway", "INTERNAL_ERROR")

    def _again(self, calls: list[Call]) -> None:
        """Put calls back where they came from, each to be predicted by itself."""
        for call in reversed(calls):
            call.alone = True
            self._waiting.appendleft(call)
        self._wake()

    def _sweep(self) -> None:
        """Answer what has waited too long, and end workers that hang."""
        self._sweeper = self._loop.call_later(_TICK, self._sweep)
        now, timeout = monotonic(), self._limits.timeout
        in_work = [call for member in self._members for call in member.calls]
        for call in [*self._waiting, *in_work]:
            if now - call.arrived > timeout:
                self._late(call)
        if any(call.answered for call in self._waiting):
            self._waiting = deque(call for call in self._waiting if not call.answered)
        self._ticks += 1
        for member in self._members:
            if self._hangs(member.calls, now - member.sent, now - timeout):
                member.end(f"gave no answer in {now - member.sent:.1f} s, and was killed")
            if self._ticks % _TRIM == 0:
                member.trim_log()

    def _hangs(self, calls: list[Call], seconds: float, since: float) -> bool:
        """Whether a predict call that has taken so many seconds is to be given up.

        A single request has all the time that is left to it, and half of the whole in any case:
        it may have waited long for its turn.
        """
        long = bool(calls) and seconds > _HANGS * self._limits.timeout
        return long and (len(calls) > 1 or calls[0].arrived < since)

    def _late(self, call: Call) -> None:
        self._refuse(call, f"no answer in {self._limits.timeout:g} s", "DEADLINE_EXCEEDED")

    def _refuse_soon(self, call: Call, why: str) -> None:
        """Once whoever handed the call in knows it, and with it what its answer is to name."""
        self._loop.call_soon(self._refuse, call, why)

    def _refuse(self, call: Call, why: str, code: str = "TEMPORARILY_UNAVAILABLE") -> None:
        if call.answered:
            return
        problem = Problem(code, why)
        self._count(call, problem.status)
        call.answer(problem.status, problem.body)

    def _count(self, call: Call, status: int) -> None:
        self.tally.answers[status] += 1
        self.tally.latency.add(monotonic() - call.arrived)
