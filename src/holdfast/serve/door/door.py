"""The door: who may come in, said by a request's headers before its body is read.

It stands before both lanes, so that no route can be forgotten: the key, the name that the server
was called by, and what web pages of other origins may do.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from holdfast.serve.door.keys import Keys
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.settings import Guard, Settings

Headers = Mapping[bytes, bytes]
Lines = tuple[tuple[bytes, bytes], ...]

# Whoever asks only whether the server lives has no key: a container's probes.
_OPEN = (b"/ping", b"/health")
_OPEN_BELOW = b"/v2/health/"
# Nor has a browser that opens a page: it shows nothing of a model before it was given the key.
_PAGE = re.compile(rb"/|/models/[^/]+/|/static/[a-z]+\.(?:css|js)")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Host headers found good are remembered as they are, so many of them.
_REMEMBERED = 64
_ANY = "*"
# Of the Open Inference Protocol.
_BINARY = b"inference-header-content-length"

_TAKEN = (
    b"authorization, content-type, x-api-key, x-request-id, traceparent, tracestate, " + _BINARY
)
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", _TAKEN),
    (b"access-control-max-age", b"600"),
)
_CHALLENGE = (b"www-authenticate", b'Bearer realm="holdfast"')
_VARY = (b"vary", b"origin")
_SHOWN = (b"access-control-expose-headers", b"x-request-id, x-holdfast-version, " + _BINARY)
_NOT_HERE = "this server is not known by the name in the Host header; --allow-host allows more"


@dataclass(frozen=True, slots=True)
class Turned:
    """The answer at the door, for a request that does not come in.

    Attributes:
        reason: "key", "host" or "preflight", which is no refusal.
        headers: Lines of the answer's head, beside those of `cross_origin`.
    """

    reason: str
    status: int
    body: bytes = b""
    headers: Lines = ()


class Door:
    """Who may come in.

    Args:
        settings: What was chosen.
        on_change: Told when the keys change.

    Raises:
        InputError: The keys cannot be read.
    """

    def __init__(self, settings: Settings, on_change: Callable[[str], None]) -> None:
        guard = settings.guard
        self.refused: Counter[str] = Counter()
        self.keys = Keys(guard.key_file, on_change) if guard.key_file else None
        self._hosts = _hosts(settings)
        self._good: set[bytes] = set()
        self._origins = {origin.encode("latin-1", "replace") for origin in guard.origins}
        self._any_origin = _ANY in guard.origins

    @property
    def idle(self) -> bool:
        """Whether it stands open: there is nothing to look at."""
        return self.keys is None and self._hosts is None and not self._origins

    def look(self, method: bytes, path: bytes, headers: Headers) -> Turned | None:
        """The answer to a request that does not come in; None for one that does.

        Args:
            method: Of the request.
            path: Without the prefix and the query.
            headers: By their names in lower case.
        """
        # Who probes a container calls it by any address.
        if not (self._hosts is None or self._is_host(headers.get(b"host")) or _is_open(path)):
            return self._refuse("host", Problem("PERMISSION_DENIED", _NOT_HERE))
        if self._origins and method == b"OPTIONS" and b"origin" in headers:
            return Turned("preflight", 200, headers=_PREFLIGHT)
        if self.keys is None or _is_open(path):
            return None
        if method in (b"GET", b"HEAD") and _PAGE.fullmatch(path):
            return None
        if self.keys.know(_key(headers)):
            return None
        problem = Problem("UNAUTHENTICATED", "an API key is needed: Authorization: Bearer <key>")
        return self._refuse("key", problem, (_CHALLENGE,))

    def cross_origin(self, headers: Headers) -> Lines:
        """Lines of every answer's head, that let the page that asks read it, if it may."""
        if not self._origins:
            return ()
        origin = headers.get(b"origin", b"")
        if self._any_origin:
            return ((b"access-control-allow-origin", b"*"), _SHOWN)
        if origin not in self._origins:
            return (_VARY,)
        return ((b"access-control-allow-origin", origin), _SHOWN, _VARY)

    def _refuse(self, reason: str, problem: Problem, headers: Lines = ()) -> Turned:
        self.refused[reason] += 1
        return Turned(reason, problem.status, problem.body, headers)

    def _is_host(self, host: bytes | None) -> bool:
        # Browsers always send one; what sends none is no page that was led here.
        if host is None or host in self._good:
            return True
        if host_name(host) not in (self._hosts or ()):
            return False
        if len(self._good) < _REMEMBERED:
            self._good.add(host)
        return True


def _is_open(path: bytes) -> bool:
    return path in _OPEN or path.startswith(_OPEN_BELOW)


def host_name(host: bytes) -> str:
    """The name in a Host header, without the port; IPv6 addresses without their brackets."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _hosts(settings: Settings) -> frozenset[str] | None:
    """Names that the server may be called by; None where any is right.

    A page on the web can have its own name lead to 127.0.0.1 (DNS rebinding) and then speak to
    what listens there; the name in the Host header gives it away. No page reaches a Unix socket.
    """
    guard, listening = settings.guard, settings.listening
    if _ANY in guard.hosts or listening.uds is not None:
        return None
    if not guard.hosts and not is_loopback(listening.host):
        return None
    return frozenset(map(str.lower, _also(guard, listening.host)))


def _also(guard: Guard, host: str) -> Iterable[str]:
    return (*_LOOPBACK, host, *guard.hosts)


def _key(headers: Headers) -> bytes:
    """The key of a request; b"" where it has none."""
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return key.strip()
    return headers.get(b"x-api-key", b"")
