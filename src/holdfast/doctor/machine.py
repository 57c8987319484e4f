"""Checks of this machine: what is sealed here, or elsewhere, can be brought back on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from holdfast.doctor.finding import Finding, Level
from holdfast.doctor.subject import Subject
from holdfast.environment.layout import open_layout
from holdfast.environment.python import project_python
from holdfast.errors import HoldfastError, StoreError
from holdfast.home import home
from holdfast.units import size
from holdfast.uv import run_uv

_OLDEST_UV = "0.9"
# Of what the wheels weigh: unpacked, and once more for the archives on their way.
_UNPACKED = 4
_LEAST = 1 << 30


def check_uv(subject: Subject) -> Iterator[Finding]:
    """That uv is there, and the one that the project asks for."""
    try:
        found = Version(run_uv(["--version"], timeout=30).split()[1])
    except (HoldfastError, IndexError, InvalidVersion) as error:
        yield Finding(
            name="uv", level=Level.ERROR, message=f"uv does not run: {error}",
            fix="python -m pip install uv",
        )  # fmt: skip
        return
    wanted = str(subject.project.uv_settings.get("required-version", ""))
    asks = [("Holdfast needs", f">={_OLDEST_UV}"), ("the project asks for", wanted)]
    for who, text in asks:
        if text and not _allows(text, found):
            yield Finding(
                name="uv",
                level=Level.ERROR,
                message=f"uv is {found}; {who} {text}",
                fix="uv self update, or install the release that is asked for",
            )


def _allows(text: str, found: Version) -> bool:
    try:
        return SpecifierSet(text if text[:1] in "<>=!~" else f"=={text}").contains(
            found, prereleases=True
        )
    except InvalidSpecifier:
        return True  # uv itself says what is wrong with it


def check_python_here(subject: Subject) -> Iterator[Finding]:
    """That there is a Python for the project, apart from its environment."""
    try:
        project_python(subject.project.folder, remembered=open_layout(None).pythons)
    except StoreError:
        return  # check_store says it
    except HoldfastError as error:
        yield Finding(
            name="python-absent",
            level=Level.ERROR,
            message=error.message.splitlines()[0],
            fix=error.hint or "uv python install",
        )


def check_store(subject: Subject) -> Iterator[Finding]:
    """That environments can be kept, with room for this one, on the disk of uv's cache."""
    try:
        store = open_layout(None).home
        cache = Path(run_uv(["cache", "dir"], timeout=30).strip())
    except HoldfastError as error:
        yield Finding(
            name="store", level=Level.ERROR, message=error.message,
            fix=error.hint or "set HOLDFAST_HOME to a folder of your own",
        )  # fmt: skip
        return
    free = shutil.disk_usage(store).free
    needed = max(_LEAST, _UNPACKED * _weight(subject))
    if free < needed:
        yield Finding(
            name="disk",
            level=Level.WARNING,
            message=f"{size(free)} are free at {home()}; a restore may take {size(needed)}",
            fix="holdfast env prune, uv cache prune, or HOLDFAST_HOME on another disk",
        )
    if _device(cache) != _device(store):
        yield Finding(
            name="cache-elsewhere",
            level=Level.WARNING,
            message="uv's cache and Holdfast's folder are on different disks: every environment "
            "is a copy, not links",
            fix="UV_CACHE_DIR and HOLDFAST_HOME on one disk",
        )


def _weight(subject: Subject) -> int:
    """Bytes of the largest wheel of each package that this machine wants."""
    return sum(
        max((wheel.size or 0 for wheel in one.wheels), default=0)
        for one in subject.selected().values()
    )


def _device(path: Path) -> int:
    """The disk that `path` is on, or will be once it is made."""
    while not path.exists():
        path = path.parent
    return os.stat(path).st_dev  # noqa: PTH116
