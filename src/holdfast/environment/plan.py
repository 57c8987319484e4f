"""From a lock to a plan: which packages, on which Python, under which key.

Reads nothing but its arguments. The plan's key is the environment's name in the store, so whatever
can make two environments differ is part of it, and nothing else is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.environment.layout import STORE_FORMAT
from holdfast.environment.python import Interpreter
from holdfast.errors import LockError
from holdfast.lock.target import Selected, Target, select


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package of a plan.

    Attributes:
        chosen: The package and its one file.
        table: Its `[[packages]]` table, with that one file and nothing that was decided already.
        path: Of a file beside the lock, the path as written there; else "".
    """

    chosen: Selected
    table: Mapping[str, Any]
    path: str

    @property
    def pin(self) -> str:
        """What fixes its bytes: the file's sha256, or the commit of a repository."""
        return self.chosen.sha256 or self.chosen.filename


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a restore builds.

    Attributes:
        key: The environment's name in the store: 40 hex digits.
        packages: Sorted by name.
        interpreter: The Python below it.
    """

    key: str
    packages: tuple[Package, ...]
    interpreter: Interpreter


def make_plan(pylock: str, interpreter: Interpreter, only: Collection[str] | None = None) -> Plan:
    """What a restore of `pylock` builds on `interpreter`; see `choose`, which it raises from."""
    target = interpreter.target()
    packages = choose(pylock, target, only)
    return Plan(key=key_of(packages, target), packages=packages, interpreter=interpreter)


def choose(pylock: str, target: Target, only: Collection[str] | None = None) -> tuple[Package, ...]:
    """Choose from a lock what `target` takes, sorted by name.

    Args:
        pylock: The text of a `pylock.toml` (PEP 751).
        target: The Python to choose for; it need not be one of this machine.
        only: Names of the packages that are wanted; None for all.

    Raises:
        LockError: It cannot be read, has nothing for this Python, or leaves a package's bytes open.
        ToolError: The `packaging` at hand is too old to read it.
    """
    from holdfast.lock.pylock import check_packaging

    check_packaging()
    import tomli
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    try:
        document = tomli.loads(pylock)
        lock = Pylock.from_dict(document)
    except (tomli.TOMLDecodeError, PylockValidationError) as error:
        newer = isinstance(error, PylockUnsupportedVersionError)
        raise LockError(
            f"pylock.toml cannot be read: {error}",
            hint="python -m pip install --upgrade holdfast"
            if newer
            else "the file was cut or changed; take the model from its store again",
        ) from error
    selected = (one for one in select(lock, target) if only is None or one.name in only)
    packages = tuple(_package(one, document) for one in selected)
    _refuse_open(packages)
    return packages


def _package(chosen: Selected, document: Mapping[str, Any]) -> Package:
    for table in document["packages"]:
        if table["name"] != chosen.name or table.get("version") != chosen.version:
            continue
        for field, entry in _files(table):
            if chosen.location in {entry.get("url"), entry.get("path")}:
                kept = {k: table[k] for k in ("name", "version", "index") if k in table}
                kept[field] = [entry] if field == "wheels" else entry
                path = "" if "url" in entry else str(entry.get("path", ""))
                return Package(chosen=chosen, table=kept, path=path)
    raise LockError(f"pylock.toml has no file {chosen.filename} for {chosen.name}")


def _files(table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for wheel in table.get("wheels", ()):
        yield "wheels", {k: v for k, v in wheel.items() if k != "upload-time"}
    for field in ("sdist", "archive", "vcs", "directory"):
        if field in table:
            yield field, {k: v for k, v in table[field].items() if k != "upload-time"}


def _refuse_open(packages: tuple[Package, ...]) -> None:
    """Every package's bytes are fixed, by a sha256 or by a commit, or nothing is installed."""
    problems = []
    for chosen in (package.chosen for package in packages):
        if chosen.kind == "directory":
            problems.append(f"{chosen.name}: a folder ({chosen.location}) has no fixed contents")
        elif chosen.kind != "vcs" and chosen.sha256 is None:
            problems.append(f"{chosen.name}: {chosen.filename} has no sha256")
    if problems:
        raise LockError(
            "\n".join(["the lock leaves open what to install:", *problems]),
            hint="lock again with an index that gives hashes, and log the model again",
        )


def key_of(packages: tuple[Package, ...], target: Target) -> str:
    """The name, in a store, of the environment of `packages` on `target`: 40 hex digits."""
    ingredients = {
        "store": STORE_FORMAT,
        "python": [target.implementation, target.version, target.abi, target.libc],
        "packages": [
            [one.chosen.name, one.chosen.version, one.chosen.kind, one.chosen.filename, one.pin]
            for one in packages
        ],
    }
    text = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40]
