"""Running a gateway: sockets, signals, and the order of starting and stopping."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import uvicorn

from holdfast.serve.app import make_app
from holdfast.serve.connection import Connection
from holdfast.serve.gateway import Gateway
from holdfast.serve.settings import Settings


def run(
    models: Mapping[str, str],
    settings: Settings,
    *,
    host: str,
    port: int,
    on_change: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        HoldfastError: A model cannot be had, or does not load.
    """
    import uvloop

    uvloop.run(_serve(models, settings, host, port, on_change))


async def _serve(
    models: Mapping[str, str],
    settings: Settings,
    host: str,
    port: int,
    on_change: Callable[[str], None],
) -> None:
    gateway = Gateway(models, settings, on_change)
    protocol: Any = partial(Connection, gateway)
    config = uvicorn.Config(
        make_app(gateway),
        host=host,
        port=port,
        http=protocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.limits.drain),
    )
    server = uvicorn.Server(config)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, gateway.look)
    starting = asyncio.create_task(gateway.start())
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.wait([starting, serving], return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not starting.cancelled() and starting.exception() is None:
            on_change(f"serving {', '.join(models)} on http://{host}:{port}")
            await serving
    finally:
        server.should_exit = True
        starting.cancel()
        await asyncio.wait([starting, serving])
        await gateway.close()
    if not starting.cancelled():
        starting.result()
