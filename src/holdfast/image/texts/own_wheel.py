"""Holdfast as a wheel, made of the Holdfast that runs: no index need have this very version."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from holdfast import __version__
from holdfast.environment.tree import digest_bytes
from holdfast.image.inside.own import gateway_own_entries
from holdfast.image.inside.places import GATEWAY, place_of

_WHEEL = b"Wheel-Version: 1.0\nGenerator: holdfast\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_ANY_PYTHON = "3.10"


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel into `folder`: the same bytes for the same Holdfast.

    Raises:
        ToolError: The running Holdfast is not installed.
    """
    info = f"holdfast-{__version__}.dist-info"
    files = {**_installed(), f"{info}/WHEEL": _WHEEL}
    record = f"{info}/RECORD"
    files[record] = _record(files, record)
    wheel = folder / f"holdfast-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(_entry(path), content)
    return wheel


def _installed() -> dict[str, bytes]:
    """What an image's gateway holds of Holdfast, less what only an installation has."""
    place = place_of(GATEWAY, _ANY_PYTHON)
    beginning = f"{place.site_packages}/".lstrip("/")
    return {
        entry.path.removeprefix(beginning): entry.content
        for entry in gateway_own_entries(place)
        if isinstance(entry.content, bytes)
        and entry.path.startswith(beginning)
        and not entry.path.endswith(".dist-info/RECORD")
    }


def _record(files: Mapping[str, bytes], record: str) -> bytes:
    """As the specification of wheels has it; no path of ours has a comma or quote in it."""
    rows = [
        f"{path},sha256={digest_bytes(content)},{len(content)}"
        for path, content in sorted(files.items())
    ]
    return "".join(f"{row}\n" for row in (*rows, f"{record},,")).encode()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path)  # 1980, the earliest that a zip can say
    entry.external_attr = 0o100644 << 16
    return entry
