"""One file over HTTP: hashed while it comes, taken up where it was cut, tried again.

What comes is anybody's until its digest is the locked one: nothing here opens it.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import stamina

from holdfast.errors import HoldfastError, MismatchError, StoreError, ToolError
from holdfast.redact import redact, redact_said
from holdfast.wheels.network import Network

if TYPE_CHECKING:
    from holdfast.wheels.tally import Tally

_CHUNK_BYTES = 1 << 20
# More than any wheel; a lock need not say how big a file is.
_MOST_BYTES = 16 << 30
_LATER = (408, 425, 429, 500, 502, 503, 504)
_MOST_WAIT_SECONDS = 5.0
_PARTIAL, _OK, _PAST_END = 206, 200, 416

# It warns of each retry; where nobody listens, that would go to stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to download.

    Attributes:
        name: For messages: the package's.
        url: Where it is.
        sha256: In hex.
        size: Bytes; None where the lock does not say.
    """

    name: str
    url: str
    sha256: str
    size: int | None


class _Cut(Exception):  # noqa: N818 - no error of anybody's yet
    """What came ended too soon, or the server is busy."""


class Stopped(Exception):  # noqa: N818 - somebody else's error is the one to say
    """Another download failed, and this one was let go."""


def download(wanted: Wanted, partial: Path, network: Network, tally: Tally) -> None:
    """Have a file at `partial`, its digest the one that is wanted.

    What is there already is taken for its beginning, and stays there where the rest cannot be had.

    Raises:
        MismatchError: The server gives other bytes.
        ToolError: It cannot be reached, does not have it, or does not let us.
        StoreError: The disk is full.
    """
    try:
        for attempt in stamina.retry_context(
            on=(_Cut, httpx.TransportError),
            attempts=network.retries + 1,
            timeout=None,
            wait_initial=0.2,
            wait_jitter=0.3,
            wait_max=_MOST_WAIT_SECONDS,
        ):
            with attempt:
                _attempt(wanted, partial, network, tally)
    except (_Cut, httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(wanted, error) from None


def _attempt(wanted: Wanted, partial: Path, network: Network, tally: Tally) -> None:
    if tally.stopped:
        raise Stopped
    digest, start = _begun(partial)
    resumed = start > 0
    if not _is_whole(wanted, start, digest.hexdigest()):
        with network.get(wanted.url, start) as response:
            if response.status_code == _PAST_END:
                partial.unlink()
                raise _Cut("it was longer than it is now")
            _refuse(wanted, response)
            if not _continues(response, start):
                digest, start, resumed = hashlib.sha256(), 0, False
            _receive(wanted, response, partial, start, digest, tally)
    if digest.hexdigest() != wanted.sha256:
        partial.unlink()
        if resumed:  # what lay there may have been anything
            raise _Cut("its parts do not fit")
        raise MismatchError(
            f"{wanted.name}: {redact(wanted.url)} has sha256 {digest.hexdigest()}; "
            f"{wanted.sha256} was locked",
            hint="the index serves other bytes than were locked; do not install them",
        )


def _begun(partial: Path) -> tuple[hashlib._Hash, int]:
    """What came before: its digest so far, and its bytes."""
    digest, length = hashlib.sha256(), 0
    if partial.exists():
        with partial.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                length += len(chunk)
    return digest, length


def _is_whole(wanted: Wanted, length: int, sha256: str) -> bool:
    long_enough = wanted.size is not None and length >= wanted.size
    return length > 0 and (long_enough or sha256 == wanted.sha256)


def _continues(response: httpx.Response, start: int) -> bool:
    """Whether the answer begins where we stopped (RFC 9110, 14.4); else it is the whole file."""
    if response.status_code != _PARTIAL:
        return False
    if response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        return True
    raise _Cut("it sends another part than it was asked for")


def _refuse(wanted: Wanted, response: httpx.Response) -> None:
    status = response.status_code
    if status in {_OK, _PARTIAL}:
        return
    said = f"{status} {response.reason_phrase}"
    if status in _LATER:
        raise _Cut(said)
    where = f"{wanted.name}: {redact(wanted.url)}: {said}"
    if status in {401, 403}:
        raise ToolError(
            where,
            hint="set UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD, or add the host to "
            "~/.netrc",
        )
    if status in {404, 410}:
        raise ToolError(where, hint="the index no longer has this file, or does not know us")
    raise ToolError(where)


def _receive(
    wanted: Wanted,
    response: httpx.Response,
    partial: Path,
    start: int,
    digest: hashlib._Hash,
    tally: Tally,
) -> None:
    most = wanted.size if wanted.size is not None else _MOST_BYTES
    length = start
    tally.expect(wanted.name, _length(response))
    with partial.open("r+b" if start else "wb", buffering=0) as file:
        file.seek(start)
        for chunk in response.iter_raw():
            if tally.stopped:
                raise Stopped
            length += len(chunk)
            if length > most:
                file.truncate(0)
                raise MismatchError(
                    f"{wanted.name}: {redact(wanted.url)} sends more than the {most} bytes that "
                    "were locked",
                    hint="the index serves other bytes than were locked; do not install them",
                )
            _write(file.fileno(), chunk)
            digest.update(chunk)
            tally.add(wanted.name, len(chunk))
    if wanted.size is not None and length < wanted.size:
        raise _Cut(f"it ended after {length} of {wanted.size} bytes")


def _length(response: httpx.Response) -> int:
    """Bytes of the body; 0 where the server does not say."""
    try:
        return int(response.headers.get("Content-Length", ""))
    except ValueError:
        return 0


def _write(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise StoreError(
            f"the wheel store cannot be written: {error}",
            hint="free some disk, or `holdfast env prune`",
        ) from error


def _unreachable(wanted: Wanted, error: Exception) -> HoldfastError:
    what = redact_said(str(error), os.environ) or type(error).__name__
    if isinstance(error, httpx.LocalProtocolError):  # it may quote a credential
        what = "a header of ours is none that HTTP has"
    return ToolError(
        f"{wanted.name}: {redact(wanted.url)} cannot be fetched: {what}",
        hint="check the network and the index's address; what has come so far is kept",
    )
