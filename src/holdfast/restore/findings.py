"""What was found about slim environments, kept in Holdfast's folder.

Only a cache, of its owner's: a finding names packages. What their bytes are, the model's lock says,
and which environment was proven, its key; a finding that fits neither is not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from holdfast.home import home
from holdfast.model import Model
from holdfast.restore.restored import Restored, Slim
from holdfast.seal.store import to_json, write_file

# Raise it when another part would be chosen: what was found before is then looked for again.
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A part that was proven.

    Attributes:
        key: Of the environment in which the golden predictions replayed.
        names: Its packages.
        slim: How it stands to the whole one.
    """

    key: str
    names: frozenset[str]
    slim: Slim

    @classmethod
    def of(cls, restored: Restored) -> Finding:
        """What was found, of the slim environment that it led to."""
        assert restored.slim is not None  # noqa: S101 - it is a slim one
        distributions = restored.environment.inventory().distributions
        names = frozenset(one.name for one in distributions)
        return cls(key=restored.environment.key, names=names, slim=restored.slim)


def recall(model: Model, included: Sequence[str]) -> Finding | None:
    """What was found for a model before."""
    return _read(_path(model, included))


def remember(model: Model, included: Sequence[str], finding: Finding) -> None:
    """Keep what was found."""
    document = {
        "key": finding.key,
        "names": sorted(finding.names),
        "slim": asdict(finding.slim),
    }
    write_file(_path(model, included), to_json(document))


def slim_keys() -> frozenset[str]:
    """Keys of the environments that were proven to be enough for some model."""
    return frozenset(found.key for found in map(_read, _all()) if found is not None)


def _all() -> Iterator[Path]:
    return (home() / "slim").glob("*.json")


def _path(model: Model, included: Sequence[str]) -> Path:
    asked = json.dumps([_FORMAT, model.digest, *included])
    return home() / "slim" / f"{hashlib.sha256(asked.encode()).hexdigest()}.json"


def _read(path: Path) -> Finding | None:
    try:
        document = json.loads(path.read_bytes())
        names = frozenset(map(str, document["names"]))
        return Finding(key=str(document["key"]), names=names, slim=_slim(document["slim"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _slim(document: dict[str, Any]) -> Slim:
    values: dict[str, Any] = {one.name: document[one.name] for one in fields(Slim)}
    for name, value in values.items():
        values[name] = tuple(map(str, value)) if isinstance(value, list) else int(value)
    return Slim(**values)
