"""What stands beside a model: a canary answers some of its requests, a shadow copies of them.

Their syntax on the command line has the weight first, so that what follows is any URI as it is:
NAME=10%:URI for a canary, NAME=URI for a shadow. The name may be left away where one model is
served.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from holdfast.errors import InputError

_MODEL = re.compile(r"(?:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)=)?(?P<rest>.+)", re.DOTALL)
_WEIGHTED = re.compile(r"(?P<weight>\d{1,3}(?:\.\d+)?)%:(?P<uri>.+)", re.DOTALL)
_WHOLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside a model.

    Attributes:
        canary: URI of the model that answers `weight` percent of the requests; "" for none.
        shadow: URI of the model that answers copies of them, for nobody; "" for none.
    """

    canary: str = ""
    weight: float = 0.0
    shadow: str = ""


def read_beside(
    names: Collection[str], canaries: Iterable[str], shadows: Iterable[str]
) -> dict[str, Beside]:
    """What stands beside each model, by the model's name.

    Raises:
        InputError: A text cannot be read, names no model that is served, or names one twice.
    """
    found = dict.fromkeys(names, Beside())
    for text in canaries:
        name, rest = _named(text, names)
        match = _WEIGHTED.fullmatch(rest)
        if match is None or float(match["weight"]) > _WHOLE:
            raise InputError(
                f"{text!r} is no canary", hint=f"--canary {name}=10%:models:/{name}@challenger"
            )
        if found[name].canary:
            raise InputError(f"two canaries would stand beside {name}")
        found[name] = replace(found[name], canary=match["uri"], weight=float(match["weight"]))
    for text in shadows:
        name, uri = _named(text, names)
        if found[name].shadow:
            raise InputError(f"two shadows would stand beside {name}")
        found[name] = replace(found[name], shadow=uri)
    return found


def _named(text: str, names: Collection[str]) -> tuple[str, str]:
    """The name of a model that is served, and what is said of it."""
    match = _MODEL.fullmatch(text)
    given, rest = match.group("name", "rest") if match else (None, "")
    if match and given is None and len(names) == 1:
        return next(iter(names)), rest
    if given is None or given not in names:
        raise InputError(
            f"{text!r} stands beside no model that is served",
            hint=f"write NAME=… before it; NAME is one of: {', '.join(names)}",
        )
    return given, rest
