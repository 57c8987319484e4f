"""Building one environment: in a private folder, checked, and only then under its name.

uv installs; this room says what, into which folder, and looks at every byte of the result. A build
that dies leaves a folder under `building/` whose lock nobody holds; the next build sweeps it away.
uv inherits that lock, so a uv that outlives its parent is not swept from under.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from holdfast.environment.check import Checked, Problem, check_installed, dist_infos
from holdfast.environment.inventory import Distribution, Inventory, Row
from holdfast.environment.layout import Layout, explained, write_whole
from holdfast.environment.lease import acquire, alone_if_free
from holdfast.environment.ledger import Ledger, recall, remember
from holdfast.environment.plan import Package, Plan
from holdfast.environment.spec import Spec
from holdfast.environment.tree import Tree, scan
from holdfast.environment.wheels import admit_wheel
from holdfast.errors import MismatchError, ToolError
from holdfast.lock.text import write_lock
from holdfast.progress import Progress
from holdfast.uv import run_uv

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to build, and how.

    Attributes:
        layout: The store.
        plan: The packages and the Python.
        spec: Where their files are.
        offline: Use only what uv and the store have already.
        on_progress: Told what is going on, a line at a time.
    """

    layout: Layout
    plan: Plan
    spec: Spec
    offline: bool
    on_progress: Progress


@dataclass(frozen=True, slots=True)
class _Room:
    """A build's private folder, and the descriptor that holds its lock."""

    folder: Path
    lock: int

    @property
    def environment(self) -> Path:
        return self.folder / "environment"


def build(job: Job) -> None:
    """Build what a job says and give it its name in the store; the caller holds the key's lock.

    Raises:
        LockError: A first-party file is not where the lock says.
        MismatchError: What was fetched or installed is not what was locked.
        StoreError: The disk is full, or the store cannot be written.
        ToolError: uv, the network or an index failed.
    """
    sweep(job.layout)
    with explained("the environment cannot be built"), _room(job) as room:
        job.on_progress(
            f"building an environment of {len(job.plan.packages)} packages "
            f"on Python {job.plan.interpreter.version}"
        )
        built = [one.chosen.name for one in job.plan.packages if one.chosen.kind != "wheel"]
        if built:
            job.on_progress(f"building from source: {', '.join(built)}")
        _write_lock(job, room)
        _finish(job, room, _install_checked(job, room))


@contextmanager
def _room(job: Job) -> Iterator[_Room]:
    name = f"{job.plan.key}.{os.getpid()}.{os.urandom(4).hex()}"
    folder = job.layout.building / name
    lock = folder.with_name(f"{name}.lock")
    descriptor = acquire(lock)
    assert descriptor is not None  # noqa: S101  # nobody else knows the name
    try:
        folder.mkdir(mode=0o700)
        yield _Room(folder, descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(layout: Layout) -> list[str]:
    """Remove what dead builders left; their names. A living builder holds its lock."""
    swept = []
    for lock in layout.building.glob("*.lock"):
        folder = lock.with_suffix("")
        with alone_if_free(lock) as free:
            if free:
                shutil.rmtree(folder, ignore_errors=True)
                if not folder.exists():
                    lock.unlink(missing_ok=True)
                    swept.append(folder.name)
    return swept


def _install_checked(job: Job, room: _Room) -> Checked:
    """Install; where uv's cache was spoilt, install once more from fresh downloads."""
    checked = _install(job, room)
    if not checked.problems:
        return checked
    spoilt = _packages_of(checked.problems, job.plan)
    job.on_progress(
        f"{len(checked.problems)} installed files are not as their wheels have them: uv's cache "
        f"was changed; fetching {len(spoilt)} packages again"
    )
    shutil.rmtree(room.environment)
    try:
        again = _install(job, room, spoilt)
    except ToolError as error:
        raise _mismatch(checked.problems) from error
    if again.problems:
        raise _mismatch(again.problems)
    return again


def _mismatch(problems: Iterable[Problem]) -> MismatchError:
    lines = [str(problem) for problem in problems]
    if len(lines) > _MOST_PROBLEMS:
        lines[_MOST_PROBLEMS:] = [f"and {len(lines) - _MOST_PROBLEMS} more"]
    return MismatchError(
        "\n".join(["what uv installed is not what was locked:", *lines]),
        hint="`uv cache clean` and restore again with a network; if it stays, the index is wrong",
    )


def _packages_of(problems: Iterable[Problem], plan: Plan) -> tuple[str, ...]:
    """The packages to fetch again: those the problems name; all where a problem names none."""
    names = {one.chosen.name for one in plan.packages}
    found = set()
    for problem in problems:
        if not problem.owners:
            return tuple(sorted(names))
        found |= {_name_and_version(owner)[0] for owner in problem.owners}
    return tuple(sorted(found & names))


def _install(job: Job, room: _Room, refetch: tuple[str, ...] = ()) -> Checked:
    asked_ns = room.folder.stat().st_ctime_ns
    with ThreadPoolExecutor(1) as aside:
        recalling = aside.submit(recall, job.layout, job.plan.packages, asked_ns)
        _make_empty(job, room)
        own = scan(str(room.environment))
        ledger = Ledger({}, asked_ns) if refetch else recalling.result()
    _sync(job, room, refetch)
    # uv's own lock on the environment, which anybody may write to.
    (room.environment / ".lock").unlink(missing_ok=True)
    own.files.pop(".lock", None)
    site_packages = _site_packages(room.environment)
    return check_installed(room.environment, site_packages, own, job.plan.packages, ledger)


def _make_empty(job: Job, room: _Room) -> None:
    python = str(job.plan.interpreter.path)
    _uv(room, "venv", "--no-project", "--relocatable", "--python", python, room.environment.name)


def _sync(job: Job, room: _Room, refetch: tuple[str, ...]) -> None:
    options = ["--python", str(room.environment / "bin" / "python"), "--preview-features", "pylock"]
    options.append("--allow-empty-requirements")
    # A repository has no hash; its commit is what pins it, and plan.py lets nothing else through.
    if all(package.chosen.kind != "vcs" for package in job.plan.packages):
        options.append("--require-hashes")
    for name, url in job.spec.indexes:
        options += ["--index", f"{name}={url}" if name else url]
    for package in refetch:
        options += ["--refresh-package", package]
    if job.offline:
        options.append("--offline")
    _uv(room, "pip", "sync", *options, "pylock.toml")


def _uv(room: _Room, *arguments: str) -> None:
    # A link into the cache would be no environment of its own.
    linked = os.environ.get("UV_LINK_MODE") == "symlink"
    run_uv(
        [*arguments, "--quiet", "--no-config"],
        cwd=room.folder,
        env={"UV_LINK_MODE": "hardlink"} if linked else None,
        pass_fds=(room.lock,),
    )


def _write_lock(job: Job, room: _Room) -> None:
    """The lock that uv gets: only what was selected, and every first-party file from our copy."""
    document = {
        "lock-version": "1.0",
        "created-by": "holdfast",
        "packages": [_table(job, package) for package in job.plan.packages],
    }
    (room.folder / "pylock.toml").write_text(write_lock(document), encoding="utf-8")


def _table(job: Job, package: Package) -> Mapping[str, Any]:
    if not package.path:
        return package.table
    kept = str(admit_wheel(job.layout, job.spec.folder, package))
    table = dict(package.table)
    if "wheels" in table:
        table["wheels"] = [{**table["wheels"][0], "path": kept}]
    else:
        table[package.chosen.kind] = {**table[package.chosen.kind], "path": kept}
    return table


def _site_packages(environment: Path) -> str:
    """Relative to the environment; its name holds the version and, at times, a letter more."""
    found = sorted(environment.glob("lib/*/site-packages"))
    if len(found) != 1:
        raise ToolError(f"uv made an environment with {len(found)} site-packages folders")
    return found[0].relative_to(environment).as_posix()


def _finish(job: Job, room: _Room, checked: Checked) -> None:
    """Give the environment its name; its inventory is there first, so a name always has one."""
    layout, key = job.layout, job.plan.key
    inventory = _inventory(job.plan, checked, _site_packages(room.environment))
    write_whole(layout.inventory(key), inventory.to_json(), durable=True)
    layout.pycache(key).mkdir(mode=0o700, exist_ok=True)
    # Used now: prune leaves it alone for a while.
    layout.lease_lock(key).touch(mode=0o600)
    room.environment.rename(layout.environment(key))
    remember(layout, job.plan.packages, key)


def _inventory(plan: Plan, checked: Checked, site_packages: str) -> Inventory:
    by_owner: dict[str, list[Row]] = {}
    own = []
    for path, found in checked.tree.files.items():
        row = (path, found.st_size, found.st_mtime_ns, checked.digests[path])
        for claim in checked.claims.files.get(path, ()):
            by_owner.setdefault(claim.owner, []).append(row)
        if path not in checked.claims.files:
            own.append(row)
    return Inventory(
        key=plan.key,
        created=time.time(),
        checked_ns=max(found.st_ctime_ns for found in checked.tree.files.values()),
        interpreter=_identity(plan),
        site_packages=site_packages,
        distributions=_distributions(plan, checked.tree, site_packages, by_owner),
        own=tuple(own),
        links=checked.tree.links,
    )


def _identity(plan: Plan) -> dict[str, Any]:
    found = plan.interpreter.path.stat()
    return {
        "path": str(plan.interpreter.path),
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "facts": dict(plan.interpreter.facts),
    }


def _distributions(
    plan: Plan, tree: Tree, site_packages: str, by_owner: Mapping[str, list[Row]]
) -> tuple[Distribution, ...]:
    owners = {_name_and_version(one)[0]: one for one in dist_infos(tree, site_packages)}
    return tuple(
        Distribution(
            name=package.chosen.name,
            version=_name_and_version(owners[package.chosen.name])[1],
            kind=package.chosen.kind,
            filename=package.chosen.filename,
            pin=package.pin,
            files=tuple(by_owner.get(owners[package.chosen.name], ())),
        )
        for package in plan.packages
    )


def _name_and_version(dist_info: str) -> tuple[str, str]:
    name, _, version = dist_info.removesuffix(".dist-info").rpartition("-")
    return str(canonicalize_name(name)), version
