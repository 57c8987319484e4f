"""Every wheel of a plan, on disk: kept ones as they are, the others fetched at once, or built."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from holdfast.environment.layout import Layout, explained, open_layout
from holdfast.environment.plan import Package
from holdfast.environment.wheels import admit_wheel, copy_hashed
from holdfast.errors import HoldfastError, LockError, MismatchError, ToolError
from holdfast.home import home
from holdfast.lock.target import Target
from holdfast.progress import Progress, silent
from holdfast.wheels import kept
from holdfast.wheels.build import build_wheel, check_out_source, refuse_foreign
from holdfast.wheels.tally import Tally

if TYPE_CHECKING:
    from holdfast.wheels.network import Network

_SAY_SECONDS = 1.0
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What `fetch` was asked for."""

    layout: Layout
    folder: Path
    indexes: tuple[tuple[str, str], ...]
    target: Target
    offline: bool
    on_progress: Progress


def fetch(
    packages: Sequence[Package],
    *,
    folder: Path,
    indexes: tuple[tuple[str, str], ...],
    target: Target,
    offline: bool = False,
    on_progress: Progress = silent,
) -> dict[str, Path]:
    """Have a wheel of each of `packages` in the wheel store.

    A wheel's sha256 is compared with the lock's before it is opened, and it is read strictly before
    it is given out (`environment.archive`). What has no wheel is built, for this machine only.

    Args:
        packages: What `environment.plan.choose` gave for `target`.
        folder: What paths in the lock start from: the model's folder.
        indexes: (name, URL) of the lock's indexes, for `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`.
        target: The Python they are for; it need not be one of this machine.
        offline: Fetch nothing.
        on_progress: Told what takes time, a line at a time.

    Returns:
        Name of a package, to its wheel in the store; sorted by name.

    Raises:
        LockError: A first-party file is not where the lock says; or a package has no wheel for
            `target`, which is another platform than this one.
        MismatchError: A file is not the locked one, or is no wheel to trust.
        StoreError: The store cannot be written, or the disk is full.
        ToolError: The network or an index failed, or the extra `image` is not installed.
    """
    layout = open_layout(None)
    job = _Job(
        layout=layout,
        folder=folder,
        indexes=indexes,
        target=target,
        offline=offline,
        on_progress=on_progress,
    )
    found: dict[str, Path] = {}
    missing = []
    for package in packages:
        if kept.is_wheel(package):
            kept.check_name(kept.wheel_name(package), package, target)
        if kept.is_wheel(package) and package.path:
            found[package.chosen.name] = admit_wheel(layout, folder, package)
        elif path := kept.find(layout, package, target):
            found[package.chosen.name] = path
        else:
            missing.append(package)
    if missing:
        refuse_foreign([one for one in missing if not kept.is_wheel(one)], target)
        with explained("the wheel store cannot be written"):
            found |= _fetch_missing(job, missing)
    return dict(sorted(found.items()))


def _fetch_missing(job: _Job, missing: Sequence[Package]) -> dict[str, Path]:
    remote = [one for one in missing if one.chosen.kind != "vcs" and not one.path]
    if job.offline and remote:
        names = ", ".join(one.chosen.name for one in remote)
        raise ToolError(
            f"not in the wheel store, and `--offline` fetches nothing: {names}",
            hint="leave out `--offline` once; what is fetched is kept",
        )
    ready = [one for one in missing if kept.is_wheel(one)]
    with _network(job.indexes, needed=bool(remote)) as network:
        found = _at_once(job, network, ready)
        # One after another: a build uses all cores as it is.
        tally = Tally(0)
        for package in (one for one in missing if not kept.is_wheel(one)):
            found[package.chosen.name] = _built(job, network, package, tally)
    return found


@contextmanager
def _network(indexes: tuple[tuple[str, str], ...], *, needed: bool) -> Iterator[Network | None]:
    if not needed:
        yield None
        return
    try:
        from holdfast.wheels.network import Network
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "holdfast":
            raise
        raise ToolError(
            f"making images needs a package that is not here: {error.name}",
            hint="uv tool install 'holdfast[image]', or uv add 'holdfast[image]'",
        ) from error
    network = Network(indexes)
    try:
        yield network
    finally:
        network.close()


def _at_once(job: _Job, network: Network | None, packages: Sequence[Package]) -> dict[str, Path]:
    """Fetch and check wheels in threads; the first failure stops all."""
    if not packages or network is None:
        return {}
    tally = Tally(len(packages))
    job.on_progress(f"fetching {len(packages)} wheels")
    pool = ThreadPoolExecutor(network.connections, thread_name_prefix="holdfast-wheels")
    tasks: dict[str, Future[Path]] = {}
    try:
        for package in packages:
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
    bugs = [one for one in failures if not isinstance(one, HoldfastError) and not _is_stop(one)]
    if bugs:
        raise bugs[0]
    if known:
        first = next((one for one in known if isinstance(one, MismatchError)), known[0])
        same = [one for one in known if type(one) is type(first)]
        raise type(first)("\n".join(one.message for one in same), hint=first.hint)


def _is_stop(error: BaseException) -> bool:
    from holdfast.wheels.download import Stopped

    return isinstance(error, Stopped)


def _fetched(job: _Job, network: Network, package: Package, tally: Tally) -> Path:
    """A wheel in the store, from where the lock says."""
    with kept.place(job.layout, package, job.on_progress) as place:
        # Another process may have been first.
        path = kept.find(job.layout, package, job.target)
        if path is None:
            partial = place / _PARTIAL
            _obtain(package, partial, network, tally)
            try:
                path = kept.admit(partial, place / kept.wheel_name(package))
            finally:
                partial.unlink(missing_ok=True)
    tally.finish()
    return path


def _obtain(package: Package, partial: Path, network: Network, tally: Tally) -> None:
    """The file of a package at `partial`, its sha256 the locked one."""
    from holdfast.wheels.download import Wanted, download

    chosen = package.chosen
    url = urlsplit(chosen.location)
    if url.scheme == "file":
        partial.unlink(missing_ok=True)
        found = copy_hashed(Path(unquote(url.path)), partial)
        if found != chosen.sha256:
            partial.unlink()
            raise MismatchError(
                f"{chosen.location} is not what was locked: sha256 {chosen.sha256} expected, "
                f"{found} found"
            )
    elif url.scheme in {"http", "https"}:
        wanted = Wanted(
            name=chosen.name,
            url=chosen.location,
            sha256=chosen.sha256 or "",
            size=_size(package),
        )
        download(wanted, partial, network, tally)
    else:
        raise LockError(f"{chosen.name}: {chosen.location!r} is no address to fetch a wheel from")


def _size(package: Package) -> int | None:
    entries = [*package.table.get("wheels", ()), package.table.get(package.chosen.kind) or {}]
    sizes = [entry["size"] for entry in entries if isinstance(entry.get("size"), int)]
    return sizes[0] if sizes else None


def _built(job: _Job, network: Network | None, package: Package, tally: Tally) -> Path:
    """A wheel of what has none."""
    with (
        tempfile.TemporaryDirectory(dir=home(), prefix=".wheel-") as scratch,
        kept.place(job.layout, package, job.on_progress) as place,
    ):
        path = kept.find(job.layout, package, job.target)
        if path is not None:
            return path
        source = _source(job, network, package, Path(scratch), tally)
        wheel = build_wheel(
            package,
            source,
            job.layout,
            job.target,
            indexes=job.indexes,
            offline=job.offline,
            on_progress=job.on_progress,
        )
        kept.check_name(wheel.name, package, job.target)
        partial = place / _PARTIAL
        try:
            shutil.copyfile(wheel, partial)
            return kept.admit(partial, place / wheel.name)
        finally:
            partial.unlink(missing_ok=True)


def _source(
    job: _Job, network: Network | None, package: Package, scratch: Path, tally: Tally
) -> Path:
    """What to build: an sdist whose bytes are the locked ones, or a folder of a commit."""
    if package.chosen.kind == "vcs":
        return check_out_source(package, scratch, offline=job.offline)
    if package.table.get(package.chosen.kind, {}).get("subdirectory"):
        raise LockError(f"{package.chosen.name}: a part of an archive cannot be built")
    if package.path:
        return admit_wheel(job.layout, job.folder, package)
    assert network is not None  # noqa: S101  # there is one where anything is remote
    archive = scratch / Path(kept.wheel_name(package)).name
    _obtain(package, archive, network, tally)
    return archive
