"""An endpoint: a name under which a model is served, and which version of it answers."""

from __future__ import annotations

from holdfast.serve.call import JSON, Call, Reply
from holdfast.serve.pool import Pool
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.settings import Limits


class Endpoint:
    """A name under which a model is served.

    Args:
        name: As in `/models/{name}/invocations`.
        uri: What was asked for; an alias may come to mean another version.
        limits: How large a body the gateway decodes itself.
    """

    def __init__(self, name: str, uri: str, limits: Limits) -> None:
        self.name = name
        self.uri = uri
        self.pool: Pool | None = None
        self._inline = limits.inline

    @property
    def ready(self) -> bool:
        """Whether a request would be answered now."""
        return self.pool is not None and self.pool.ready

    def invoke(self, reply: Reply, arrived: float, content_type: bytes, body: bytes) -> Call:
        """Take a request in MLflow's scoring protocol; `reply` is called with its answer."""
        pool = self.pool
        if pool is None:
            call = Call(reply, arrived, body)
            problem = Problem("TEMPORARILY_UNAVAILABLE", f"{self.name} is not loaded yet")
            call.answer(problem.status, problem.body)
            return call
        plain = None
        if pool.decoder is not None and content_type == JSON and len(body) <= self._inline:
            plain = pool.decoder.decode(body)
        if plain is None:
            call = Call(reply, arrived, body, 0, content_type)
        else:
            call = Call(reply, arrived, plain[1], plain[0])
        pool.submit(call)
        return call
