"""What a migration would change, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from holdfast.migrate.wanted import Index
from holdfast.redact import redact

KEPT = ".before-uv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file that is written.

    Attributes:
        path: As the project's folder sees it.
        before: Its text, None where it is new.
        after: Its text.
    """

    path: str
    before: str | None
    after: str

    def diff(self) -> Iterator[str]:
        """A unified diff, without the credentials that the old text had."""
        lines = unified_diff(
            redact(self.before or "").splitlines(),
            redact(self.after).splitlines(),
            "/dev/null" if self.before is None else f"a/{self.path}",
            f"b/{self.path}",
            lineterm="",
        )
        yield from lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done.

    Attributes:
        found: What kinds of files were read: "Poetry".
        changes: The files to write.
        put_by: Files that nobody needs any more; each gets `KEPT` after its name.
        notes: What could not be taken over, and what means something else now.
        pins: The versions that were locked, by normalised name.
        python: The Python to work with, "3.11".
        indexes: Those that the old files name.
    """

    found: tuple[str, ...]
    changes: tuple[Change, ...]
    put_by: tuple[str, ...]
    notes: tuple[str, ...]
    pins: Mapping[str, str]
    python: str
    indexes: tuple[Index, ...]

    @property
    def secrets(self) -> dict[str, str]:
        """Variables with the credentials that the old files had; for one run of uv's only."""
        return {name: value for one in self.indexes for name, value in one.secrets.items()}

    def to_dict(self) -> dict[str, Any]:
        """For programs; without credentials."""
        return {
            "found": list(self.found),
            "files": {
                one.path: {"diff": "\n".join(one.diff()), "new": one.before is None}
                for one in self.changes
            },
            "put_by": {path: f"{path}{KEPT}" for path in self.put_by},
            "notes": list(self.notes),
            "pins": dict(sorted(self.pins.items())),
            "python": self.python,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether the new environment imports what the project does.

    Attributes:
        old: The folder of the environment that was asked first, "" where there was none.
        imported: The modules that could be imported.
        failed: Those that could not, though they should, and why.
        moved: Packages that are not locked in the version that they were: "name 1.0 → 1.1".
    """

    old: str
    imported: tuple[str, ...]
    failed: Mapping[str, str]
    moved: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether all is imported."""
        return not self.failed

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "old": self.old,
            "imported": list(self.imported),
            "failed": dict(self.failed),
            "moved": list(self.moved),
        }
