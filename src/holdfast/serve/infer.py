"""Inference requests of the Open Inference Protocol, as requests in MLflow's, and answers back.

So they batch, wait, fail and are counted with all others, and mean what those mean.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from holdfast.serve.aside import aside
from holdfast.serve.call import JSON, Call, Reply
from holdfast.serve.endpoint import Endpoint
from holdfast.serve.protocol.inference import Asked, InferenceError, read_request
from holdfast.serve.protocol.inferred import write_answer, write_error
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.protocol.schema import Schema


def infer(
    endpoint: Endpoint, inline: int, reply: Reply, arrived: float, _: bytes, body: bytes
) -> Call:
    """Take an inference request; `reply` is called with its answer.

    Whatever the content type says, the body is read as JSON: the protocol knows no other, and its
    clients do not always name it. One of more than `inline` bytes is read in a thread of its own,
    so that it holds up the others less.
    """
    answer = _Answer(endpoint, reply)
    if len(body) > inline:
        call = Call(answer, arrived, b"")
        answer.task = asyncio.ensure_future(_infer_aside(endpoint, answer, call, body))
        return call
    try:
        answer.asked = _read(endpoint, body)
    except InferenceError as error:
        return _refuse(endpoint, Call(answer, arrived, b""), error)
    answer.call = endpoint.invoke(answer, arrived, JSON, answer.asked.body)
    return answer.call


async def _infer_aside(endpoint: Endpoint, answer: _Answer, call: Call, body: bytes) -> None:
    def reply(status: int, content_type: bytes, body: bytes) -> None:
        call.answer(status, body, content_type)

    try:
        answer.asked = await aside(_read, endpoint, body)
    except InferenceError as error:
        _refuse(endpoint, call, error)
    else:
        answer.call = endpoint.invoke(reply, call.arrived, JSON, answer.asked.body)
        call.version = answer.call.version


def _read(endpoint: Endpoint, body: bytes) -> Asked:
    pool = endpoint.pool
    params = [spec.get("name") for spec in _signature(endpoint).get("params") or ()]
    return read_request(body, pool.schema if pool else Schema(), params)


def _refuse(endpoint: Endpoint, call: Call, error: InferenceError) -> Call:
    problem = Problem("BAD_REQUEST", str(error))
    if endpoint.pool is not None:
        endpoint.pool.tally.answers[problem.status] += 1
    call.answer(problem.status, problem.body)
    return call


def _signature(endpoint: Endpoint) -> dict[str, Any]:
    return (endpoint.pool.loaded.get("signature") if endpoint.pool else None) or {}


class _Answer:
    """A reply that is given in MLflow's protocol, and gives it in this one."""

    __slots__ = ("_endpoint", "_reply", "asked", "call", "task")

    def __init__(self, endpoint: Endpoint, reply: Reply) -> None:
        self._endpoint = endpoint
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
        version = self.call.version.rpartition(b" ")[2].decode()
        model = {"model_name": self._endpoint.name, "model_version": version}
        outputs = _signature(self._endpoint).get("outputs")
        try:
            answer = write_answer(body, self.asked, outputs, model)
        except InferenceError as error:
            refusal = Problem("BAD_REQUEST", str(error))
            self._reply(refusal.status, JSON, write_error(refusal.body))
        else:
            self._reply(status, JSON, answer)
