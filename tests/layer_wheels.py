"""Wheels as tests want them: honest ones, and those that nobody should build."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

INFO = "mine-1.0.dist-info"
DATA = "mine-1.0.data"

_METADATA = b"Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n"
_WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def row(name: str, content: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, content).digest()
    text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    quoted = f'"{name}"' if "," in name else name
    return f"{quoted},{algorithm}={text},{len(content)}"


def build_wheel(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    executable: frozenset[str] = frozenset(),
    kind: int = 0o100000,
    stored: bool = False,
    record: list[str] | None = None,
) -> Path:
    """mine 1.0, with these files besides its metadata.

    Args:
        folder: Where to.
        files: By name in the wheel.
        executable: Those with an x.
        kind: The file type in a mode.
        stored: Nothing deflated.
        record: RECORD's rows, where they are to be others than the honest ones.
    """
    whole = {**files, f"{INFO}/METADATA": _METADATA, f"{INFO}/WHEEL": _WHEEL}
    rows = [row(name, content) for name, content in whole.items()] if record is None else record
    whole[f"{INFO}/RECORD"] = "\n".join([*rows, f"{INFO}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in whole.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            info.external_attr = (kind | (0o755 if name in executable else 0o644)) << 16
            archive.writestr(info, content)
    return path
