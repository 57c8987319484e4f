"""What a project's old files ask for, as values; nothing here reads or writes a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, is_normalized_name

from holdfast.redact import redact

OWN = ""
"""The group of what the project itself needs, not only whoever works on it."""
OF_DEVELOPERS = frozenset((
    "ci", "develop", "development", "doc", "docs", "lint", "test", "testing", "tests", "typing",
))  # fmt: skip
"""Groups that whoever works on the project has, beside `dev`; no model brings them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index that the old files name.

    Attributes:
        url: Without credentials.
        guarded: Whether the old URL had credentials, or words that stand for some.
        kind: "default" takes the place of the public index, "extra" is asked before it, "flat" is
            a page or folder of links.
        secrets: Variables that give uv the credentials which the old URL had.
    """

    name: str
    url: str
    kind: Literal["default", "extra", "flat"]
    guarded: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What some of the old files ask for.

    Attributes:
        requirements: By dependency group, `OWN` for the project's: PEP 508, a URL, a path, or "-e "
            and a path, as `uv add -r` reads them.
        constraints: PEP 508: what may be installed, if something else asks for it.
        indexes: In the old files' order.
        settings: Of `[tool.uv]`.
        pins: The versions that were locked, by normalised name.
        python: "3.11", or "" where nothing says it.
        files: Those that were read whole, and that nobody needs any more.
        notes: What could not be taken over, and what means something else now.
    """

    requirements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Wanted) -> Wanted:
        """Both; of a version that both have locked, this one's."""
        groups = dict.fromkeys((*self.requirements, *other.requirements))
        return Wanted(
            requirements={
                group: (*self.requirements.get(group, ()), *other.requirements.get(group, ()))
                for group in groups
            },
            constraints=(*self.constraints, *other.constraints),
            indexes=_each_once((*self.indexes, *other.indexes)),
            settings={**other.settings, **self.settings},
            pins={**other.pins, **self.pins},
            python=self.python or other.python,
            files=tuple(dict.fromkeys((*self.files, *other.files))),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
        )


def _each_once(indexes: Iterable[Index]) -> tuple[Index, ...]:
    return tuple({one.url: one for one in reversed(tuple(indexes))}.values())[::-1]


def read_index(url: str, kind: Literal["default", "extra", "flat"], name: str = "") -> Index:
    """An index of the URL `url`, named after its host unless it has a name.

    `${USER}` and other words that stand for a credential are none.
    """
    parts = urlsplit(url)
    name = re.sub(r"[^a-z0-9]+", "-", (name or parts.hostname or "own").lower()).strip("-")
    given = {"USERNAME": parts.username or "", "PASSWORD": parts.password or ""}
    prefix = variables_of(name)
    return Index(
        name=name,
        url=redact(url),
        kind=kind,
        guarded=redact(url) != url,
        secrets={
            f"{prefix}_{what}": unquote(value)
            for what, value in given.items()
            if value and not value.startswith(("$", "%24", "{"))
        },
    )


def variables_of(index: str) -> str:
    """How the variables begin that give uv credentials for the index of that name."""
    return f"UV_INDEX_{re.sub('[^A-Z0-9]', '_', index.upper())}"


def pinned(requirement: str) -> tuple[str, str] | None:
    """The normalised name and the version of `name==version`; None for anything else."""
    try:
        one = Requirement(requirement)
    except InvalidRequirement:
        return None
    exact = [part.version for part in one.specifier if part.operator in {"==", "==="}]
    if len(exact) != 1 or exact[0].endswith("*") or one.url:
        return None
    return canonicalize_name(one.name), exact[0]


def project_name(text: str) -> str:
    """`text`, a folder's name say, as a project's."""
    name = canonicalize_name(re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._"))
    return name if is_normalized_name(name) else "project"


def relative(folder: Path, path: Path) -> str:
    """`path` as `folder` sees it, where it lies in it or beside it; else from the root."""
    path = Path(os.path.normpath(path))
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    if path.is_relative_to(folder.parent):
        return f"../{path.relative_to(folder.parent).as_posix()}"
    return path.as_posix()
