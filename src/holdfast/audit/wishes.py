"""`[tool.holdfast.audit]`: what a project ignores, keeps to itself, and asks.

A model's own seal has no say in this: who made a model does not decide what is found in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from holdfast.audit.ignores import Ignore, read_ignore
from holdfast.errors import InputError
from holdfast.project.discover import Project, project_above

_WHERE = "[tool.holdfast.audit]"
_KEYS = ("ignore", "private", "service", "database")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """See the module.

    Attributes:
        ignores: What does not count.
        private: Names of packages that no service is told, "acme-*" for several.
        service: The address of the service to ask; "" where it names none.
        database: The folder or zip to look into; None where it names none.
    """

    ignores: tuple[Ignore, ...] = ()
    private: tuple[str, ...] = ()
    service: str = ""
    database: Path | None = None

    def keeps(self, name: str) -> bool:
        """Whether no service is told of the package."""
        return any(fnmatchcase(name, canonicalize_name(pattern)) for pattern in self.private)


def read_wishes(project: Project | None) -> Wishes:
    """What the project wishes, else the one that the working directory is in.

    Raises:
        InputError: The table has something else in it; all of that is said.
    """
    if project is None:
        with suppress(OSError):  # the working directory may be gone
            project = project_above(Path.cwd())
    if project is None:
        return Wishes()
    table: dict[str, Any] = {}
    for pyproject in project.pyprojects:
        found = pyproject.get("tool", {}).get("holdfast", {})
        found = found.get("audit", {}) if isinstance(found, Mapping) else {}
        if not isinstance(found, Mapping):
            raise InputError(f"{_WHERE} is {found!r}; expected a table")
        table |= found
    return _read(table, project.root)


def _read(table: Mapping[str, Any], root: Path) -> Wishes:
    problems = [
        f"{_WHERE} has no key {key!r}; expected {', '.join(_KEYS)}"
        for key in table
        if key not in _KEYS
    ]
    ignores = [
        ignore
        for place, value in enumerate(_list(table, "ignore", problems))
        if (ignore := _ignore(value, f"{_WHERE} ignore[{place}]", problems))
    ]
    private = tuple(
        one for one in _list(table, "private", problems) if _is_text(one, "private", problems)
    )
    texts = {
        key: table[key]
        for key in ("service", "database")
        if key in table and _is_text(table[key], key, problems)
    }
    if problems:
        raise InputError("\n".join(problems), hint="docs/audit.md has all of its keys")
    return Wishes(
        ignores=tuple(ignores),
        private=private,
        service=texts.get("service", ""),
        database=root / texts["database"] if "database" in texts else None,
    )


def _ignore(value: object, where: str, problems: list[str]) -> Ignore | None:
    try:
        return read_ignore(value, where)
    except InputError as error:
        problems.append(error.message)
        return None


def _list(table: Mapping[str, Any], key: str, problems: list[str]) -> list[Any]:
    value = table.get(key, [])
    if isinstance(value, list):
        return value
    problems.append(f"{_WHERE} {key} is {value!r}; expected a list")
    return []


def _is_text(value: object, key: str, problems: list[str]) -> bool:
    if not isinstance(value, str):
        problems.append(f"{_WHERE} {key} has {value!r}; expected text")
    return isinstance(value, str)
