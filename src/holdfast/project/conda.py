"""What conda keeps of an environment of its own: a JSON file a package, below `conda-meta`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

# They make environments, or are in every one; an environment restored has its own.
_OF_EVERY_ENVIRONMENT = {"python", "python_abi", "pip", "setuptools", "wheel"}
_DIST_INFO = re.compile(r"site-packages/[^/]+\.(dist|egg)-info/(METADATA|PKG-INFO)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPackage:
    """One package of conda's.

    Attributes:
        distribution: Whether Python sees it as one: then an index may have it too.
    """

    name: str
    version: str
    distribution: bool


def conda_packages(prefix: Path) -> tuple[CondaPackage, ...]:
    """What conda has put into the environment at `prefix`; nothing, where that is not conda's."""
    found = (_read(path) for path in sorted((prefix / "conda-meta").glob("*.json")))
    return tuple(one for one in found if one and one.name not in _OF_EVERY_ENVIRONMENT)


def _read(path: Path) -> CondaPackage | None:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return CondaPackage(
            name=str(about["name"]),
            version=str(about["version"]),
            distribution=any(_DIST_INFO.search(str(file)) for file in about.get("files", ())),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
