"""Names: what a model is served under."""

from __future__ import annotations

import re
from collections.abc import Iterable

from holdfast.errors import InputError

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_NAMED = re.compile(rf"({_NAME})=(.+)", re.DOTALL)
_REGISTERED = re.compile(r"models:/+([^/@]+)")


def named(models: Iterable[str]) -> dict[str, str]:
    """Model URIs by the names they are served under; each is `NAME=URI`, or a URI with a name.

    Raises:
        InputError: A name stands for two models.
    """
    found: dict[str, str] = {}
    for text in models:
        match = _NAMED.fullmatch(text)
        name, uri = match.groups() if match else (_name_of(text), text)
        if name in found:
            raise InputError(
                f"two models would be served as {name}",
                hint=f"give them names: champion={found[name]} other={uri}",
            )
        found[name] = uri
    return found


def _name_of(uri: str) -> str:
    """The registered model's name, or the end of the path; "model" where neither is fit."""
    match = _REGISTERED.match(uri)
    name = match.group(1) if match else uri.rstrip("/").rpartition("/")[2]
    return name if re.fullmatch(_NAME, name) else "model"
