"""One requirement file of pip's, and what it includes: each line as uv takes it.

`pip-requirements-parser` reads it, as pip does. What uv has another word for becomes that; what has
none is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pip_requirements_parser import InstallationError, InstallRequirement, RequirementsFile

from holdfast.errors import InputError
from holdfast.migrate.pip_options import read_options
from holdfast.migrate.wanted import Wanted, pinned, relative
from holdfast.redact import redact


def read_file(folder: Path, path: Path, group: str, seen: set[Path]) -> Wanted:
    """What one requirement file asks for, with those that it includes.

    Args:
        folder: The project's.
        path: The file.
        group: The dependency group that its requirements go to.
        seen: Files whose requirements are known already; those that are read are added.

    Raises:
        InputError: A line is none that pip reads, or a file that is included is not there.
    """
    try:
        read = RequirementsFile.from_file(str(path), include_nested=True)
    except (OSError, ValueError, InstallationError) as error:
        raise InputError(f"{path.name} cannot be read: {redact(str(error))}") from error
    _check_lines(folder, read.invalid_lines)
    new = [one for one in read.requirements if Path(one.filename).resolve() not in seen]
    options = read_options(folder, [(Path(one.filename), one.options) for one in read.options])
    wanted = sum((_requirement(folder, one, group) for one in new), options)
    files = {path, *(Path(one.filename) for one in (*read.requirements, *read.options))}
    seen |= {one.resolve() for one in files}
    return replace(wanted, files=tuple(sorted(relative(folder, one) for one in files)))


def _check_lines(folder: Path, lines: Iterable[Any]) -> None:
    wrong = [
        f"{relative(folder, Path(one.requirement_line.filename))}, "
        f"line {one.requirement_line.line_number}: {redact(one.requirement_line.line)}"
        for one in lines
    ]
    if wrong:
        raise InputError(
            "\n".join(("lines that pip does not read either:", *wrong)),
            hint="mend them, or take them out",
        )


def _requirement(folder: Path, one: InstallRequirement, group: str) -> Wanted:
    where = Path(one.filename).parent
    if one.is_constraint:
        locked = pinned(_pep508(one))
        return Wanted(constraints=(_pep508(one),), pins=dict([locked] if locked else []))
    notes = tuple(_about_options(one))
    if one.link and _is_path(one.link.url):
        return _local(folder, where, one, group) + Wanted(notes=notes)
    line = redact(one.link.url) if one.link and not one.name else _pep508(one)
    if one.is_editable:
        notes += (f"{line} was editable; uv installs what comes from git as it is",)
    locked = pinned(line)
    return Wanted(requirements={group: (line,)}, pins=dict([locked] if locked else []), notes=notes)


def _about_options(one: InstallRequirement) -> Iterator[str]:
    if one.global_options or one.install_options:
        yield (
            f"options for building {one.name} are not taken over; "
            "[tool.uv.config-settings-package] is uv's word for most"
        )


def _pep508(one: InstallRequirement) -> str:
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    marker = f" ; {one.marker}" if one.marker else ""
    if one.link:
        return f"{one.name}{extras} @ {redact(_without_egg(one.link.url))}{marker}"
    return f"{one.name}{extras}{one.specifier or ''}{marker}"


def _without_egg(url: str) -> str:
    """Without the fragment's name: that stands before the URL now."""
    address, _, fragment = url.partition("#")
    kept = "&".join(part for part in fragment.split("&") if not part.startswith("egg="))
    return f"{address}#{kept}" if kept else address


def _is_path(url: str) -> bool:
    return "://" not in url or url.startswith("file://")


def _local(folder: Path, where: Path, one: InstallRequirement, group: str) -> Wanted:
    """A path, as the project's folder sees it; what another machine had in a path is only named."""
    written = one.link.url.removeprefix("file://").partition("#")[0]
    path = Path(os.path.normpath(where / written))
    if path == folder:
        extras = " ".join(f"--extra {extra}" for extra in sorted(one.extras))
        notes = (f"extras of the project itself are asked for with uv: uv sync {extras}",)
        return Wanted(notes=notes if extras else ())
    if not path.exists():
        if not one.name:
            return Wanted(notes=(f"{written} is not here, and left out",))
        return Wanted(
            requirements={group: (one.name,)},
            notes=(f"{one.name} came from {written}, which is not here; it is asked of the index",),
        )
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    seen_from_here = relative(folder, path)
    start = "" if seen_from_here.startswith((".", "/")) else "./"
    line = f"{'-e ' if one.is_editable else ''}{start}{seen_from_here}{extras}"
    return Wanted(requirements={group: (line,)})
