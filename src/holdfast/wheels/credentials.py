"""Who we are to an index: taken from where uv takes it, kept in memory only, sent to its host only.

Known at once: `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD` of the lock's indexes, and the user's own
`UV_DEFAULT_INDEX`. Asked only where an index wants to know: netrc, what `uv auth login` stored, and
the keyring where `UV_KEYRING_PROVIDER=subprocess` says so.
"""

from __future__ import annotations

import base64
import netrc
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import tomli

from holdfast.errors import ToolError
from holdfast.uv import run_uv

_PORTS = {"http": 80, "https": 443}
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Credential:
    """One answer to "who are you".

    Attributes:
        header: The value of an `Authorization` header.
    """

    header: str

    @classmethod
    def basic(cls, user: str, password: str) -> Credential:
        """A name and a password (RFC 7617)."""
        return cls("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())

    def __repr__(self) -> str:
        """Nothing of it: it may end up in a traceback."""
        return "Credential(****)"


class Credentials:
    """Finds the credential for a URL; asks each source once."""

    def __init__(self, indexes: tuple[tuple[str, str], ...]) -> None:
        """Look up what variables say.

        Args:
            indexes: (name, URL) of the lock's indexes.
        """
        self._known = [*_of_variables(indexes), *_of_own_index()]
        self._asked: dict[str, Credential | None] = {}
        self._asking = Lock()

    def known(self, url: str) -> Credential | None:
        """What variables say for `url`: of the index on its host whose address is the likest."""
        found = self._nearest(url)
        return Credential.basic(found[1], found[2]) if found and found[2] else None

    def asked(self, url: str) -> Credential | None:
        """What else is known of the host of `url`; once a host.

        Raises:
            ToolError: The keyring that was named is not there.
        """
        with self._asking:
            host = str(origin(url))
            if host not in self._asked:
                nearest = self._nearest(url)
                user = nearest[1] if nearest else ""
                sources: list[Callable[[str, str], Credential | None]]
                sources = [_of_netrc, _of_uv, _of_keyring]
                answers = (source(url, user) for source in sources)
                self._asked[host] = next((one for one in answers if one), None)
            return self._asked[host]

    def _nearest(self, url: str) -> tuple[str, str, str] | None:
        """(URL, user, password) of the index that `url` most likely belongs to."""
        there = [one for one in self._known if origin(one[0]) == origin(url)]
        return max(there, key=lambda one: len(commonpath([one[0], url])), default=None)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454): what a credential belongs to."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme)


def _of_variables(indexes: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str, str]]:
    for name, url in indexes:
        variable = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        user = os.environ.get(f"{variable}_USERNAME", "")
        password = os.environ.get(f"{variable}_PASSWORD", "")
        if name and (user or password):
            yield url, user, password


def _of_own_index() -> Iterator[tuple[str, str, str]]:
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        text = os.environ.get(variable, "")
        url = re.sub(r"^[A-Za-z0-9._-]+=", "", text)
        parts = urlsplit(url)
        if parts.username is not None:
            bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
            yield bare, unquote(parts.username), unquote(parts.password or "")


def _of_netrc(url: str, user: str) -> Credential | None:
    path = Path(os.environ.get("NETRC") or Path("~/.netrc").expanduser())
    try:
        found = netrc.netrc(str(path)).authenticators(urlsplit(url).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return None
    if found is None or not found[2] or (user and found[0] != user):
        return None
    return Credential.basic(found[0], found[2])


def _of_uv(url: str, user: str) -> Credential | None:
    """What `uv auth login` stored, in a file of uv's own."""
    try:
        folder = Path(run_uv(["auth", "dir", "--no-config"], timeout=_SECONDS).strip())
        stored = tomli.loads((folder / "credentials.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError, ToolError):
        return None
    entries: list[dict[str, Any]] = [
        one
        for one in stored.get("credential", ())
        if origin(one.get("service", "")) == origin(url)
        and urlsplit(url).path.startswith(urlsplit(one["service"]).path)
        and (not user or one.get("username") in {user, None})
    ]
    best = max(entries, key=lambda one: len(one["service"]), default=None)
    if best is None:
        return None
    if best.get("scheme") == "bearer":
        return Credential(f"Bearer {best.get('token', '')}")
    return Credential.basic(best.get("username") or "", best.get("password") or "")


def _of_keyring(url: str, user: str) -> Credential | None:
    """What the `keyring` program says of the URL, then of its host."""
    if os.environ.get("UV_KEYRING_PROVIDER") != "subprocess":
        return None
    program = shutil.which("keyring")
    if program is None:
        raise ToolError(
            "UV_KEYRING_PROVIDER is subprocess, and there is no `keyring` program",
            hint="uv tool install keyring",
        )
    for service in (url, urlsplit(url).netloc):
        asked = ["get", service, user] if user else ["--mode", "creds", "get", service]
        lines = _answer([program, *asked]).splitlines()
        if user and lines:
            return Credential.basic(user, lines[0])
        if len(lines) > 1:
            return Credential.basic(lines[0], lines[1])
    return None


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
