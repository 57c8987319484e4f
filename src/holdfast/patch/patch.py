"""The verb `patch`: for each version that is wanted, the smallest change of the lock, and a trial.

The model and its seal are never changed. What is proven is applied to the project, which trains
and seals the next model.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tomli

from holdfast.errors import HoldfastError, InputError, MismatchError, StoreError
from holdfast.model import Model, open_model
from holdfast.patch.relock import Change, changes, relocked
from holdfast.patch.trial import How, Trial, Verdict, try_lock
from holdfast.progress import Progress, silent
from holdfast.restore.lock import read_lock
from holdfast.seal.digest import inside

_LONGEST_REASON = 500
_PROJECT = "holdfast/project/pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A version that is wanted.

    Attributes:
        why: What it mends: "GHSA-…"; "" where somebody asked for it.
    """

    name: str
    version: str
    why: str = ""

    def __str__(self) -> str:
        """As uv takes it: "jinja2==3.1.6"."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A change of the lock, and what came of it.

    Attributes:
        wanted: What it was made for.
        changes: All that it changes.
        trial: What the golden predictions say.
    """

    wanted: tuple[Wanted, ...]
    changes: tuple[Change, ...]
    trial: Trial

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "wanted": [{"name": w.name, "version": w.version, "why": w.why} for w in self.wanted],
            "changes": [
                {"name": one.name, "before": one.before, "after": one.after} for one in self.changes
            ],
            "verdict": self.trial.verdict.value,
            "largest": self.trial.largest,
            "reason": self.trial.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """What came of all.

    Attributes:
        model: Its URI.
        attempts: Each wanted version by itself.
        together: All that are safe by themselves, at once; None for less than two.
    """

    model: str
    attempts: tuple[Attempt, ...]
    together: Attempt | None

    @property
    def safe(self) -> tuple[Wanted, ...]:
        """What may be applied: proven together, or the only one that was proven."""
        alone = [one for one in self.attempts if one.trial.verdict is Verdict.IDENTICAL]
        if self.together is None:
            return alone[0].wanted if len(alone) == 1 else ()
        proven = self.together.trial.verdict is Verdict.IDENTICAL
        return self.together.wanted if proven else ()

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "model": self.model,
            "attempts": [one.to_dict() for one in self.attempts],
            "together": self.together.to_dict() if self.together else None,
            "safe": [str(one) for one in self.safe],
        }


def patch(
    model: Model | str | os.PathLike[str],
    wanted: Iterable[Wanted],
    *,
    offline: bool = False,
    strict: bool = False,
    timeout: float = 300.0,
    on_progress: Progress = silent,
) -> Patched:
    """Try each wanted version by itself, and all together that answer as before.

    Args:
        model: What `open_model` gives, or takes.
        wanted: Versions of packages of its lock.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        timeout: Seconds for loading and predicting, each time.
        on_progress: Told what takes time.

    Raises:
        InputError: A name is no package of an index in the lock.
        MismatchError: A file of the model is not as it was sealed.
        StoreError: The disk is full.
    """
    opened = model if isinstance(model, Model) else open_model(model)
    how = How(offline=offline, strict=strict, timeout=timeout, on_progress=on_progress)
    lock = tomli.loads(read_lock(opened, offline=offline, on_progress=on_progress))
    attempts = tuple(_attempt(opened, lock, (one,), how) for one in wanted)
    safe = tuple(
        each for one in attempts if one.trial.verdict is Verdict.IDENTICAL for each in one.wanted
    )
    together = _attempt(opened, lock, safe, how) if len(safe) > 1 else None
    return Patched(model=opened.uri, attempts=attempts, together=together)


def _attempt(
    model: Model, lock: Mapping[str, Any], wanted: tuple[Wanted, ...], how: How
) -> Attempt:
    how.on_progress(f"trying {', '.join(map(str, wanted))}")
    try:
        new = relocked(
            lock,
            {one.name: one.version for one in wanted},
            asked=_asked(model),
            indexes=model.seal.indexes,
            python=".".join(model.seal.python.version.split(".")[:2]),
        )
    except (InputError, MismatchError, StoreError):
        raise
    except HoldfastError as error:
        breaks = Trial(verdict=Verdict.BREAKS, reason=_reason(error.message))
        return Attempt(wanted=wanted, changes=(), trial=breaks)
    return Attempt(wanted=wanted, changes=changes(lock, new), trial=try_lock(model, new, how))


def _asked(model: Model) -> tuple[str, ...]:
    """What the project asked for when it sealed; nothing where the seal does not say."""
    try:
        model.check_files(_PROJECT)
        text = inside(model.path, _PROJECT).read_text(encoding="utf-8")
        project = tomli.loads(text).get("project", {})
    except (HoldfastError, OSError, ValueError):
        return ()
    extras = project.get("optional-dependencies", {})
    chosen = [extras.get(extra, ()) for extra in model.seal.project.extras]
    return tuple(line for each in (project.get("dependencies", ()), *chosen) for line in each)


def _reason(text: str) -> str:
    """What uv says, in one line, without what it would do."""
    return " ".join(text.partition("hint:")[0].split())[:_LONGEST_REASON]
