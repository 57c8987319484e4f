"""Trying again, where that may help: what is worth another attempt, and how long to wait before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import httpx
import stamina

from holdfast.errors import ToolError
from holdfast.image.registry.reference import Reference
from holdfast.redact import printable, redact

T = TypeVar("T")

_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.2
_MOST_WAIT_SECONDS = 10.0
# OpenSSL's words, all that httpx leaves of its error.
_UNTRUSTED = "certificate verify failed"

# It warns of each retry; where nobody listens, that would go to stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class Later(Exception):  # noqa: N818 - no error of anybody's yet
    """It may go well another time: the registry is busy, or the line was cut.

    Attributes:
        seconds: How long it asks us to wait; 0 where it does not say.
    """

    def __init__(self, words: str, seconds: float = 0.0) -> None:
        super().__init__(words)
        self.seconds = seconds


def again(action: Callable[[], T], reference: Reference) -> T:
    """Do `action`, again where that may help.

    Args:
        action: What is done with the registry.
        reference: For messages.

    Raises:
        ToolError: It did not help.
    """
    try:
        for attempt in stamina.retry_context(
            on=_worth_another,
            attempts=_ATTEMPTS,
            timeout=None,
            wait_initial=_FIRST_WAIT_SECONDS,
            wait_max=_MOST_WAIT_SECONDS,
        ):
            with attempt:
                return action()
    except (Later, httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(str(error) or type(error).__name__, reference) from None
    raise AssertionError  # the last attempt returns or raises


def retry_after(response: httpx.Response) -> float:
    """Seconds that a busy registry asks for, where it asks for a sensible number of them."""
    said = response.headers.get("retry-after", "")
    return min(float(said), _MOST_WAIT_SECONDS) if said.isascii() and said.isdigit() else 0.0


def _worth_another(error: Exception) -> bool | float:
    """Whether to try again; a number of seconds to wait before."""
    if isinstance(error, Later):
        return error.seconds or True
    never = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
    if isinstance(error, never) or _UNTRUSTED in str(error):
        return False
    return isinstance(error, httpx.TransportError)


def _failed(why: str, reference: Reference) -> ToolError:
    hint = "try again later; what is there already is not sent again"
    if _UNTRUSTED in why:
        hint = "SSL_CERT_FILE names the certificates that are trusted"
    words = printable(redact(why))
    return ToolError(f"{reference.host} failed for {reference.repository}: {words}", hint=hint)
