"""The newest version of each package, by the index that it is bound to, as uv finds it."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from holdfast.audit.subject import Subject
from holdfast.progress import Progress
from holdfast.resolve import resolve


def newest(subject: Subject, names: Iterable[str], on_progress: Progress) -> dict[str, str]:
    """The newest version of each of `names`, on any Python from the lock's on.

    A project's own settings count, its `exclude-newer` too.

    Raises:
        ToolError: An index cannot be reached, or does not have one of them.
        LockError: One is bound to an index that is a folder of another machine.
    """
    wanted = sorted(set(names))
    if not wanted:
        return {}
    on_progress(f"asking for the newest of {len(wanted)} packages")
    project = subject.project
    found: dict[str, str] = {}
    for one in resolve(
        wanted,
        folder=project.root if project else None,
        indexes=subject.indexes,
        python=subject.python,
    ):
        name, version = one["name"], one.get("version", "0")
        found[name] = max(version, found.get(name, version), key=Version)
    return found
