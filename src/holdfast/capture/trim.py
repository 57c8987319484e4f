"""First-party wheels without what a model leaves out.

A project that uses Holdfast requires it, and its wheel says so; the model does not need it, and its
lock has it not. Stock pip and uv would go and look for a package of that name: pip then refuses the
model, and uv installs whatever an index has to give. So the wheel that is sealed does not ask; nor
does it say from which URL it wants what it wants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from holdfast.capture.kept import keep
from holdfast.capture.rewrite import read_metadata, rewrite
from holdfast.capture.wheels import BuiltWheel, describe_wheel
from holdfast.home import home

_ASKS = "requires-dist:"


def trimmed(wheels: Mapping[str, BuiltWheel], names: Collection[str]) -> dict[str, BuiltWheel]:
    """`wheels`, none of which asks for a package in `names`; most are as they were."""
    left_out = frozenset(map(canonicalize_name, names))
    return {name: _trimmed(wheel, left_out) for name, wheel in wheels.items()}


def _trimmed(wheel: BuiltWheel, left_out: frozenset[str]) -> BuiltWheel:
    about, before = read_metadata(wheel.path)
    after = _without(before, left_out)
    if after == before:
        return wheel
    folder = home() / "built" / hashlib.sha256(f"{wheel.sha256}\n{after}".encode()).hexdigest()
    kept = folder / wheel.path.name
    if not kept.exists():
        changed = {about: after.encode()}
        kept = keep(folder, wheel.path.name, lambda target: rewrite(wheel.path, target, changed))
    return describe_wheel(kept)


def _without(metadata: str, left_out: frozenset[str]) -> str:
    """Core metadata, asking for less; its description may say what it likes."""
    head, blank, description = metadata.partition("\n\n")
    lines = [kept for line in head.split("\n") if (kept := _line(line, left_out)) is not None]
    return "\n".join(lines) + blank + description


def _line(line: str, left_out: frozenset[str]) -> str | None:
    """A line of metadata; None where it asks for what is left out.

    Where a package comes from, the lock says: pip and uv refuse to be told twice, differently.
    """
    if not line.lower().startswith(_ASKS):
        return line
    try:
        asked = Requirement(line[len(_ASKS) :].strip())
    except InvalidRequirement:
        return line
    if canonicalize_name(asked.name) in left_out:
        return None
    if asked.url is None:
        return line
    asked.url = None
    return f"{line[: len(_ASKS)]} {asked}"
