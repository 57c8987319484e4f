"""Asking a service that speaks OSV's interface: which advisories are about these versions.

https://google.github.io/osv.dev/api/ is its description: one question for many versions
(`/v1/querybatch`) gives names, and each record comes by its name (`/v1/vulns/<id>`). Sent are names
and versions of packages, nothing else. What comes is read and never run.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import stamina
from packaging.version import Version

from holdfast import own
from holdfast.audit.advisory import ECOSYSTEM, Advisory, read_advisory
from holdfast.errors import ToolError
from holdfast.progress import Progress
from holdfast.redact import redact, redact_said

DEFAULT = "https://api.osv.dev"
# By package's name and locked version.
Found = dict[tuple[str, str], tuple[Advisory, ...]]

_SECONDS = 30.0
_ATTEMPTS = 4
_MOST_ASKED = 1000  # the interface's own limit for one question
_MOST_PAGES = 100
_MOST_BYTES = 64 << 20
_AT_ONCE = 8
_OK, _LATER = 200, (408, 425, 429, 500, 502, 503, 504)

# It warns of each retry; where nobody listens, that would go to stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class _Busy(Exception):  # noqa: N818 - no error of anybody's yet
    """The service asks to come back later."""


def ask(wanted: Iterable[tuple[str, str]], service: str, on_progress: Progress) -> Found:
    """The advisories about each of `wanted`, which are names and versions.

    Raises:
        ToolError: The service cannot be reached, or answers with something else.
    """
    wanted = sorted(set(wanted))
    with httpx.Client(timeout=_SECONDS, headers={"User-Agent": f"holdfast/{own.version()}"}) as web:
        asked = _Service(web, service.rstrip("/"))
        on_progress(f"asking {redact(service)} about {len(wanted)} packages")
        names = asked.names(wanted)
        distinct = sorted({name for several in names.values() for name in several})
        on_progress(f"reading {len(distinct)} advisories")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            records = dict(zip(distinct, pool.map(asked.record, distinct), strict=True))
    return {one: tuple(records[name] for name in several) for one, several in names.items()}


class _Service:
    """A service, at its address."""

    def __init__(self, web: httpx.Client, address: str) -> None:
        self.web = web
        self.address = address

    def names(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
        """The names of the advisories about each; an answer that is too long comes in pages."""
        found: dict[tuple[str, str], list[str]] = {one: [] for one in wanted}
        questions = [(one, _question(*one)) for one in wanted]
        for _ in range(_MOST_PAGES):
            if not questions:
                return found
            questions = [
                left
                for start in range(0, len(questions), _MOST_ASKED)
                for left in self._page(questions[start : start + _MOST_ASKED], found)
            ]
        raise self._odd("it has always one more page")

    def _page(
        self,
        questions: Sequence[tuple[tuple[str, str], dict[str, Any]]],
        found: dict[tuple[str, str], list[str]],
    ) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
        """Ask; the names go into `found`, and what is to be asked again comes back."""
        asked = {"queries": [question for _, question in questions]}
        answer = self._json("POST", "/v1/querybatch", asked)
        try:
            results = answer["results"]
            for (one, question), result in zip(questions, results, strict=True):
                found[one] += [str(each["id"]) for each in (result or {}).get("vulns") or ()]
                if token := (result or {}).get("next_page_token"):
                    yield one, {**question, "page_token": token}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._odd(f"no answer to a batch: {error}") from error

    def record(self, name: str) -> Advisory:
        """The record of an advisory."""
        answer = self._json("GET", f"/v1/vulns/{quote(name, safe='')}")
        try:
            return read_advisory(answer)
        except ValueError as error:
            raise self._odd(f"{name}: {error}") from error

    def _json(self, method: str, path: str, body: object = None) -> Any:
        url = f"{self.address}{path}"
        try:
            for attempt in stamina.retry_context(
                on=(_Busy, httpx.TransportError),
                attempts=_ATTEMPTS,
                timeout=None,
                wait_initial=0.2,
                wait_jitter=0.3,
                wait_max=5.0,
            ):
                with attempt:
                    return json.loads(self._bytes(method, url, body))
        except (_Busy, httpx.HTTPError, httpx.InvalidURL) as error:
            said = redact_said(str(error) or type(error).__name__, os.environ)
            raise ToolError(
                f"{redact(self.address)} cannot be asked for advisories: {said}",
                hint="check the network and --service; --database takes them from a folder",
            ) from None
        except (ValueError, RecursionError) as error:
            raise self._odd(f"no JSON at {path}: {error}") from None
        raise AssertionError("the last attempt returns or raises")

    def _bytes(self, method: str, url: str, body: object) -> bytes:
        with self.web.stream(method, url, json=body) as response:
            if response.status_code in _LATER:
                raise _Busy(f"status {response.status_code}")
            if response.status_code != _OK:
                raise self._odd(f"status {response.status_code} at {response.url.path}")
            came = bytearray()
            for piece in response.iter_bytes():
                came += piece
                if len(came) > _MOST_BYTES:
                    raise self._odd(f"more than {_MOST_BYTES >> 20} MB at {response.url.path}")
        return bytes(came)

    def _odd(self, what: str) -> ToolError:
        return ToolError(
            f"{redact(self.address)} does not answer as OSV's interface does: {what}",
            hint="--service takes the address that stands before /v1/querybatch",
        )


def _question(name: str, version: str) -> dict[str, Any]:
    """What asks about a version; about the public one, of which a local one ("+cpu") is a build."""
    package = {"name": name, "ecosystem": ECOSYSTEM}
    return {"package": package, "version": Version(version).public}
