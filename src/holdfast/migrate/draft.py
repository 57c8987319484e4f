"""Writing `pyproject.toml` in a copy: uv does it, but for what it has no command for.

What a person wrote there stays as it is, comments and order included.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import tomlkit
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from tomlkit.exceptions import TOMLKitError

from holdfast import own
from holdfast.errors import InputError
from holdfast.migrate.credentials import about_indexes, take_credentials
from holdfast.migrate.wanted import OF_DEVELOPERS, OWN, Index, Wanted, project_name
from holdfast.uv import run_uv

_OLDEST = (3, 10)  # that Holdfast works with


@contextmanager
def edited(copy: Path) -> Iterator[Any]:
    """`pyproject.toml` as a document that may be changed; it is written when all went well.

    Raises:
        InputError: It is not TOML.
    """
    document = _read(copy)
    yield document
    (copy / "pyproject.toml").write_text(tomlkit.dumps(document), encoding="utf-8")


def _read(copy: Path) -> Any:
    path = copy / "pyproject.toml"
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise InputError(f"pyproject.toml is not TOML: {error}") from error


def write_draft(copy: Path, wanted: Wanted, python: str, without: Iterable[str]) -> list[str]:
    """Write all that is wanted into `pyproject.toml`, but Holdfast; what is to be said of it.

    Args:
        copy: The folder; named as the project is to be, unless it has a name.
        wanted: What the old files ask for.
        python: The release to work with, "3.11".
        without: Names of dependencies to leave out.

    Raises:
        InputError: A name of `without` is no dependency.
        ToolError: uv refuses a requirement.
    """
    with edited(copy) as document:
        _name(document, copy.name, python, _names(wanted))
        _set_uv(document, wanted)
    for group, lines in wanted.requirements.items():
        _add(copy, group, lines)
    for name in without:
        run_uv(["remove", "--frozen", "--quiet", name], cwd=copy)
    with edited(copy) as document:
        _include_in_dev(document, wanted.requirements)
        found = take_credentials(document)
    return [*about_indexes(wanted.indexes), *found]


def _names(wanted: Wanted) -> frozenset[str]:
    """Of what is asked for by name: nothing can ask for itself."""
    lines = (line for lines in wanted.requirements.values() for line in lines)
    return frozenset(canonicalize_name(re.split(r"[^\w.-]", line)[0]) for line in lines)


def _name(document: Any, folder: str, python: str, taken: frozenset[str]) -> None:
    project = document.setdefault("project", tomlkit.table())
    if not project.get("name"):
        name = project_name(folder)
        project["name"] = f"{name}-project" if name in taken else name
    dynamic = project.get("dynamic", ())
    if "version" not in dynamic and not project.get("version"):
        project["version"] = "0.1.0"
    if "requires-python" not in project:
        project["requires-python"] = f">={python}"
    project.setdefault("dependencies", tomlkit.array())


def _set_uv(document: Any, wanted: Wanted) -> None:
    """Indexes, constraints and settings: uv has no command to write them."""
    tables = {**wanted.settings}
    if wanted.constraints:
        tables["constraint-dependencies"] = _lines(wanted.constraints)
    if not tables and not wanted.indexes:
        return
    uv = document.setdefault("tool", tomlkit.table(is_super_table=True)).setdefault(
        "uv", tomlkit.table()
    )
    uv.update(tables)
    indexes = uv.setdefault("index", tomlkit.aot()) if wanted.indexes else []
    there = {table.get("name"): table for table in indexes}
    for one in wanted.indexes:
        if one.name in there:
            there[one.name]["url"] = one.url
            continue
        table = tomlkit.table()
        table.update(_index(one))
        indexes.append(table)


def _index(one: Index) -> dict[str, Any]:
    more: dict[str, dict[str, Any]] = {
        "default": {"default": True},
        "extra": {},
        "flat": {"format": "flat"},
    }
    return {"name": one.name, "url": one.url, **more[one.kind]}


def _lines(lines: Iterable[str]) -> Any:
    array = tomlkit.array()
    array.extend(dict.fromkeys(lines))
    return array.multiline(multiline=True)


def _add(copy: Path, group: str, lines: tuple[str, ...]) -> None:
    if not lines:
        return
    where = ["--group", group] if group != OWN else []
    with NamedTemporaryFile("w", dir=copy, suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        run_uv(
            ["add", "--frozen", "--no-workspace", "--quiet", *where, "-r", Path(file.name).name],
            cwd=copy,
        )


def _include_in_dev(document: Any, groups: Iterable[str]) -> None:
    """Uv installs the group `dev` unasked, and no model brings it."""
    there = document.get("dependency-groups", {})
    for group in groups:
        if group in OF_DEVELOPERS and group in there:
            include = tomlkit.inline_table()
            include["include-group"] = group
            there.setdefault("dev", tomlkit.array()).append(include)


def add_holdfast(copy: Path) -> list[str]:
    """Make Holdfast a dependency, from where this one came; what is to be said of it.

    Raises:
        ToolError: This one came from a file that is not there any more.
    """
    run_uv(["add", "--frozen", "--quiet", own.source() or "holdfast"], cwd=copy)
    with edited(copy) as document:
        project = document["project"]
        old = str(project["requires-python"])
        new = _narrowed(old)
        if new == old:
            return []
        project["requires-python"] = new
    return [f'requires-python was "{old}", and is "{new}": Holdfast works from there on']


def _narrowed(specifier: str) -> str:
    """`specifier` without what is too old for Holdfast."""
    oldest = f"{_OLDEST[0]}.{_OLDEST[1]}"
    before = f"{_OLDEST[0]}.{_OLDEST[1] - 1}"
    if not SpecifierSet(specifier).contains(f"{before}.99"):
        return specifier
    kept = [
        str(one)
        for one in SpecifierSet(specifier)
        if one.operator not in {">=", ">", "~=", "=="} or (one.contains(f"{oldest}.99")
        and one.operator == "==")
    ]  # fmt: skip
    upper = ["<4"] if any(one.operator == "~=" for one in SpecifierSet(specifier)) else []
    return ",".join([f">={oldest}", *sorted({*kept, *upper})])


def choose_python(copy: Path, candidates: Iterable[str]) -> str:
    """The first of `candidates` that the project allows, or the oldest that it does.

    Args:
        copy: The project's folder.
        candidates: Releases, "3.11", or "" for not known.
    """
    allowed = SpecifierSet(str(_read(copy).get("project", {}).get("requires-python", "")))
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    every = [*candidates, here, *(f"3.{minor}" for minor in range(_OLDEST[1], 30))]
    return next((one for one in every if one and allowed.contains(f"{one}.99")), here)
