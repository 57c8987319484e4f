"""Cores: how many this process may use, and which of them a worker gets."""

from __future__ import annotations

import math
import os
import threading
from collections import Counter
from pathlib import Path

# What compiled code in a worker reads to know how many threads it may start.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def limited_to(threads: int) -> dict[str, str]:
    """This process's variables, for a worker with so many threads where the user says no other."""
    return {**dict.fromkeys(_THREADS, str(threads)), **os.environ}


def available() -> int:
    """Cores that this process may use: fewer than the machine has, in a container."""
    return max(1, math.ceil(min(len(_mine()), quota(_OWN, _CGROUPS))))


def quota(own: Path, root: Path) -> float:
    """How many cores' time the control groups (cgroup v2) leave; infinity where nobody says.

    Args:
        own: What `/proc/self/cgroup` says.
        root: Where the groups are mounted.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    paths = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    found = math.inf
    for path in paths:
        group = root / path
        # A limit above holds for everything below.
        for folder in (group, *group.parents):
            if folder == root.parent:
                break
            found = min(found, _limit(folder / "cpu.max"))
    return found


def pin(pid: int, cores: int) -> None:
    """Keep a process that was just started on `cores` cores, those that are least taken.

    Threads that it starts from now on stay there, too. Nothing is done where the system cannot.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    with _one_at_a_time:
        taken = Counter(core for other in list(_pinned) for core in _cores_of(other))
        try:
            os.sched_setaffinity(pid, sorted(_mine(), key=lambda core: taken[core])[:cores])
        except ProcessLookupError:  # whoever waits for it will say so
            return
        _pinned.add(pid)


_pinned: set[int] = set()
_one_at_a_time = threading.Lock()


def _cores_of(pid: int) -> set[int]:
    try:
        return os.sched_getaffinity(pid)
    except OSError:  # it is gone
        _pinned.discard(pid)
        return set()


def _mine() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _limit(file: Path) -> float:
    try:
        share, period = file.read_text(encoding="ascii").split()
        return math.inf if share == "max" else int(share) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
