"""HTTP as uv does it: its timeouts, certificates, proxies, insecure hosts, credentials.

The libraries are those of the extra `image`; who imports this file must have them.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from urllib.parse import urlsplit

import httpx

from holdfast.errors import InputError, ToolError
from holdfast.redact import redact_said
from holdfast.wheels.credentials import Credential, Credentials

_SECONDS = 30.0  # uv's own
_CONNECT_SECONDS = 10.0
_RETRIES = 3
_CONNECTIONS = 16
_MOST_REDIRECTS = 10
_UNKNOWN = (401, 403, 404)  # some indexes say "not found" to whoever they do not know


@contextmanager
def networking(indexes: tuple[tuple[str, str], ...]) -> Iterator[Network]:
    """A network whose connections are closed at the end; see `Network`, whose errors it raises."""
    network = Network(indexes)
    try:
        yield network
    finally:
        network.close()


class Network:
    """Clients, made when they are first used; for many threads."""

    def __init__(self, indexes: tuple[tuple[str, str], ...]) -> None:
        """Read the settings.

        Args:
            indexes: (name, URL) of the lock's indexes.

        Raises:
            InputError: A setting is no number.
        """
        self.retries = int(_number("UV_HTTP_RETRIES", default=_RETRIES))
        self.connections = max(1, int(_number("UV_CONCURRENT_DOWNLOADS", default=_CONNECTIONS)))
        names = ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT")
        self._seconds = _number(*names, default=_SECONDS)
        self._connect_seconds = _number("UV_HTTP_CONNECT_TIMEOUT", default=_CONNECT_SECONDS)
        self._insecure = frozenset(os.environ.get("UV_INSECURE_HOST", "").replace(",", " ").split())
        self._credentials = Credentials(indexes)

    @contextmanager
    def get(self, url: str, start: int = 0) -> Iterator[httpx.Response]:
        """The answer to a GET of `url` from byte `start` on, its body not read yet.

        Raises:
            httpx.HTTPError: It could not be reached, or did not answer in time.
            ToolError: The keyring that was named is not there.
        """
        client = self._trusting if self._is_insecure(url) else self._strict
        known = self._credentials.known(url)
        with client.stream("GET", url, headers=_headers(start, known)) as response:
            if response.status_code not in _UNKNOWN:
                yield response
                return
            other = self._credentials.asked(url)
            if other is None or other == known:
                yield response
                return
        with client.stream("GET", url, headers=_headers(start, other)) as response:
            yield response

    def close(self) -> None:
        """Close the connections."""
        for name in ("_strict", "_trusting"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @cached_property
    def _strict(self) -> httpx.Client:
        return self._client(_certificates())

    @cached_property
    def _trusting(self) -> httpx.Client:
        """For hosts of which the user says that anybody may stand in for them."""
        return self._client(verify=False)

    def _client(self, verify: ssl.SSLContext | bool) -> httpx.Client:  # noqa: FBT001
        try:
            return httpx.Client(
                verify=verify,
                follow_redirects=True,
                max_redirects=_MOST_REDIRECTS,
                timeout=httpx.Timeout(self._seconds, connect=self._connect_seconds, pool=None),
                limits=httpx.Limits(max_connections=self.connections),
            )
        except (ImportError, ValueError) as error:  # a proxy of a kind that httpx has no code for
            said = redact_said(str(error), os.environ)
            raise ToolError(f"the proxy in HTTP(S)_PROXY or ALL_PROXY: {said}") from None

    def _is_insecure(self, url: str) -> bool:
        parts = urlsplit(url)
        names = {parts.hostname, parts.netloc, f"{parts.scheme}://{parts.netloc}"}
        return not self._insecure.isdisjoint(names)


def _headers(start: int, credential: Credential | None) -> dict[str, str]:
    # A body that is coded on the way would have another digest.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if credential:
        headers["Authorization"] = credential.header
    return headers


def _certificates() -> ssl.SSLContext:
    """Whom to trust: SSL_CERT_FILE and SSL_CERT_DIR, the system, or the bundle of `certifi`."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if file or folder:
            context = ssl.create_default_context(cafile=file or None, capath=folder or None)
        elif any(_is_set(name) for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")):
            context = ssl.create_default_context()
        else:
            import certifi

            context = ssl.create_default_context(cafile=certifi.where())
        if own := os.environ.get("SSL_CLIENT_CERT"):
            context.load_cert_chain(own)
    except (OSError, ssl.SSLError) as error:
        raise ToolError(
            f"the certificates of SSL_CERT_FILE, SSL_CERT_DIR or SSL_CLIENT_CERT: {error}"
        ) from error
    return context


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on", "t", "y"}


def _number(*names: str, default: float) -> float:
    for name in names:
        if text := os.environ.get(name):
            try:
                return float(text)
            except ValueError:
                raise InputError(f"{name} is {text!r}; expected a number") from None
    return default
