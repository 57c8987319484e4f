"""The gateway: the endpoints of one server, and the routes on which they take requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from holdfast.serve.beside import Beside
from holdfast.serve.endpoint.endpoint import Canary, Endpoint
from holdfast.serve.endpoint.infer import Inference
from holdfast.serve.endpoint.shadow import Shadow
from holdfast.serve.endpoint.share import Share
from holdfast.serve.endpoint.track import Track
from holdfast.serve.http.express import Route
from holdfast.serve.pool.tally import Tally
from holdfast.serve.settings import Settings

# Whom nobody waits for stands back for those whom somebody does.
_SHADOWS_STAND_BACK = 10


class Gateway:
    """The endpoints of one server.

    Args:
        models: Names, and what each stands for: any model URI or folder.
        settings: How they are served.
        on_change: Told of what the operator should know, in a line.
    """

    def __init__(
        self, models: Mapping[str, str], settings: Settings, on_change: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.limits = settings.limits
        self._on_change = on_change
        self._proving = asyncio.Semaphore(1)
        self.endpoints = {name: self._endpoint(name, uri) for name, uri in models.items()}
        self.routes: dict[bytes, Route] = {b"/invocations": self.first.invoke}
        for name, endpoint in self.endpoints.items():
            self.routes[f"/models/{name}/invocations".encode()] = endpoint.invoke
            self.routes[f"/v2/models/{name}/infer".encode()] = Inference(
                endpoint, self.limits.inline
            )
        self._stopping = False
        self._following: list[asyncio.Task[None]] = []

    @property
    def first(self) -> Endpoint:
        """The endpoint that answers where no name is given."""
        return next(iter(self.endpoints.values()))

    @property
    def ready(self) -> bool:
        """Whether every model answers, and requests are welcome."""
        return not self._stopping and all(endpoint.ready for endpoint in self.endpoints.values())

    def stop(self) -> None:
        """Say that requests are not welcome any more; they are answered."""
        self._stopping = True

    async def start(self) -> None:
        """Restore and load every model, all at once; from then on aliases are followed.

        Raises:
            HoldfastError: One cannot be had, or does not load.
        """
        starting = [asyncio.create_task(track.start()) for track in self._tracks()]
        try:
            done, _ = await asyncio.wait(starting, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)
        for task in done:
            task.result()
        self._following = [asyncio.create_task(track.follow()) for track in self._tracks()]

    def look(self) -> None:
        """Look now whether any alias names another version."""
        for track in self._tracks():
            track.look()

    async def close(self) -> None:
        """End every worker."""
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        await asyncio.gather(*(track.end() for track in self._tracks()))

    def _tracks(self) -> list[Track]:
        return [track for endpoint in self.endpoints.values() for track in endpoint.tracks.values()]

    def _endpoint(self, name: str, uri: str) -> Endpoint:
        beside, proving = self.settings.beside.get(name, Beside()), self._proving
        tallies: dict[str, Tally] = {}
        canary = shadow = None
        main = Track(name, uri, self.settings, tallies, proving, self._on_change)
        if beside.canary:
            label = f"{name} (canary)"
            track = Track(label, beside.canary, self.settings, tallies, proving, self._on_change)
            canary = Canary(track, Share(beside.weight))
        if beside.shadow:
            settings = replace(self.settings, nice=_SHADOWS_STAND_BACK)
            track = Track(f"{name} (shadow)", beside.shadow, settings, {}, proving, self._on_change)
            shadow = Shadow(track, self.limits)
        return Endpoint(name, main, self.limits, tallies, canary, shadow)
