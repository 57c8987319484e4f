"""What an examination finds: values, and nothing that looks at a project."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any


class Level(str, Enum):
    """How bad it is."""

    ERROR = "error"
    """A model logged now would not be sealed as `locked`, or could not be restored here."""
    WARNING = "warning"
    """It works here and today; it will be missed elsewhere or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        name: What kind it is, for programs: "lock-stale".
        level: How bad it is.
        message: What was found, and where.
        fix: What to do about it: a command, or a sentence.
        commands: Arguments of uv that do it without asking, where nothing can be lost by them.
    """

    name: str
    level: Level
    message: str
    fix: str
    commands: tuple[tuple[str, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "level": self.level.value,
            "message": self.message,
            "fix": self.fix,
            "safe": bool(self.commands),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What came of looking.

    Attributes:
        folder: Of the project.
        findings: The worst first.
        fixed: What was found before, and mended.
    """

    folder: Path
    findings: tuple[Finding, ...]
    fixed: tuple[Finding, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether a model would be sealed as `locked`, and restored here."""
        return not any(one.level is Level.ERROR for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "folder": str(self.folder),
            "healthy": self.healthy,
            "findings": [one.to_dict() for one in self.findings],
            "fixed": [one.to_dict() for one in self.fixed],
        }
