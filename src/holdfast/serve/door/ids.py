"""Request ids: the client's own where that is sane, else one that no other request has."""

from __future__ import annotations

import itertools
import re
import secrets

HEADER = b"x-request-id"
# Where an ASGI application finds it in its scope's state.
STATE = "request_id"
# What may stand in a log, a header and a trace as it is.
_SANE = re.compile(rb"[\x21-\x7e]{1,128}")
_next = itertools.count(1).__next__
_prefix = secrets.token_hex(6).encode()


def request_id(given: bytes | None) -> bytes:
    """The id of a request whose client has `given` one, or None."""
    if given is not None and _SANE.fullmatch(given):
        return given
    return b"%s-%x" % (_prefix, _next())
