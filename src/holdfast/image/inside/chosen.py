"""What was chosen of a lock for a target, kept: a lock of hundreds of files is read once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from holdfast.environment.layout import explained, write_whole
from holdfast.environment.plan import Package, choose
from holdfast.home import home
from holdfast.lock.target import Selected, Target

# Raise it when the same lock is chosen from in another way.
_FORMAT = 1


def choose_kept(
    pylock: str, target: Target, only: Collection[str] | None = None
) -> tuple[Package, ...]:
    """As `environment.plan.choose`, which it asks once for the same arguments.

    Args:
        pylock: The text of a `pylock.toml`.
        target: The Python to choose for.
        only: Names of the packages that are wanted; None for all.

    Raises:
        LockError: As `choose`.
        StoreError: It cannot be kept.
    """
    kept = home() / "chosen"
    note = kept / f"{_key(pylock, target, only)}.json"
    known = _recalled(note)
    if known is not None:
        return known
    packages = choose(pylock, target, only)
    with explained("what was chosen of the lock cannot be kept"):
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(note, json.dumps([asdict(package) for package in packages]))
    return packages


def _recalled(note: Path) -> tuple[Package, ...] | None:
    try:
        known = json.loads(note.read_bytes())
        return tuple(
            Package(chosen=Selected(**one["chosen"]), table=one["table"], path=one["path"])
            for one in known
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(pylock: str, target: Target, only: Collection[str] | None) -> str:
    asked = [
        _FORMAT,
        pylock,
        None if only is None else sorted(only),
        target.implementation,
        target.version,
        sorted(target.markers.items()),
        [str(tag) for tag in target.tags],
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
