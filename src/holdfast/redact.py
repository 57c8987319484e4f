"""Secrets leave text where the text is made, not where it is printed.

Pure. Everything that Holdfast writes or raises and that may hold a URL passes through here; what
may hold somebody else's names, and goes to a terminal or into a line of its own, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

# RFC 3986, 3.2.1: the userinfo part of an authority. A "git@host" user is no secret, and a
# scheme like `git+ssh://git@host` needs it to work.
_USERINFO = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^/\s\"'@]*(?:@[^/\s\"'@]*)*)@"
)
_TOKEN_PARAMETER = re.compile(
    r"(?P<name>[?&](?:[A-Za-z0-9_-]*(?:token|password|secret|signature|api[_-]?key|credential)))"
    r"=[^&\s\"'#]+",
    re.IGNORECASE,
)

# What people call the variables whose values are nobody else's business.
_SECRET_NAME = re.compile(
    r"TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY|_(PW|PWD|PASS|KEY)$",
    re.IGNORECASE,
)
# A shorter value is as likely a word of its own: "true", "main".
_SHORTEST_SECRET = 6

# Control characters, C1's included, and those that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """`text` in one line, every control character written out: a name moves no cursor."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def redact(text: str) -> str:
    """`text` with the credentials in its URLs taken out.

    `https://ada:secret@host/x` becomes `https://host/x`; a user named `git` stays, since it is no
    secret and the URL does not work without it. Values of query parameters that name a token,
    password, signature, secret or key become `****`.
    """
    # Whole lockfiles come by at every log: look for what a secret needs before looking for secrets.
    if "@" in text:
        text = _USERINFO.sub(_without_userinfo, text)
    if "?" in text or "&" in text:
        text = _TOKEN_PARAMETER.sub(r"\g<name>=****", text)
    return text


def bare_url(url: str) -> str:
    """`url` as it is compared with others: without credentials, and without a slash at its end."""
    return redact(url).rstrip("/")


def redact_said(text: str, variables: Mapping[str, str]) -> str:
    """What another program said, without credentials: `redact`, and the values of secret variables.

    A build, a model or git may print its surroundings. This is for messages, which lose nothing by
    a word too many; never for a lock or an address.

    Args:
        text: What was said.
        variables: The environment variables that the program ran with.
    """
    for secret in sorted(set(_secrets(variables)), key=len, reverse=True):
        text = text.replace(secret, "****")
    return redact(text)


def _secrets(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        # A key of several lines may be printed line by line.
        found = [value, *value.splitlines()] if _SECRET_NAME.search(name) else []
        found += _passwords(value) if "://" in value else []
        yield from (one for one in found if len(one) >= _SHORTEST_SECRET)


def _passwords(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return
    yield from (password, unquote(password))


def _without_userinfo(match: re.Match[str]) -> str:
    scheme, userinfo = match["scheme"], match["userinfo"]
    return f"{scheme}git@" if userinfo == "git" else scheme
