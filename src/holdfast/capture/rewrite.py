"""A wheel with some of its files changed, and a RECORD that says so."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from holdfast.redact import redact


def rewrite(wheel: Path, target: Path, changed: Mapping[str, bytes]) -> None:
    """Write `wheel` to `target`, with the contents of `changed` in the place of its own."""
    with ZipFile(wheel) as archive, ZipFile(target, "w", ZIP_DEFLATED) as written:
        record = next(entry for entry in archive.namelist() if entry.endswith(".dist-info/RECORD"))
        contents = {**changed, record: _record(archive.read(record).decode(), changed)}
        for entry in archive.infolist():
            written.writestr(entry, contents.get(entry.filename) or archive.read(entry))


def read_metadata(wheel: Path) -> tuple[str, str]:
    """The name and the text of a wheel's METADATA; empty where it has none."""
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/METADATA"):
                return name, archive.read(name).decode()
    return "", ""


def take_out_credentials(wheel: Path) -> None:
    """A project may ask for a repository by a URL with a token; its wheel is not to repeat it."""
    about, before = read_metadata(wheel)
    after = redact(before)
    if after != before:
        private = wheel.with_name(f".{wheel.name}")
        rewrite(wheel, private, {about: after.encode()})
        private.replace(wheel)


def _record(text: str, changed: Mapping[str, bytes]) -> bytes:
    rows = [
        (path, *_digest(changed[path])) if path in changed else (path, *rest)
        for path, *rest in csv.reader(io.StringIO(text))
    ]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()


def _digest(content: bytes) -> tuple[str, str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"sha256={digest}", str(len(content))
