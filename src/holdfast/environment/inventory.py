"""An environment's inventory: what was in it when it was built and checked.

Written once, beside the environment and before the environment has its name; never inside it.
Digests are as a RECORD writes them (SHA-256, URL-safe base64, no padding).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.environment.layout import STORE_FORMAT
from holdfast.errors import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed package.

    Attributes:
        name: Normalised (PEP 503).
        version: As installed.
        kind: What it was installed from: "wheel", "sdist", "archive" or "vcs".
        filename: That file's name, or the commit.
        pin: Its sha256 in hex, or the commit.
        files: Path relative to the environment, size in bytes, digest.
    """

    name: str
    version: str
    kind: str
    filename: str
    pin: str
    files: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All of one environment.

    Attributes:
        key: The environment's.
        created: Seconds since the epoch.
        interpreter: path, size (bytes), mtime_ns, and the facts it gave of itself.
        site_packages: Relative to the environment.
        distributions: Sorted by name.
        own: The virtual environment's own files, like a distribution's.
        links: Its own links and where they point.
    """

    key: str
    created: float
    interpreter: dict[str, Any]
    site_packages: str
    distributions: tuple[Distribution, ...]
    own: tuple[tuple[str, int, str], ...]
    links: dict[str, str]

    def to_json(self) -> str:
        """As text; `read_inventory` is the way back."""
        document = {
            "format": STORE_FORMAT,
            "key": self.key,
            "created": self.created,
            "interpreter": self.interpreter,
            "site_packages": self.site_packages,
            "links": self.links,
            "own": self.own,
            "distributions": [
                {name: getattr(one, name) for name in Distribution.__slots__}
                for one in self.distributions
            ],
        }
        return json.dumps(document, separators=(",", ":"))


def read_inventory(path: Path) -> Inventory:
    """Read an inventory back.

    Raises:
        StoreError: It is not there or cannot be understood.
    """
    try:
        document = json.loads(path.read_bytes())
        if document.pop("format") != STORE_FORMAT:
            raise ValueError("another store format")
        document["own"] = tuple(tuple(row) for row in document["own"])
        document["distributions"] = tuple(
            Distribution(**{**one, "files": tuple(tuple(row) for row in one["files"])})
            for one in document["distributions"]
        )
        return Inventory(**document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the inventory {path} cannot be read: {error}",
            hint="`holdfast env prune` removes what is broken; the next restore builds it again",
        ) from error
