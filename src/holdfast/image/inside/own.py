"""Holdfast itself, as entries: the files of the installation that runs now.

However it is installed, from a wheel or editable, the same files give the same entries, as if a
wheel of them had been installed. Nothing of this machine is in them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import holdfast
from holdfast.environment.tree import digest_bytes
from holdfast.errors import ToolError
from holdfast.image.layers.place import Place
from holdfast.image.values import Entry

if TYPE_CHECKING:
    from importlib.metadata import Distribution

# Of the installation's notes, those that are the package's own.
_NOTES = ("METADATA", "entry_points.txt", "licenses/LICENSE")
_COMPILED = (".pyc", ".pyo")
_TEMPLATES = "start/templates"


def gateway_own_entries(place: Place) -> list[Entry]:
    """Holdfast in the gateway's environment: its files, dist-info and program.

    Raises:
        ToolError: The running Holdfast is not installed.
    """
    from installer.scripts import Script

    known = _installed()
    package = Path(holdfast.__file__).parent
    notes = f"holdfast-{known.version}.dist-info"
    files = {f"holdfast/{path}": (package / path).read_bytes() for path in _sources(package)}
    files |= {f"{notes}/{name}": _note(known, name) for name in _NOTES}
    name, program = Script("holdfast", "holdfast.cli", "main", "console").generate(
        place.python, "posix"
    )
    script = Entry(path=f"{place.bin}/{name}".lstrip("/"), content=program, executable=True)
    record = _record(files, {f"../../../bin/{name}": program}, notes)
    folder = place.site_packages.lstrip("/")
    return [
        *(Entry(path=f"{folder}/{path}", content=content) for path, content in files.items()),
        Entry(path=f"{folder}/{notes}/RECORD", content=record),
        script,
    ]


def own_identity() -> list[object]:
    """What tells one state of the running installation from another, without reading it.

    The release, and path, size in bytes and mtime in ns of each file.
    """
    package = Path(holdfast.__file__).parent
    files = ((path, os.stat(f"{package}/{path}")) for path in _sources(package))  # noqa: PTH116
    return [
        holdfast.__version__,
        *([path, found.st_size, found.st_mtime_ns] for path, found in files),
    ]


def _installed() -> Distribution:
    from importlib.metadata import distribution

    try:
        return distribution("holdfast")
    except ModuleNotFoundError as error:
        raise ToolError(
            "Holdfast runs from a folder where it is not installed, and an image holds Holdfast",
            hint="uv tool install 'holdfast[image]', or uv pip install --editable .",
        ) from error


def _sources(package: Path) -> Iterator[str]:
    """Its files, by path relative to it; without bytecode and what editors and systems leave."""
    found = []
    for folder, folders, names in os.walk(package):
        inside = folder[len(str(package)) + 1 :]
        # What a project is made of has names that begin with a dot.
        hidden = "" if inside.startswith(_TEMPLATES) else "."
        folders[:] = [name for name in folders if _is_ours(name, hidden)]
        found += [f"{inside}/{name}".lstrip("/") for name in names if _is_ours(name, hidden)]
    return iter(sorted(found))


def _is_ours(name: str, hidden: str) -> bool:
    return name != "__pycache__" and not name.endswith(_COMPILED) and name[:1] != hidden


def _note(known: Distribution, name: str) -> bytes:
    text = known.read_text(name) or ""
    if name == "METADATA":
        # The README follows its fields, and an editable installation has it as it was.
        text = text.partition("\n\n")[0].rstrip() + "\n"
    return text.encode()


def _record(files: dict[str, bytes], scripts: dict[str, bytes], notes: str) -> bytes:
    """The RECORD of what is installed (PEP 376); no path of ours has a comma or quote in it."""
    rows = [
        f"{path},sha256={digest_bytes(content)},{len(content)}"
        for path, content in sorted({**files, **scripts}.items())
    ]
    return "".join(f"{row}\n" for row in (*rows, f"{notes}/RECORD,,")).encode()
