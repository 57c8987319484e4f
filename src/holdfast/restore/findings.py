"""What was found about slim environments, kept in Holdfast's folder.

Only a cache, of its owner's: a finding names packages. What their bytes are, the model's lock says,
and which environment was proven, its key; a finding that fits neither is not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

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
    return read_finding(home() / _name(model, included))


def remember(model: Model, included: Sequence[str], finding: Finding) -> None:
    """Keep what was found."""
    write_finding(home() / _name(model, included), finding)


def as_file(model: Model, include: Iterable[str], finding: Finding) -> tuple[str, bytes]:
    """How a finding is kept: the file's path in Holdfast's folder, and what is in it.

    Args:
        model: The model.
        include: Packages that were asked for by name, besides those that the seal names.
        finding: What was found.
    """
    return _name(model, all_included(model, include)), _as_json(finding)


def slim_keys() -> frozenset[str]:
    """Keys of the environments that were proven to be enough for some model."""
    return frozenset(found.key for found in map(read_finding, _all()) if found is not None)


def _all() -> Iterator[Path]:
    return (home() / "slim").glob("*.json")


def all_included(model: Model, include: Iterable[str]) -> tuple[str, ...]:
    """Names of the packages that a slim environment has in any case, the seal's too; sorted."""
    named = (*model.seal.project.slim_include, *include)
    return tuple(sorted({str(canonicalize_name(name)) for name in named}))


def _name(model: Model, included: Sequence[str]) -> str:
    asked = json.dumps([_FORMAT, model.digest, *included])
    return f"slim/{hashlib.sha256(asked.encode()).hexdigest()}.json"


def write_finding(path: Path, finding: Finding) -> None:
    """Write a finding; `read_finding` is the way back."""
    write_file(path, _as_json(finding))


def _as_json(finding: Finding) -> bytes:
    slim = asdict(finding.slim)
    return to_json({"key": finding.key, "names": sorted(finding.names), "slim": slim})


def read_finding(path: Path) -> Finding | None:
    """What `as_file` says of a finding; None where there is nothing to be read."""
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
