"""The gateway: the endpoints of one server, and the routes on which they take requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from holdfast.restore.restore import restore
from holdfast.restore.restored import Restored
from holdfast.serve.connection import Route
from holdfast.serve.endpoint import Endpoint
from holdfast.serve.pool import Pool
from holdfast.serve.settings import Settings


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
        self.endpoints = {name: Endpoint(name, uri, self.limits) for name, uri in models.items()}
        self.routes: dict[bytes, Route] = {b"/invocations": self.first.invoke}
        for name, endpoint in self.endpoints.items():
            self.routes[f"/models/{name}/invocations".encode()] = endpoint.invoke
        self._on_change = on_change
        self._leases = ExitStack()

    @property
    def first(self) -> Endpoint:
        """The endpoint that answers where no name is given."""
        return next(iter(self.endpoints.values()))

    @property
    def ready(self) -> bool:
        """Whether every model answers."""
        return all(endpoint.ready for endpoint in self.endpoints.values())

    async def start(self) -> None:
        """Restore and load every model.

        Raises:
            HoldfastError: One cannot be had, or does not load.
        """
        await asyncio.gather(*map(self._load, self.endpoints.values()))

    async def close(self) -> None:
        """End every worker."""
        pools = [endpoint.pool for endpoint in self.endpoints.values() if endpoint.pool]
        await asyncio.gather(*(pool.close() for pool in pools))
        self._leases.close()

    async def _load(self, endpoint: Endpoint) -> None:
        restored = await asyncio.to_thread(self._restore, endpoint.uri)
        self._leases.enter_context(restored.lease())
        pool = Pool(restored, self.settings, self._on_change)
        await pool.start()
        endpoint.pool = pool

    def _restore(self, uri: str) -> Restored:
        settings = self.settings
        return restore(
            uri,
            slim=settings.slim,
            slim_include=settings.slim_include,
            offline=settings.offline,
            strict=settings.strict,
            on_progress=self._on_change,
        )
