"""Holdfast as a wheel, made of the Holdfast that runs: no index need have this very version.

Pure Python, so the files are the wheel, however they were installed (as an editable, too).
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import holdfast
from holdfast.errors import ToolError

_WHEEL = b"Wheel-Version: 1.0\nGenerator: holdfast\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel into `folder`: the same bytes for the same Holdfast.

    Raises:
        ToolError: It does not run from an installation.
    """
    there = distribution("holdfast")
    info = f"holdfast-{there.version}.dist-info"
    files = {**dict(_modules()), **dict(_metadata(there, info))}
    record = "".join(_row(path, content) for path, content in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = folder / f"holdfast-{there.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(_entry(path), content)
    return wheel


def _modules() -> Iterator[tuple[str, bytes]]:
    package = Path(holdfast.__file__).parent
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"holdfast/{path.relative_to(package).as_posix()}", path.read_bytes()


def _metadata(there: Distribution, info: str) -> Iterator[tuple[str, bytes]]:
    yield f"{info}/WHEEL", _WHEEL
    for name in ("METADATA", "entry_points.txt"):
        text = there.read_text(name)
        if text is None:
            raise ToolError(
                f"the installed Holdfast has lost its {name}",
                hint="python -m pip install --force-reinstall holdfast",
            )
        yield f"{info}/{name}", text.encode()


def _row(path: str, content: bytes) -> str:
    """As the binary distribution format has it, "Signed wheel files": sha256, base64, no "="."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path)  # 1980, the earliest that a zip can say
    entry.external_attr = 0o100644 << 16
    return entry
