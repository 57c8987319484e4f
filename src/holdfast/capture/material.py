"""What a seal is made of, but for the model's own files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from holdfast.capture.freshness import LockCheck
from holdfast.capture.wheels import BuiltWheel
from holdfast.lock.pylock import FirstPartyWheel
from holdfast.project.discover import Project
from holdfast.project.installed import Installed
from holdfast.project.settings import Settings
from holdfast.seal.grade import Grade, worst
from holdfast.seal.seal import Difference, SealedIndex

# Holdfast is not part of what a model needs, nor are the tools that make environments.
NOT_THE_MODELS = frozenset({"holdfast", "pip", "setuptools", "wheel", "uv"})

WHEELS = "holdfast/wheels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that goes into a seal but the model's own files.

    Attributes:
        reasons: Why the grade is not a better one.
        pylock: PEP 751, as a dictionary; None where the grade has none.
        pins: "name==version" of what a model needs here: for MLflow's own files.
        installed: What was there, by name.
        switched_off: The user wants no inference at all.
        check: Whether the lock is fresh: asked last, see `judged`.
    """

    settings: Settings
    project: Project | None = None
    grade: Grade = Grade.INFERRED
    reasons: tuple[str, ...] = ()
    pylock: Mapping[str, Any] | None = None
    pins: tuple[str, ...] = ()
    drift: tuple[Difference, ...] = ()
    wheels: Mapping[str, BuiltWheel] = field(default_factory=dict)
    installed: Mapping[str, Installed] = field(default_factory=dict)
    indexes: tuple[SealedIndex, ...] = ()
    lock_is_sound: bool = False
    switched_off: bool = False
    check: LockCheck | None = None

    @classmethod
    def nothing(cls, settings: Settings, reason: str) -> Material:
        """Nothing to vouch for: MLflow's files stay as the flavor wrote them."""
        return cls(settings=settings, reasons=(reason,), switched_off=True)

    @property
    def folder(self) -> Path | None:
        """Where uv's settings are read from."""
        return self.project.root if self.project else None

    def judged(self) -> Material:
        """This, once it is known whether the lock is fresh."""
        complaint = self.check.complaint() if self.check else ""
        return self.fallen(Grade.FROZEN, complaint) if complaint else self

    def close(self) -> None:
        """Leave nothing running."""
        if self.check is not None:
            self.check.close()

    def fallen(self, grade: Grade, reason: str) -> Material:
        """This, at `grade` or worse, for one more reason."""
        reasons = dict.fromkeys((*self.reasons, reason))
        return replace(self, grade=worst(self.grade, grade), reasons=tuple(reasons))


def first_party(wheels: Mapping[str, BuiltWheel]) -> dict[str, FirstPartyWheel]:
    """`wheels` as a lock beside the model names them."""
    return {
        name: FirstPartyWheel(
            filename=wheel.path.name,
            path=f"{WHEELS}/{wheel.path.name}",
            sha256=wheel.sha256,
            version=wheel.version,
        )
        for name, wheel in wheels.items()
    }


def first_party_package(name: str, wheel: FirstPartyWheel) -> dict[str, Any]:
    """`wheel` as a package of a PEP 751 lock."""
    file = {"path": wheel.path, "hashes": {"sha256": wheel.sha256}}
    return {"name": name, "version": wheel.version, "wheels": [file]}
