"""Running a gateway: sockets, signals, and the order of starting and stopping.

What can be refused is refused first: the port, the certificate, the keys. Then what only root may
do is done, the gateway starts to answer probes, and the models are loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from socket import socket
from typing import Any

import uvicorn

from holdfast.errors import ToolError
from holdfast.progress import Progress
from holdfast.serve.door.door import is_loopback
from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.gateway import Gateway
from holdfast.serve.http.connection import Connection
from holdfast.serve.http.drain import Server
from holdfast.serve.http.entrance import Entrance, Prefixed, make_entrance
from holdfast.serve.http.sockets import listening, url_of
from holdfast.serve.http.tls import tls_context
from holdfast.serve.http.traffic import room_for_connections
from holdfast.serve.privileges import become
from holdfast.serve.routes import metrics
from holdfast.serve.routes.app import make_app
from holdfast.serve.seen import logs, tracing
from holdfast.serve.seen.seen import Observed, observer_of
from holdfast.serve.settings import Settings

# Seconds that answers have after Ctrl-C.
_QUICK = 1
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Started:
    """A server of which every model answers.

    Attributes:
        url: What a client on this machine opens.
        endpoints: What is served, by name.
    """

    url: str
    endpoints: Mapping[str, Endpoint]


def run(
    models: Mapping[str, str],
    settings: Settings,
    *,
    on_ready: Callable[[Started], None] | None,
    on_progress: Progress,
    on_change: Progress,
) -> None:
    """Serve until SIGTERM, which lets every request have its answer, or SIGINT, which is quicker.

    Raises:
        InputError: The port is in use, or an option cannot be used.
        HoldfastError: A model cannot be had, or does not load.
    """
    import uvloop

    say = logs.changes(settings.access_log, on_change)
    where = settings.listening
    with contextlib.ExitStack() as undo:
        sockets = undo.enter_context(listening(where))
        context = tls_context(where.tls) if where.tls else None
        entrance = make_entrance(settings, say)
        if where.user:
            become(where.user, where.uds)
        undo.enter_context(logs.of_libraries(say))
        traces = _tracing(say)
        if traces is not None:
            undo.callback(traces.close)
        entrance.observe = observer_of(
            logs.access_log(settings.access_log), traces.observe if traces else None
        )
        if _is_open(settings):
            say(
                f"warning: whoever reaches {where.host} is answered, without a key and without "
                "encryption; --api-key-file and --tls-cert change that"
            )
        talk = _Talk(logs.changes(settings.access_log, on_progress))

        def ready(gateway: Gateway) -> None:
            talk.say = say
            if on_ready is not None:
                on_ready(Started(url_of(where, sockets[0]), gateway.endpoints))

        gateway = partial(Gateway, models, settings, talk)
        uvloop.run(_serve(gateway, settings, entrance, sockets, context, ready))


class _Talk:
    """What the gateway says: progress until every model answers, then to be kept."""

    def __init__(self, say: Progress) -> None:
        self.say = say

    def __call__(self, text: str) -> None:
        self.say(text)


async def _serve(
    make_gateway: Callable[[], Gateway],
    settings: Settings,
    entrance: Entrance,
    sockets: list[socket],
    context: ssl.SSLContext | None,
    on_ready: Callable[[Gateway], None],
) -> None:
    gateway = make_gateway()
    most = room_for_connections(settings, len(gateway.endpoints))
    server = Server(_config(gateway, entrance, settings), most, gateway.stop)
    server.config.load()
    server.config.ssl = context
    entrance.connections = server.server_state.connections
    entrance.first = gateway.first.name
    with _signals(server, gateway, entrance):
        starting = asyncio.create_task(gateway.start())
        serving = asyncio.create_task(server.serve(sockets))
        try:
            await asyncio.wait([starting, serving], return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not starting.cancelled() and starting.exception() is None:
                on_ready(gateway)
                await serving
        finally:
            server.should_exit = True
            starting.cancel()
            await asyncio.wait([starting, serving])
            await gateway.close()
    if not starting.cancelled():
        starting.result()
    serving.result()


def _config(gateway: Gateway, entrance: Entrance, settings: Settings) -> uvicorn.Config:
    app: Any = make_app(gateway)
    app.router.routes.extend(metrics.routes(gateway, entrance))
    if settings.listening.prefix:
        app = Prefixed(app, settings.listening.prefix)
    if entrance.observe is not None:
        app = Observed(app, entrance.observe, entrance.proxies, entrance.first)
    protocol: Any = partial(Connection, gateway, entrance)
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.limits.drain),
    )


@contextlib.contextmanager
def _signals(server: uvicorn.Server, gateway: Gateway, entrance: Entrance) -> Iterator[None]:
    """SIGTERM and SIGINT end the server, a second one at once; SIGHUP looks at everything again."""

    def stop(number: int) -> None:
        if server.should_exit:
            # Workers see the line close, and end.
            os._exit(_INTERRUPTED)
        if number == signal.SIGINT:
            server.config.timeout_graceful_shutdown = _QUICK
        server.should_exit = True

    def look() -> None:
        gateway.look()
        if entrance.door is not None and entrance.door.keys is not None:
            entrance.door.keys.reread()

    loop = asyncio.get_running_loop()
    handlers: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: partial(stop, signal.SIGTERM),
        signal.SIGINT: partial(stop, signal.SIGINT),
        signal.SIGHUP: look,
    }
    # Not in the main thread, signals are somebody else's.
    with contextlib.suppress(ValueError, RuntimeError):
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


def _tracing(say: Progress) -> tracing.Tracing | None:
    """Traces, where they are asked for and can be made: nobody's predictions wait for them."""
    if not tracing.wanted(os.environ):
        return None
    try:
        return tracing.Tracing()
    except ToolError as error:
        say(f"there are no traces: {error.message}; {error.hint}")
        return None


def _is_open(settings: Settings) -> bool:
    where, guard = settings.listening, settings.guard
    return where.uds is None and not (where.tls or guard.key_file or is_loopback(where.host))
