"""Somebody else's words in a Dockerfile: quoted, or refused (CVE-2026-33744, CVE-2026-44345).

Nothing else in a Dockerfile of ours is anybody's but ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from holdfast.errors import InputError
from holdfast.image.registry.reference import parse_reference
from holdfast.redact import printable

_MOST = 4096  # characters; a line that takes more is no name


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
    try:
        parse_reference(text)
    except InputError as error:
        raise InputError(
            f"a Dockerfile's FROM takes an image of a registry: {error.message}",
            hint="name no base here, but when building: --build-arg BASE=…",
        ) from error
    return text
