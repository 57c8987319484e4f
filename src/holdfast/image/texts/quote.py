"""Somebody else's words in a Dockerfile: quoted, or refused (CVE-2026-33744, CVE-2026-44345).

Nothing else in a Dockerfile of ours is anybody's but ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from holdfast.errors import InputError
from holdfast.redact import printable

_MOST = 4096  # characters; a line that takes more is no name
# What an image may be called (the distribution specification's grammar, less its lengths).
_REFERENCE = re.compile(r"[a-z0-9][A-Za-z0-9._:/\[\]-]*(@sha256:[0-9a-f]{64})?", re.ASCII)


def quoted(text: str) -> str:
    """`text` between double quotes, where a Dockerfile's reader makes `text` of it again.

    Raises:
        InputError: It would not stay on its line.
    """
    if printable(text) != text or len(text) > _MOST:
        raise InputError(
            f"{printable(text)[:80]!r} can stand in no Dockerfile: it is no single line of text",
            hint="name the model otherwise, or make the image without a Dockerfile",
        )
    for character in '\\"$':
        text = text.replace(character, f"\\{character}")
    return f'"{text}"'


def pairs(values: Mapping[str, str]) -> str:
    """What follows ENV or LABEL: a pair a line, sorted; the names are ours."""
    return " \\\n    ".join(f"{name}={quoted(value)}" for name, value in sorted(values.items()))


def words(arguments: Sequence[str]) -> str:
    """A command that no shell reads: a JSON array (the "exec form")."""
    return json.dumps(list(arguments))


def reference(text: str) -> str:
    """The name of a base, as `ARG BASE` has it.

    Raises:
        InputError: It is none that a registry knows.
    """
    if not _REFERENCE.fullmatch(text) or len(text) > _MOST:
        raise InputError(
            f"{printable(text)[:80]!r} is no image of a registry, which is all that a Dockerfile's "
            "FROM takes",
            hint="leave --base out, and give it when building: --build-arg BASE=…",
        )
    return text
