"""What a project's own build says of it: the metadata and the files of its wheel (PEP 517)."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from holdfast.errors import HoldfastError
from holdfast.uv import run_uv

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_ENTRY_POINTS = re.compile(r"[^/]+\.dist-info/entry_points\.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A wheel, as far as another build of the same project must agree with it.

    Attributes:
        requires: `Requires-Dist` without those of extras.
        extras: Those of each extra, without the marker that says so.
        requires_python: "" where it says nothing.
        fields: The other fields of METADATA (the core metadata specification), by name.
        entry_points: The file's text, "" where there is none.
        files: All but the folder of metadata.
    """

    name: str
    requires: tuple[str, ...]
    extras: dict[str, tuple[str, ...]]
    requires_python: str
    fields: frozenset[str]
    entry_points: str
    files: frozenset[str]


def build(folder: Path) -> Built:
    """Build a wheel of the project in `folder`, a copy of it, and read it.

    Raises:
        ToolError: The build fails.
    """
    with TemporaryDirectory(prefix="holdfast-wheel-") as out:
        # What setuptools has copied there once, it packs again, wanted or not.
        shutil.rmtree(folder / "build", ignore_errors=True)
        run_uv(["build", "--wheel", "--quiet", "--out-dir", out, str(folder)])
        with ZipFile(next(Path(out).glob("*.whl"))) as wheel:
            return _read(wheel)


def try_build(folder: Path) -> Built | None:
    """`build`, or None where that fails."""
    try:
        return build(folder)
    except HoldfastError:
        return None


def _read(wheel: ZipFile) -> Built:
    names = wheel.namelist()
    texts = {
        pattern: next((wheel.read(name).decode() for name in names if pattern.fullmatch(name)), "")
        for pattern in (_METADATA, _ENTRY_POINTS)
    }
    header = HeaderParser().parsestr(texts[_METADATA])
    needs = [Requirement(str(line)) for line in header.get_all("Requires-Dist", [])]
    extras = [str(extra) for extra in header.get_all("Provides-Extra", [])]
    return Built(
        name=str(header["Name"]),
        requires=tuple(str(one) for one in needs if not _extra_of(one)),
        extras={
            extra: tuple(_without_extra(one) for one in needs if _extra_of(one) == extra)
            for extra in extras
        },
        requires_python=str(header.get("Requires-Python", "")),
        fields=frozenset(header.keys()),
        entry_points=texts[_ENTRY_POINTS],
        files=frozenset(name for name in names if ".dist-info/" not in name),
    )


_EXTRA = re.compile(r"""\s*(?:and\s+)?extra\s*==\s*["']([^"']+)["']\s*""")


def _extra_of(one: Requirement) -> str:
    found = _EXTRA.search(str(one.marker or ""))
    return found[1] if found else ""


def _without_extra(one: Requirement) -> str:
    """As it stood in the extra: setuptools writes `(marker) and extra == "name"`."""
    marker = _EXTRA.sub("", str(one.marker))
    bare = str(one).partition(";")[0].strip()
    return f"{bare} ; {marker}" if marker else bare


def differences(before: Built, after: Built) -> list[str]:
    """What another build of the project has otherwise: lines for people."""
    said = []
    for what, old, new in (
        ("files", before.files, after.files),
        ("requirements", _names(before), _names(after)),
        ("extras", set(before.extras), set(after.extras)),
    ):
        said += [f"its wheel had the {what} {', '.join(sorted(old - new))}"] if old - new else []
        said += [f"its wheel has new {what}: {', '.join(sorted(new - old))}"] if new - old else []
    if _entries(before) != _entries(after):
        said.append("its wheel has other entry points")
    return said


def _names(one: Built) -> set[str]:
    """By name: `<2.0` and `<2` are the same."""
    return {canonicalize_name(Requirement(line).name) for line in one.requires}


def _entries(one: Built) -> set[str]:
    return {line.replace(" ", "") for line in one.entry_points.splitlines() if line.strip()}
