"""Many wheels at once, in threads: the first failure lets the others go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from holdfast.environment.plan import Package
from holdfast.errors import HoldfastError, MismatchError
from holdfast.wheels import kept
from holdfast.wheels.download import Stopped
from holdfast.wheels.job import Job
from holdfast.wheels.network import Network
from holdfast.wheels.obtain import locked_size, obtain
from holdfast.wheels.tally import Tally

_SAY_SECONDS = 1.0


def fetch_at_once(job: Job, network: Network, packages: Sequence[Package]) -> dict[str, Path]:
    """Fetch and check wheels in threads; the first failure stops all."""
    if not packages:
        return {}
    tally = Tally(len(packages))
    job.on_progress(f"fetching {len(packages)} wheels")
    pool = ThreadPoolExecutor(network.connections, thread_name_prefix="holdfast-wheels")
    tasks: dict[str, Future[Path]] = {}
    try:
        # What takes longest is not begun last.
        for package in sorted(packages, key=lambda one: locked_size(one) or 0, reverse=True):
            tasks[package.chosen.name] = pool.submit(_fetched, job, network, package, tally)
        _await(list(tasks.values()), lambda: job.on_progress(str(tally)))
    finally:
        tally.stop()
        pool.shutdown(wait=True, cancel_futures=True)
    _raise_failures(tasks.values())
    return {name: task.result() for name, task in tasks.items()}


def _await(tasks: Sequence[Future[Path]], say: Callable[[], None]) -> None:
    """Wait for all, or for the first failure."""
    pending = set(tasks)
    while pending:
        done, pending = wait(pending, timeout=_SAY_SECONDS, return_when=FIRST_EXCEPTION)
        if any(task.exception() for task in done):
            return
        if pending:
            say()


def _raise_failures(tasks: Iterable[Future[Path]]) -> None:
    """Raise what failed before the rest was let go: once, every reason in it."""
    failures = [
        error for task in tasks if not task.cancelled() and (error := task.exception()) is not None
    ]
    known = [error for error in failures if isinstance(error, HoldfastError)]
    bugs = [one for one in failures if not isinstance(one, (HoldfastError, Stopped))]
    if bugs:
        raise bugs[0]
    if known:
        first = next((one for one in known if isinstance(one, MismatchError)), known[0])
        same = [one for one in known if type(one) is type(first)]
        raise type(first)("\n".join(one.message for one in same), hint=first.hint)


def _fetched(job: Job, network: Network, package: Package, tally: Tally) -> Path:
    """A wheel in the store, from where the lock says."""
    with kept.place(job.layout, package, job.on_progress) as place:
        # Another process may have been first.
        path = kept.find(job.layout, package, job.target)
        if path is None:
            partial = place / kept.PARTIAL
            obtain(package, partial, network, tally)
            try:
                path = kept.admit(partial, place / kept.wheel_name(package), package.pin)
            finally:
                partial.unlink(missing_ok=True)
    tally.finish()
    return path
