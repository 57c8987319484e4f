"""First-party wheels without what a model leaves out.

A project that uses Holdfast requires it, and its wheel says so; the model does not need it, and its
lock has it not. Stock pip and uv would go and look for a package of that name: pip then refuses the
model, and uv installs whatever an index has to give. So the wheel that is sealed does not ask; nor
does it say from which URL it wants what it wants.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from holdfast.capture.rewrite import rewrite
from holdfast.capture.wheels import BuiltWheel, describe_wheel
from holdfast.home import home

_ASKS = "requires-dist:"


def trimmed(wheels: Mapping[str, BuiltWheel], names: Collection[str]) -> dict[str, BuiltWheel]:
    """`wheels`, none of which asks for a package in `names`; most are as they were."""
    left_out = frozenset(map(canonicalize_name, names))
    return {name: _trimmed(wheel, left_out) for name, wheel in wheels.items()}


def _trimmed(wheel: BuiltWheel, left_out: frozenset[str]) -> BuiltWheel:
    with ZipFile(wheel.path) as archive:
        names = archive.namelist()
        about = next((name for name in names if name.endswith(".dist-info/METADATA")), None)
        before = archive.read(about).decode() if about else ""
        after = _without(before, left_out)
        if about is None or after == before:
            return wheel
        kept = home() / "built" / hashlib.sha256(f"{wheel.sha256}\n{after}".encode()).hexdigest()
        if not kept.exists():
            _keep(wheel.path, {about: after.encode()}, kept)
    return describe_wheel(kept / wheel.path.name)


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


def _keep(wheel: Path, changed: Mapping[str, bytes], kept: Path) -> None:
    """Write the wheel with `changed` files into the folder `kept`, whole or not at all."""
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(dir=kept.parent, prefix=".new-"))
    rewrite(wheel, private / wheel.name, changed)
    try:
        private.rename(kept)
    except OSError:  # another process was first
        shutil.rmtree(private)
