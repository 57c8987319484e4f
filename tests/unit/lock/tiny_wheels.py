"""Wheels of a few hundred bytes, for locks that need no network."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_wheel(
    directory: Path,
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
    requires_python: str | None = None,
) -> Path:
    """A wheel of one empty module that needs `requires`."""
    directory.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    lines = [
        *(f"Provides-Extra: {extra}\n" for extra in extras),
        *(f"Requires-Dist: {one}\n" for one in requires),
        *([f"Requires-Python: {requires_python}\n"] if requires_python else []),
    ]
    info = f"{module}-{version}.dist-info"
    path = directory / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}.py", "")
        archive.writestr(
            f"{info}/METADATA", _METADATA.format(name=name, version=version) + "".join(lines)
        )
        archive.writestr(f"{info}/WHEEL", _WHEEL)
        archive.writestr(
            f"{info}/RECORD", f"{module}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return path
