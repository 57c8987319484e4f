"""A receipt, as a value: the result of verifying. A mismatch is a result, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from holdfast.restore.restored import Slim

FORMAT = 1


class Status(str, Enum):
    """How one comparison ended.

    MATCH: as sealed. MISMATCH: not as sealed. SUBSTITUTE: something else stood in that is allowed
    to, and is named. UNPROVEN: the seal holds nothing to compare with. SKIPPED: not compared, since
    something before it does not match.
    """

    MATCH = "match"
    MISMATCH = "mismatch"
    SUBSTITUTE = "substitute"
    UNPROVEN = "unproven"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing compared.

    Attributes:
        name: registry, model-files, packages, installed-files, strays, python or predictions.
        summary: What came of it, in a line.
        details: Everything that differs, by name; and what is worth knowing.
    """

    name: str
    status: Status
    summary: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was compared of one model, once.

    Attributes:
        model: The URI it was named by.
        seal: SHA-256 of its seal.
        grade: The seal's.
        created: UTC, ISO 8601 to the second.
        environment: Key of the environment, "" where it was not restored.
        machine: What it was verified on: Python, platform, Holdfast's and uv's versions ("" where
            there is no uv).
        checks: In the order they were made.
        slim: How the environment stands to the whole one; None where it is the whole one.
    """

    model: str
    seal: str
    grade: str
    created: str
    environment: str
    machine: Mapping[str, str]
    checks: tuple[Check, ...]
    slim: Slim | None = None
    format: int = FORMAT

    @property
    def matches(self) -> bool:
        """Whether nothing that was compared differs from the seal."""
        return not any(check.status is Status.MISMATCH for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, with "matches"."""
        checks = [{**asdict(check), "status": check.status.value} for check in self.checks]
        return {**asdict(self), "checks": checks, "matches": self.matches}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Receipt:
        """Read what `to_dict` of this version wrote.

        Raises:
            KeyError, TypeError, ValueError: It is not that.
        """
        known = {key: value for key, value in data.items() if key != "matches"}
        checks = tuple(
            Check(**{**one, "status": Status(one["status"]), "details": tuple(one["details"])})
            for one in known["checks"]
        )
        slim = known["slim"]
        if slim is not None:
            lists = ("left_out", "unused", "included")
            slim = Slim(**{**slim, **{name: tuple(slim[name]) for name in lists}})
        return cls(**{**known, "checks": checks, "slim": slim})
