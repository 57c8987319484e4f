"""What differs between two models, as values."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two models: its URI, and of its seal the digest, the grade and the time."""

    model: str
    seal: str
    grade: str
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something with a name that is not the same; None where it is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package that is not the same.

    Attributes:
        what: Of "added", "removed", "version", "source" (it comes from elsewhere), "hashes" (the
            same version has other files) and "files" (it has more of them, or fewer).
        own: First-party code.
        here: It was installed when one of the models was logged; else only other machines get it.
        before: Its version, None where it is not there or not known.
        before_source: Its index or URL, "" where that is not known.
    """

    name: str
    what: tuple[str, ...]
    own: bool
    here: bool
    before: str | None
    after: str | None
    before_source: str
    after_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeChange:
    """A file of first-party code that is not the same.

    Attributes:
        owner: The package whose wheel it lies in, "" for the model's own folder.
        what: "added", "removed" or "changed".
        added: How many lines came.
        removed: How many went.
        lines: A unified diff, empty where `note` says why.
    """

    owner: str
    path: str
    what: str
    added: int
    removed: int
    lines: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file of the model that is not the same; its sizes, None where it is not there."""

    path: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerChange:
    """Two answers to one input.

    Attributes:
        what: "golden" for what both answered when they were logged, "b answers a" for what the
            second model answers now to the first one's golden input, "a answers b" for the other
            way round.
        same: Whether they agree; None where there was nothing to compare.
        summary: What came of it, in a line.
        largest: The largest difference of two numbers; None where something else differs, too.
        place: Where that is.
    """

    what: str
    same: bool | None
    summary: str
    largest: float | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDiff:
    """How the model `b` differs from the model `a`.

    Attributes:
        seal: Its grade, and why it is no better one.
        python: The interpreter.
        project: Where the model came from: commit, version, extras, groups, indexes.
        asked: What the project's `pyproject.toml` asked for and set.
        files: Of the model, but for code and for what the other parts say.
        signature: What the model takes and answers.
        metadata: The rest of `MLmodel`, but for what names this very model.
    """

    a: Side
    b: Side
    seal: tuple[Change, ...] = ()
    python: tuple[Change, ...] = ()
    project: tuple[Change, ...] = ()
    asked: tuple[Change, ...] = ()
    packages: tuple[PackageChange, ...] = ()
    code: tuple[CodeChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    signature: tuple[Change, ...] = ()
    metadata: tuple[Change, ...] = ()
    answers: tuple[AnswerChange, ...] = ()
    format: int = FORMAT

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        parts = (getattr(self, one.name) for one in fields(self))
        changed = any(part for part in parts if isinstance(part, tuple) and part != self.answers)
        return not changed and all(answer.same is not False for answer in self.answers)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, with "same"."""
        return {**asdict(self), "same": self.same}


def finite(number: float) -> float | None:
    """`number`, or None where JSON has no word for it."""
    return number if math.isfinite(number) else None


def changes(before: dict[str, str], after: dict[str, str]) -> tuple[Change, ...]:
    """Where two mappings differ, by name."""
    return tuple(
        Change(name=name, before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )
