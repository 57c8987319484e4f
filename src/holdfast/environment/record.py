"""What the RECORDs of an environment say lies in it (PEP 376, PEP 427).

Pure. A RECORD is somebody else's text: paths are made relative to the environment and those that
leave it are problems, never opened.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from posixpath import normpath
from typing import NamedTuple

_STRONG = {"sha256", "sha384", "sha512"}


class Claim(NamedTuple):
    """One row of a RECORD.

    Attributes:
        owner: The dist-info folder's name, "six-1.17.0.dist-info".
        algorithm: Of the digest; "" where the row has none.
        digest: URL-safe base64, no padding.
        size: Bytes, or -1 where the row has none.
    """

    owner: str
    algorithm: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Claims:
    """All rows of all RECORDs.

    Attributes:
        files: Path relative to the environment, to the claims on it; two packages may claim one
            file, and the file is one of theirs.
        escaping: Paths that leave the environment, "six-1.17.0.dist-info: ../../../../x".
    """

    files: dict[str, list[Claim]] = field(default_factory=dict)
    escaping: list[str] = field(default_factory=list)


def read_claims(records: Iterable[tuple[str, str]], site_packages: str) -> Claims:
    """Read RECORDs.

    Args:
        records: The name of a dist-info folder, and its RECORD's text.
        site_packages: Relative to the environment, "lib/python3.11/site-packages".
    """
    claims = Claims()
    files = claims.files
    for owner, text in records:
        for row in csv.reader(text.splitlines()):
            if not row:
                continue
            path = f"{site_packages}/{row[0]}"
            # What is usual has no need of the slow way.
            if "./" in row[0] or "//" in path or row[0].startswith("/"):
                path = normpath(path)
                if row[0].startswith("/") or path.startswith(("..", "/")):
                    claims.escaping.append(f"{owner}: {row[0]}")
                    continue
            files.setdefault(path, []).append(_claim(owner, row))
    return claims


def _claim(owner: str, row: list[str]) -> Claim:
    algorithm, _, digest = row[1].partition("=") if len(row) > 1 else ("", "", "")
    size = row[2] if len(row) > 2 else ""  # noqa: PLR2004
    if algorithm not in _STRONG:
        algorithm = digest = ""
    return Claim(owner, algorithm, digest.rstrip("="), int(size) if size.isdecimal() else -1)
