"""Checks of the lock: it is there, fresh, in git, and has files for the machines it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from holdfast.capture.freshness import LockCheck
from holdfast.doctor.finding import Finding, Level
from holdfast.doctor.subject import Subject
from holdfast.errors import LockError
from holdfast.lock.closure import Closure
from holdfast.lock.graph import LockedPackage
from holdfast.lock.machines import MACHINES
from holdfast.project.git import is_ignored

_SHOWN = 5
# Libraries no longer make wheels for these.
_PAST = ("darwin", "x86_64")


def check_lock(subject: Subject) -> Iterator[Finding]:
    """That there is one to seal, and that it is what `pyproject.toml` asks for."""
    project = subject.project
    if subject.graph is None:
        has_project = project.script is not None or "project" in project.pyproject
        missing = not project.lockfile.is_file()
        safe = missing and has_project and not project.other_tool and project.script is None
        yield Finding(
            name="lock-missing" if missing else "lock-unreadable",
            level=Level.ERROR,
            message=subject.without_lock.rpartition(": ")[0] or subject.without_lock,
            fix=project.lock_command if has_project and not project.other_tool
            else "holdfast migrate",
            commands=(("lock",),) if safe else (),
        )  # fmt: skip
        return
    if subject.closure is None:
        yield Finding(
            name="lock-incomplete",
            level=Level.ERROR,
            message=f"what a model needs cannot be told from the lock: {subject.without_closure}",
            fix="mend [tool.holdfast] in pyproject.toml, then `uv lock`",
        )
    yield from _freshness(subject)


def _freshness(subject: Subject) -> Iterator[Finding]:
    check = LockCheck(subject.project)
    try:
        complaint = check.complaint()
    finally:
        check.close()
    if complaint:
        yield Finding(
            name="lock-stale" if check.stale else "lock-unchecked",
            level=Level.ERROR,
            message=complaint.rpartition(": ")[0] if check.stale else complaint,
            fix=subject.project.lock_command,
            commands=(("lock",),) if check.stale and subject.project.script is None else (),
        )


def check_lock_is_kept(subject: Subject) -> Iterator[Finding]:
    """That others get the lock, too."""
    lock = subject.project.lockfile
    if lock.is_file() and is_ignored(lock):
        yield Finding(
            name="lock-ignored",
            level=Level.WARNING,
            message=f"git ignores {lock.name}: nobody else has the lock",
            fix=f"take it out of .gitignore, and commit {lock.name}",
        )


def check_settings(subject: Subject) -> Iterator[Finding]:
    """That [tool.holdfast] can be read: else no seal is `locked`."""
    for problem in subject.problems:
        yield Finding(
            name="settings", level=Level.ERROR, message=problem,
            fix="mend it; docs/settings.md has all keys",
        )  # fmt: skip


def check_platforms(subject: Subject) -> Iterator[Finding]:
    """That every usual machine has files of every package that is wanted there."""
    if subject.closure is None or subject.python is None:
        return
    here = subject.python.facts["markers"]
    for machine in MACHINES:
        if (machine.system, machine.processor) == _PAST:
            continue
        fitting = set(machine.tags(*map(int, subject.python.version.split(".")[:2])))
        wanted = _wanted(subject.closure, {**here, **machine.markers})
        bare = [one for one in wanted if not _has_wheel(one, fitting)]
        for names, what in (
            ([one.name for one in bare if one.sdist is None], "nobody can restore it there"),
            ([one.name for one in bare if one.sdist is not None], "it is built there, each time"),
        ):
            if names:
                yield Finding(
                    name="platform",
                    level=Level.WARNING,
                    message=f"{machine.title}: the lock has no wheel of {_listed(sorted(names))}: "
                    f"{what}",
                    fix="lock a version that has one, or say in [tool.uv] environments which "
                    "machines the project is for",
                )


def _wanted(closure: Closure, markers: Mapping[str, str]) -> list[LockedPackage]:
    try:
        selected = closure.select(markers)
    except LockError:
        return []  # the lock says itself that it is not for this machine
    return [one for one in selected.values() if one.source.kind == "registry"]


def _has_wheel(package: LockedPackage, fitting: AbstractSet[Tag]) -> bool:
    return any(_tags(wheel.filename) & fitting for wheel in package.wheels)


def _tags(filename: str) -> AbstractSet[Tag]:
    try:
        return parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return frozenset()


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
