"""HTTP with one registry: who we are, where it sends us, trying again, and what it refused.

A registry is other people's input: it may hang, drip, lie and lead anywhere. What it sends is
bounded and timed here; that it is what its digest says is checked where it is read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import httpx

from holdfast.errors import InputError, ToolError
from holdfast.image.registry.again import Later, again, retry_after
from holdfast.image.registry.auth import Auth, Scopes
from holdfast.image.registry.reference import Reference, is_loopback
from holdfast.redact import printable, redact

T = TypeVar("T")

_PATIENCE_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
# Less than this is no transfer, but somebody who holds the line.
_LEAST_BYTES_PER_SECOND = 512
# Registries hash a blob again when all of it is there, and copy it to where it stays.
_STORED_BYTES_PER_SECOND = 4_000_000
_MOST_REDIRECTS = 5
_MOST_ERROR_BYTES = 1 << 14

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_LATER = (408, 425, 429, 500, 502, 503, 504)
ELSEWHERE = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent.

    Attributes:
        size: Its bytes.
        make: Makes it; called again where it must be sent again.
    """

    size: int
    make: Callable[[], bytes | Iterable[bytes]]


class Client:
    """What a registry answers, for many threads.

    Args:
        reference: The registry, and the repository that is worked on.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._home = httpx.URL(reference.url)
        self._http = _connections(reference)
        self._auth = Auth(self._http, reference)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def again(self, action: Callable[[], T]) -> T:
        """Do `action`, again where that may help.

        Raises:
            ToolError: It did not help.
        """
        return again(action, self.reference)

    @contextmanager
    def answer(
        self,
        method: str,
        url: str | httpx.URL,
        scopes: Scopes,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> Iterator[httpx.Response]:
        """The answer to one request, its body not read yet; past challenges and redirects.

        Args:
            method: "GET", say.
            url: Below the repository's own, or absolute.
            scopes: What is to be done, in the words of token servers.
            headers: Beside those of every request.
            body: What is sent.

        Raises:
            httpx.HTTPError: It could not be reached, or did not answer in time.
            ToolError: It leads in circles, or where nobody should go.
        """
        target = self._home.join(url)
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._authorized(method, target, scopes, headers or {}, body)
            if method != "GET" or response.status_code not in ELSEWHERE:
                break
            response.close()
            target = self.led_to(response)
        else:
            raise ToolError(f"{self.reference.host} redirects without end")
        try:
            yield response
        finally:
            response.close()

    def led_to(self, response: httpx.Response) -> httpx.URL:
        """Where a Location header leads.

        Raises:
            ToolError: Nowhere, or where what is sent could be heard by others.
        """
        location = response.headers.get("location")
        if not location:
            raise ToolError(f"{self.reference.host} redirects to nowhere")
        try:
            target = response.url.join(location)
        except httpx.InvalidURL:
            target = httpx.URL("")
        if (self._home.scheme, target.scheme, target.host) == ("https", "http", self._home.host):
            # A registry behind a proxy may not know that it is reached by TLS.
            target = target.copy_with(scheme="https", port=self._home.port)
        is_local = target.scheme == "http" == self._home.scheme and is_loopback(target.host)
        if target.userinfo or not (target.scheme == "https" or is_local):
            raise ToolError(
                f"{self.reference.host} redirects to where we do not go: "
                f"{printable(redact(location[:300]))}"
            )
        return target

    def _authorized(
        self,
        method: str,
        url: httpx.URL,
        scopes: Scopes,
        headers: Mapping[str, str],
        body: Body | None,
    ) -> httpx.Response:
        """Send a request; to the registry itself with what it asks for, to others without."""
        is_home = _origin(url) == _origin(self._home)
        header = self._auth.header(scopes) if is_home else None
        response = self._send(method, url, headers, header, body)
        if response.status_code == _UNAUTHORIZED and is_home:
            with closing(response):
                learnt = self._auth.learn(response, scopes, header)
                if learnt is None:
                    self.refused(response)
            response = self._send(method, url, headers, learnt, body)
        return response

    def _send(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        authorization: str | None,
        body: Body | None,
    ) -> httpx.Response:
        own = {**headers, "Authorization": authorization} if authorization else headers
        request = self._http.build_request(
            method,
            url,
            headers=own,
            content=body.make() if body is not None else None,
            timeout=_timeout(body.size if body is not None else 0),
        )
        return self._http.send(request, stream=True)

    def body(self, response: httpx.Response) -> Iterator[bytes]:
        """What comes, as long as it comes at a pace.

        Raises:
            Later: It drips.
            httpx.HTTPError: The line was cut, or nothing came in time.
        """
        began, length = time.monotonic(), 0
        # Not in pieces of a size: what is waited for to fill one would be lost with the line.
        for chunk in response.iter_raw():
            yield chunk
            length += len(chunk)
            waited = time.monotonic() - began
            if waited > _PATIENCE_SECONDS:
                if length < _LEAST_BYTES_PER_SECOND * waited:
                    raise Later(f"it sent {length} bytes in {waited:.0f} seconds")
                began, length = time.monotonic(), 0

    def check(self, response: httpx.Response, *good: int) -> None:
        """Nothing, where the status is a good one.

        Raises:
            Later: The registry is busy.
            InputError: What was asked for is not there.
            ToolError: It refuses.
        """
        if response.status_code in good:
            return
        if response.status_code in _LATER:
            raise Later(f"HTTP {response.status_code}", retry_after(response))
        self.refused(response)

    def refused(self, response: httpx.Response) -> NoReturn:
        """Raise what a refusal means.

        Raises:
            InputError: What was asked for is not there.
            ToolError: Anything else.
        """
        status, name = response.status_code, self.reference
        words = self._words(response)
        if status == _NOT_FOUND:
            raise InputError(f"{name} is not there{words}")
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise ToolError(
                f"{name.host} does not let us do this to {name.repository} (HTTP {status}){words}",
                hint=f"podman login {name.host}, or docker login",
            )
        raise ToolError(f"{name.host} refuses (HTTP {status}){words}")

    def _words(self, response: httpx.Response) -> str:
        """The registry's own words (distribution specification, "Error codes"), in one line."""
        try:
            content = b""
            for chunk in self.body(response):
                content += chunk
                if len(content) > _MOST_ERROR_BYTES:
                    return ""
            said = json.loads(content)["errors"][0]
            words = f"{said.get('code', '')} {said.get('message', '')}"
        except (Later, httpx.HTTPError, httpx.StreamError, ValueError, RecursionError):
            return ""
        except (LookupError, TypeError, AttributeError):
            return ""
        return f": {printable(redact(words.strip()[:300]))}"


def _timeout(sent_bytes: int = 0) -> httpx.Timeout:
    """How long to wait for a byte; longer for one who has to store what was sent first."""
    waiting = _PATIENCE_SECONDS + sent_bytes / _STORED_BYTES_PER_SECOND
    return httpx.Timeout(_PATIENCE_SECONDS, read=waiting, connect=_CONNECT_SECONDS, pool=None)


def _connections(reference: Reference) -> httpx.Client:
    try:
        return httpx.Client(
            timeout=_timeout(),
            follow_redirects=False,
            # A proxy cannot reach what listens on this machine's loopback alone.
            trust_env=not is_loopback(reference.host),
            # A body that is coded on the way would have another digest.
            headers={"Accept-Encoding": "identity", "User-Agent": "holdfast"},
        )
    except (ImportError, ValueError) as error:  # a proxy of a kind that httpx has no code for
        raise ToolError(f"the proxy in HTTP(S)_PROXY or ALL_PROXY: {redact(str(error))}") from None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
