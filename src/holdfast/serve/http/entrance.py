"""The entrance: what every request passes before it finds its lane, and where it is seen to leave.

What was not asked for is None or empty, and costs a comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from starlette.responses import RedirectResponse

from holdfast.serve.door.door import Door
from holdfast.serve.http.express import Express
from holdfast.serve.seen.seen import Observer, Seen, client_of, model_in
from holdfast.serve.settings import Settings


@dataclass(slots=True, kw_only=True)
class Entrance:
    """What stands before both lanes.

    Attributes:
        door: Who may come in; None where everybody may.
        prefix: A path before all paths, which a proxy may have taken away.
        proxies: Addresses whose X-Forwarded-For is believed; "" for a Unix socket's clients, who
            are this user.
        observe: Told of each request that was answered.
        first: The model that is meant where a path names none.
        connections: Those that are open.
    """

    door: Door | None = None
    prefix: bytes = b""
    proxies: frozenset[str] = frozenset()
    observe: Observer | None = None
    first: str = ""
    connections: set[Any] = field(default_factory=set)

    def bare(self, path: bytes) -> bytes:
        """`path` without the prefix."""
        prefix = self.prefix
        if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"/", b""):
            return path[len(prefix) :] or b"/"
        return path


def make_entrance(settings: Settings, on_change: Callable[[str], None]) -> Entrance:
    """The entrance of a server.

    Raises:
        InputError: The API keys cannot be read.
    """
    door = Door(settings, on_change)
    where = settings.listening
    return Entrance(
        door=None if door.idle else door,
        prefix=where.prefix.encode(),
        proxies=frozenset(where.proxies if where.uds is None else (*where.proxies, "")),
    )


def seen_on_express(
    express: Express, status: int, sent: int, client: str, entrance: Entrance
) -> Seen:
    """What was seen of a request on the express lane."""
    call, path = express.call, express.path.partition(b"?")[0].decode("ascii", "replace")
    return Seen(
        id=express.id,
        method=express.method.decode(),
        path=path,
        status=status,
        seconds=monotonic() - call.arrived if call else 0.0,
        received=express.length,
        sent=sent,
        client=client_of(client, express.headers, entrance.proxies),
        headers=express.headers,
        call=call,
        model=model_in(path, entrance.first),
    )


class Prefixed:
    """An ASGI application below a prefix, whether a proxy took that away or not.

    Args:
        app: The application.
        prefix: "/models", say.
    """

    def __init__(self, app: Any, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        path, prefix = scope["path"], self._prefix
        if path == prefix:
            # The page's addresses are relative: they need the slash at the end.
            await RedirectResponse(f"{prefix.rpartition('/')[2]}/")(scope, receive, send)
            return
        if not path.startswith(prefix + "/"):
            path = prefix + path
        raw = scope["raw_path"]
        if not raw.startswith(prefix.encode() + b"/"):
            raw = prefix.encode() + raw
        await self._app(
            {**scope, "path": path, "raw_path": raw, "root_path": prefix}, receive, send
        )
