"""Saying who we are: what a registry's challenge asks for, and the tokens it leads to.

RFC 9110, 11.6.1, and the token flow of the distribution project ("Token Authentication
Specification", "OAuth2 Token Authentication"). A secret goes to the registry it is for, or to the
token server which that registry names; never to a third.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from threading import RLock
from typing import Any

import httpx

from holdfast.errors import ToolError
from holdfast.image.registry.credentials import Credential, credential_for
from holdfast.image.registry.reference import Reference, is_loopback
from holdfast.redact import redact

Scopes = tuple[str, ...]

_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_TOKEN = re.compile(r"[\x21-\x7e]+")
_MOST_BYTES = 1 << 20
_MOST_SECONDS = 60
_CLIENT = "holdfast"
_DONE = 200


class Auth:
    """What to put into the Authorization header, for each set of scopes; for many threads.

    Args:
        http: Asks the token server.
        reference: The registry, and the repository whose credentials are looked for.
    """

    def __init__(self, http: httpx.Client, reference: Reference) -> None:
        self._http = http
        self._reference = reference
        self._headers: dict[Scopes, str] = {}
        self._lock = RLock()

    def header(self, scopes: Scopes) -> str | None:
        """What was learnt for these scopes; None before the first challenge."""
        return self._headers.get(scopes)

    def learn(self, response: httpx.Response, scopes: Scopes, used: str | None) -> str | None:
        """The header that answers a challenge; None where we have nothing to say.

        Args:
            response: A 401.
            scopes: What is to be done.
            used: The header that was refused, if there was one.

        Raises:
            ToolError: The token server cannot be asked, or refuses.
        """
        with self._lock:
            known = self._headers.get(scopes)
            if known is not None and known != used:
                return known  # another thread was quicker
            self._headers.pop(scopes, None)
            made = self._answer(response, scopes)
            if made is not None and made != used:
                self._headers[scopes] = made
                return made
            return None

    def _answer(self, response: httpx.Response, scopes: Scopes) -> str | None:
        credential = credential_for(self._reference.host, self._reference.repository)
        if credential is not None and credential.registry_token:
            return f"Bearer {credential.registry_token}"
        challenges = response.headers.get_list("www-authenticate")
        for challenge in challenges:
            scheme, _, rest = challenge.strip().partition(" ")
            if scheme.lower() == "bearer":
                return f"Bearer {self._token(_parameters(rest), scopes, credential)}"
        if credential is None or not any(one.lower().startswith("basic") for one in challenges):
            return None
        return _basic(credential)

    def _token(
        self, challenge: Mapping[str, str], scopes: Scopes, credential: Credential | None
    ) -> str:
        realm = challenge.get("realm", "")
        _check_realm(realm, self._reference.url)
        wanted = _together(scopes, challenge.get("scope", "").split())
        try:
            with self._http.stream(
                **_token_request(realm, challenge.get("service", ""), wanted, credential)
            ) as answer:
                content = b"".join(_bounded(answer))
        except httpx.HTTPError as error:
            raise ToolError(f"the token server {redact(realm)} does not answer: {error}") from None
        if answer.status_code != _DONE:
            raise ToolError(
                f"the token server {redact(realm)} refuses (HTTP {answer.status_code})",
                hint=f"podman login {self._reference.host}, or docker login",
            )
        return _token_in(content, realm)


def _together(scopes: Scopes, asked: list[str]) -> list[str]:
    """Our scopes, and those that the registry asks for of what it calls otherwise than we do."""
    known = {scope.rpartition(":")[0] for scope in scopes}
    return sorted({*scopes, *(one for one in asked if one.rpartition(":")[0] not in known)})


def _check_realm(realm: str, url: str) -> None:
    """Refuse a token server to which a secret would go in the clear, or that is none.

    Raises:
        ToolError: It is one of those.
    """
    try:
        parsed = httpx.URL(realm)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    is_safe = parsed.scheme == "https" or (
        # Only of a registry on this machine may the token server be here, too.
        parsed.scheme == "http" and is_loopback(parsed.host) and url.startswith("http:")
    )
    if not is_safe or parsed.userinfo:
        raise ToolError(f"the registry names a token server that is not asked: {redact(realm)!r}")


def _token_request(
    realm: str, service: str, scopes: list[str], credential: Credential | None
) -> dict[str, Any]:
    if credential is not None and credential.identity_token:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credential.identity_token,
            "service": service,
            "scope": " ".join(scopes),
            "client_id": _CLIENT,
        }
        return {"method": "POST", "url": realm, "data": form}
    query: list[tuple[str, Any]] = [("service", service)] if service else []
    query += [("scope", scope) for scope in scopes]
    headers = {"Authorization": _basic(credential)} if credential is not None else {}
    if credential is not None:
        query.append(("account", credential.user))
    # What stands in the realm's own query stays, as other clients have it.
    url = httpx.URL(realm)
    return {"method": "GET", "url": url.copy_merge_params(query), "headers": headers}


def _token_in(content: bytes, realm: str) -> str:
    try:
        answer = json.loads(content)
        token = answer.get("token") or answer.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
        raise ToolError(f"the token server {redact(realm)} gives no token")
    return token


def _bounded(answer: httpx.Response) -> list[bytes]:
    found, length, began = [], 0, time.monotonic()
    for chunk in answer.iter_bytes():
        length += len(chunk)
        if length > _MOST_BYTES or time.monotonic() - began > _MOST_SECONDS:
            raise ToolError("the token server says more than a token, or takes too long to say it")
        found.append(chunk)
    return found


def _parameters(rest: str) -> dict[str, str]:
    """The parameters of a challenge: `realm="…",service="…"`."""
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare
        for name, quoted, bare in _PARAMETER.findall(rest)
    }


def _basic(credential: Credential) -> str:
    packed = base64.b64encode(f"{credential.user}:{credential.password}".encode()).decode()
    return f"Basic {packed}"
