"""An extra index is asked for its own packages only, where that is what it was there for.

Pip takes whatever index has the newest version, so a name on the wrong one is enough to be
installed (torchtriton, 2022). What was locked from the index, and is asked for by name, is bound to
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli
import tomlkit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from holdfast.migrate.draft import edited
from holdfast.migrate.wanted import Index
from holdfast.redact import bare_url


def bind(copy: Path, indexes: Iterable[Index]) -> tuple[str, ...]:
    """Make the extra indexes of a locked project explicit; what is to be said of each.

    One that something was locked from which only other packages ask for stays as it is: uv binds
    what a project names itself.

    Args:
        copy: The folder, with its `uv.lock`.
        indexes: Those that the old files name.
    """
    notes = []
    sources = _locked(copy)
    with edited(copy) as document:
        asked = {canonicalize_name(Requirement(line).name) for line in _asked(document)}
        for one in indexes:
            packages = {name for name, url in sources.items() if url == bare_url(one.url)}
            if one.kind == "extra" and packages and packages <= asked:
                _bind(document, one.name, sorted(packages))
                notes.append(f"{one.name} is asked for {', '.join(sorted(packages))} only")
    return tuple(notes)


def _locked(copy: Path) -> Mapping[str, str]:
    """The index that each package was locked from."""
    lock = tomli.loads((copy / "uv.lock").read_text(encoding="utf-8"))
    return {
        package["name"]: bare_url(package["source"]["registry"])
        for package in lock.get("package", ())
        if "registry" in package["source"]
    }


def _asked(document: Mapping[str, Any]) -> Iterator[str]:
    project = document["project"]
    yield from project.get("dependencies", ())
    for lines in project.get("optional-dependencies", {}).values():
        yield from lines
    for lines in document.get("dependency-groups", {}).values():
        yield from (line for line in lines if isinstance(line, str))


def _bind(document: Any, index: str, packages: Iterable[str]) -> None:
    uv = document["tool"]["uv"]
    sources = uv.setdefault("sources", tomlkit.table())
    for name in packages:
        source = tomlkit.inline_table()
        source["index"] = index
        sources.setdefault(name, source)
    for table in uv["index"]:
        if table["name"] == index:
            table["explicit"] = True
