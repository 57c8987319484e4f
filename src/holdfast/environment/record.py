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

STRONG = frozenset({"sha256", "sha384", "sha512"})


class Claim(NamedTuple):
    """One row of a RECORD.

    Attributes:
        owner: The dist-info folder's name, "six-1.17.0.dist-info".
        digest: As it stands there: "sha256=" and URL-safe base64; "" where the row has none.
        size: Bytes, in decimal; "" where the row has none.
    """

    owner: str
    digest: str
    size: str


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
    for owner, text in records:
        for row in csv.reader(text.splitlines()):
            if row:
                _claim(claims, site_packages, owner, row)
    return claims


def _claim(claims: Claims, site_packages: str, owner: str, row: list[str]) -> None:
    name, digest, size = row if len(row) == 3 else (*row, "", "")[:3]  # noqa: PLR2004
    path = f"{site_packages}/{name}"
    # Most paths are plain, and have no need of the slow way.
    if "./" in name or "//" in path or name.endswith("/."):
        path = normpath(path)
        if name.startswith("/") or path.startswith(("..", "/")):
            claims.escaping.append(f"{owner}: {name}")
            return
    claim = Claim(owner, digest, size)
    if path in claims.files:
        claims.files[path].append(claim)
    else:
        claims.files[path] = [claim]
