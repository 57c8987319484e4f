"""What a restore is asked for: the lock and the Python, as a seal holds them.

Values only; imports nothing slow, since a restore of what is there already reads no more than this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.environment.layout import STORE_FORMAT
from holdfast.errors import LockError


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One environment, asked for.

    Attributes:
        pylock: The text of a `pylock.toml` (PEP 751).
        only: Normalised names of the packages wanted of it; None for all.
        folder: What relative paths in it start from: the model's folder.
        python: Full version, "3.11.7".
        implementation: As `sys.implementation.name`.
        indexes: (name, URL) of each index, so that `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD` are
            found for it; no credentials in the URL.
        records: Normalised name of a distribution to its `project.installed.record_digest` where
            the lock was made; "" where that is not known.
        recorded_on: (ABI, libc) of the Python that `records` were taken on. A package with wheels
            for single platforms is compared only where both are the same here, for only then is
            it the same wheel.
    """

    pylock: str
    only: frozenset[str] | None = None
    folder: Path
    python: str
    implementation: str = "cpython"
    indexes: tuple[tuple[str, str], ...] = ()
    records: Mapping[str, str] = field(default_factory=dict)
    recorded_on: tuple[str, str] | None = None

    @classmethod
    def read(cls, pylock: Path, python: str) -> Spec:
        """The spec of a lock on disk, its own folder the one that paths start from.

        Raises:
            LockError: The file cannot be read.
        """
        try:
            text = pylock.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LockError(f"{pylock} cannot be read: {error}") from error
        return cls(pylock=text, folder=pylock.parent, python=python)

    def digest(self) -> str:
        """SHA-256, in hex, of everything that decides the answer; not of where to fetch it."""
        inputs = [
            STORE_FORMAT,
            self.pylock,
            None if self.only is None else sorted(self.only),
            self.python,
            self.implementation,
            sorted(self.records.items()),
            self.recorded_on,
        ]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()
