"""An endpoint: a name under which a model is served, and which version of it answers."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.serve.endpoint.shadow import Shadow
from holdfast.serve.endpoint.share import Share
from holdfast.serve.endpoint.track import Track
from holdfast.serve.pool.call import Call, Reply
from holdfast.serve.pool.pool import Pool
from holdfast.serve.pool.tally import Tally
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.settings import Limits
from holdfast.verify.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Canary:
    """A version that answers a share of the requests."""

    track: Track
    share: Share


class Endpoint:
    """A name under which a model is served.

    Args:
        name: As in `/models/{name}/invocations`.
        main: What answers, all that no canary does.
        limits: How much a request may take.
        tallies: Counts of every version that has answered here, by version.
        canary: What answers a share of the requests.
        shadow: What gets copies of them.
    """

    def __init__(
        self,
        name: str,
        main: Track,
        limits: Limits,
        tallies: dict[str, Tally],
        canary: Canary | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self.name = name
        self.main = main
        self.limits = limits
        self.tallies = tallies
        self.canary = canary
        self.shadow = shadow

    @property
    def uri(self) -> str:
        """What was asked for; an alias may come to mean another version."""
        return self.main.uri

    @property
    def pool(self) -> Pool | None:
        """The workers that answer, but for the canary's; None where nothing is served."""
        return self.main.pool

    @property
    def pools(self) -> list[Pool]:
        """The workers that answer, each version once."""
        tracks = (self.main, *((self.canary.track,) if self.canary else ()))
        return list({track.pool.version: track.pool for track in tracks if track.pool}.values())

    @property
    def tracks(self) -> dict[str, Track]:
        """Everything that is served here, by its part: main, canary, shadow."""
        found = {"main": self.main}
        if self.canary is not None:
            found["canary"] = self.canary.track
        if self.shadow is not None:
            found["shadow"] = self.shadow.track
        return found

    @property
    def receipt(self) -> Receipt | None:
        """The last receipt of what is served, or of what was refused."""
        return self.main.receipt

    @property
    def ready(self) -> bool:
        """Whether a request would be answered now."""
        return self.main.ready

    @property
    def refusal(self) -> str:
        """Why nothing is served, where nothing is."""
        failed = self.main.failed
        return f"{self.name} is not served: {failed.why}" if failed else f"{self.name} is loading"

    def choose(self) -> Pool | None:
        """The workers for the next request."""
        canary = self.canary
        if canary is not None:
            pool = canary.track.pool
            if pool is not None and pool.ready and self.main.pool and canary.share.takes():
                return pool
        return self.main.pool

    def invoke(self, reply: Reply, arrived: float, content_type: bytes, body: bytes) -> Call:
        """Take a request in MLflow's scoring protocol; `reply` is called with its answer."""
        pool = self.main.pool if self.canary is None else self.choose()
        if self.shadow is not None:
            reply = self.shadow.listen(reply, content_type, body)
        if pool is not None:
            return pool.take(reply, arrived, content_type, body)
        call = Call(reply, arrived, body)
        problem = Problem("TEMPORARILY_UNAVAILABLE", self.refusal)
        call.answer(problem.status, problem.body)
        return call
