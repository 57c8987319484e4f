"""What the gateway's environment in an image is made of: pinned versions and hashes, on any index.

`gateway.txt` says which; it is written by `.ci/gateway.py` and comes with a release of Holdfast, so
that one release gives one gateway. Where the files are, uv is asked once, and it is kept.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.environment.plan import Package
from holdfast.errors import LockError, ToolError
from holdfast.home import home
from holdfast.image.inside.chosen import choose_kept
from holdfast.lock.target import Target
from holdfast.progress import Progress, silent
from holdfast.seal.store import write_file

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_HASH = re.compile(r"\s*--hash=sha256:([0-9a-f]{64})")
# Which index it is that is asked; another may have the files elsewhere.
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of the gateway.

    Attributes:
        requirement: "numpy==2.4.6 ; python_full_version == '3.11.*'".
        hashes: The sha256 of each of its wheels.
    """

    requirement: Requirement
    hashes: frozenset[str]

    def fits(self, target: Target) -> bool:
        """Whether that Python takes it."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(dict(target.markers))

    @property
    def bare(self) -> str:
        """Name and version."""
        return f"{self.requirement.name}{self.requirement.specifier}"


def read_pins() -> tuple[Pin, ...]:
    """What `gateway.txt` says."""
    joined = _text().replace("\\\n", " ")
    return tuple(_pin(line) for line in joined.splitlines() if line and not line.startswith("#"))


def _text() -> str:
    return Path(__file__).with_name("gateway.txt").read_text(encoding="utf-8")


def _pin(line: str) -> Pin:
    from packaging.requirements import Requirement

    requirement = Requirement(_HASH.sub("", line).strip())
    return Pin(requirement=requirement, hashes=frozenset(_HASH.findall(line)))


def gateway_packages(
    target: Target, *, offline: bool = False, on_progress: Progress = silent
) -> tuple[Package, ...]:
    """The packages of the gateway for the base's Python, and where their wheels are.

    Raises:
        LockError: The index has other files than the pinned ones, or none for this Python.
        ToolError: The index cannot be asked.
    """
    python = ".".join(target.version.split(".")[:2])
    kept = home() / "gateway" / f"{_digest(target)}.toml"
    if not kept.is_file():
        if offline:
            raise ToolError(
                f"where the packages of the image's gateway for Python {python} are was never "
                "looked up, and offline it cannot be",
                hint="make one image for this Python with a network",
            )
        on_progress("looking up the packages of the image's gateway")
        write_file(kept, _located(target, python).encode())
    return choose_kept(kept.read_text(encoding="utf-8"), target)


def _digest(target: Target) -> str:
    asked = [_text(), target.version, *(os.environ.get(name, "") for name in _INDEXES)]
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()


def _located(target: Target, python: str) -> str:
    """The lock of the pins, with where the index has their files."""
    from holdfast.lock.pylock import dumps
    from holdfast.resolve import new_lock, resolve

    pins = [pin for pin in read_pins() if pin.fits(target)]
    found = resolve([pin.bare for pin in pins], folder=None, python=python)
    return dumps(new_lock(list(_pinned(found, pins)), python))


def _pinned(found: Sequence[dict[str, Any]], pins: Sequence[Pin]) -> Iterator[dict[str, Any]]:
    """What was found, with no file but those that are pinned."""
    hashes = {pin.requirement.name: pin.hashes for pin in pins}
    others = []
    for package in found:
        wheels = [
            wheel
            for wheel in package.get("wheels", ())
            if wheel.get("hashes", {}).get("sha256") in hashes[package["name"]]
        ]
        if not wheels:
            others.append(f"{package['name']} {package['version']}")
        yield {"name": package["name"], "version": package["version"], "wheels": wheels}
    if others:
        raise LockError(
            f"the index has other files than this release of Holdfast was made with: "
            f"{', '.join(others)}",
            hint="an index of your own must hand on the files of the public one as they are",
        )
