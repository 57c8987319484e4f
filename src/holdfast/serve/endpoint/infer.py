"""Inference requests of the Open Inference Protocol, as requests in MLflow's, and answers back.

So they batch, wait, fail and are counted with all others, and mean what those mean.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.pool.aside import aside
from holdfast.serve.pool.call import JSON, Call, Reply
from holdfast.serve.pool.pool import Pool
from holdfast.serve.protocol.inference import Asked, InferenceError, read_request
from holdfast.serve.protocol.inferred import write_answer, write_error
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.protocol.schema import Schema

logger = logging.getLogger("holdfast.serve")


class Inference:
    """Takes the inference requests of an endpoint: a route like `Endpoint.invoke`.

    Args:
        endpoint: The endpoint.
        inline: Bytes of a body; a larger one is read in a thread, so that it holds up others less.
        pinned: The version that answers, if it is not for the endpoint to choose.
    """

    def __init__(self, endpoint: Endpoint, inline: int, pinned: Pool | None = None) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._inline = inline
        self._pinned = pinned
        self._take = pinned.take if pinned is not None else endpoint.invoke

    @property
    def pool(self) -> Pool | None:
        """What the requests are read for."""
        return self._pinned or self._endpoint.pool

    @property
    def signature(self) -> dict[str, Any]:
        """Of the model, as the worker has told it."""
        return (self.pool.loaded.get("signature") if self.pool else None) or {}

    def __call__(self, reply: Reply, arrived: float, _: bytes, body: bytes) -> Call:
        """Take a request; `reply` is called with its answer.

        Whatever the content type says, the body is read as JSON: the protocol knows no other, and
        its clients do not always name it.
        """
        answer = _Answer(self, reply)
        if len(body) > self._inline:
            call = Call(answer, arrived, b"")
            answer.task = asyncio.ensure_future(self._read_aside(answer, call, body))
            return call
        try:
            answer.asked = self._read(body)
        except InferenceError as error:
            return self._refuse(Call(answer, arrived, b""), error)
        answer.call = self._take(answer, arrived, JSON, answer.asked.body)
        return answer.call

    async def _read_aside(self, answer: _Answer, call: Call, body: bytes) -> None:
        def reply(status: int, content_type: bytes, body: bytes) -> None:
            call.answer(status, body, content_type)

        try:
            answer.asked = await aside(self._read, body)
        except InferenceError as error:
            self._refuse(call, error)
        else:
            answer.call = self._take(reply, call.arrived, JSON, answer.asked.body)
            call.version = answer.call.version

    def _read(self, body: bytes) -> Asked:
        params = [spec.get("name") for spec in self.signature.get("params") or ()]
        return read_request(body, self.pool.schema if self.pool else Schema(), params)

    def _refuse(self, call: Call, error: InferenceError) -> Call:
        problem = Problem("BAD_REQUEST", str(error))
        if self.pool is not None:
            self.pool.tally.answers[problem.status] += 1
        call.answer(problem.status, problem.body)
        return call


class _Answer:
    """A reply that is given in MLflow's protocol, and gives it in this one."""

    __slots__ = ("_inference", "_reply", "asked", "call", "task")

    def __init__(self, inference: Inference, reply: Reply) -> None:
        self._inference = inference
        self._reply = reply
        self.asked: Asked | None = None
        self.call: Call | None = None
        # What reads a large body: kept, so that it is not collected while it runs.
        self.task: asyncio.Future[None] | None = None

    def __call__(self, status: int, _: bytes, body: bytes) -> None:
        """See `Reply`."""
        if status != HTTPStatus.OK or self.asked is None or self.call is None:
            self._reply(status, JSON, write_error(body))
            return
        try:
            answer = self._written(body, self.asked, self.call)
        except InferenceError as error:
            self._refuse(Problem("BAD_REQUEST", str(error)))
        # Other requests' answers wait behind this one.
        except Exception:
            logger.exception("an answer could not be written")
            self._refuse(Problem("INTERNAL_ERROR", "the answer has no form in this protocol"))
        else:
            self._reply(status, JSON, answer)

    def _written(self, body: bytes, asked: Asked, call: Call) -> bytes:
        version = call.version.rpartition(b" ")[2].decode()
        model = {"model_name": self._inference.name, "model_version": version}
        return write_answer(body, asked, self._inference.signature.get("outputs"), model)

    def _refuse(self, problem: Problem) -> None:
        self._reply(problem.status, JSON, write_error(problem.body))
