"""Building one environment: in a private folder, checked, and only then under its name.

uv installs; this room says what, into which folder, and looks at every byte of the result. A build
that dies leaves a folder under `building/` whose lock nobody holds; the next build sweeps it away.
uv inherits that lock, so a uv that outlives its parent is not swept from under.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from holdfast.environment.check import Checked, Problem, check_installed, dist_infos
from holdfast.environment.inventory import Distribution, Inventory
from holdfast.environment.layout import Layout, explained, write_whole
from holdfast.environment.lease import acquire, alone_if_free
from holdfast.environment.ledger import Ledger, recall, remember
from holdfast.environment.plan import Package, Plan
from holdfast.environment.spec import Spec
from holdfast.environment.tree import Tree, scan
from holdfast.environment.wheels import admit_wheel
from holdfast.errors import MismatchError, ToolError
from holdfast.uv import run_uv

Progress = Callable[[str], None]

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class _Room:
    """A build's private folder, and the descriptor that holds its lock."""

    folder: Path
    lock: int

    @property
    def environment(self) -> Path:
        return self.folder / "environment"


def build(layout: Layout, plan: Plan, spec: Spec, *, offline: bool, on_progress: Progress) -> None:
    """Build what the plan says and give it its name in the store.

    Args:
        layout: The store; the caller holds the key's build lock.
        plan: What to build.
        spec: Where to fetch it.
        offline: Use only what uv and the store have already.
        on_progress: Told what is going on, a line at a time.

    Raises:
        MismatchError: What was fetched or installed is not what was locked.
        StoreError: The disk is full, or the store cannot be written.
        ToolError: uv, the network or an index failed.
    """
    sweep(layout)
    with explained("the environment cannot be built"), _room(layout, plan.key) as room:
        on_progress(
            f"building an environment of {len(plan.packages)} packages "
            f"on Python {plan.interpreter.version}"
        )
        checked = _install_checked(layout, room, plan, spec, offline, on_progress)
        _finish(layout, room, plan, checked)


@contextmanager
def _room(layout: Layout, key: str) -> Iterator[_Room]:
    name = f"{key}.{os.getpid()}.{os.urandom(4).hex()}"
    lock = layout.building / f"{name}.lock"
    descriptor = acquire(lock)
    assert descriptor is not None  # noqa: S101  # nobody else knows the name
    folder = layout.building / name
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


def _install_checked(
    layout: Layout, room: _Room, plan: Plan, spec: Spec, offline: bool, on_progress: Progress
) -> Checked:
    """Install; where uv's cache was spoilt, install once more from fresh downloads."""
    _write_lock(layout, room, plan, spec)
    checked = _install(layout, room, plan, spec, offline, ())
    if not checked.problems:
        return checked
    spoilt = _packages_of(checked.problems, plan, checked)
    on_progress(
        f"{len(checked.problems)} installed files are not as their wheels have them: uv's cache "
        f"was changed; fetching {len(spoilt)} packages again"
    )
    shutil.rmtree(room.environment)
    try:
        again = _install(layout, room, plan, spec, offline, spoilt)
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


def _packages_of(problems: Iterable[Problem], plan: Plan, checked: Checked) -> tuple[str, ...]:
    """The packages to fetch again: those the problems name; all where a problem names none."""
    names = {one.chosen.name for one in plan.packages}
    found = set()
    for problem in problems:
        if not problem.owners:
            return tuple(sorted(names))
        for owner in problem.owners:
            found.add(owner.removesuffix(".dist-info").rpartition("-")[0])
    from packaging.utils import canonicalize_name

    return tuple(sorted({str(canonicalize_name(name)) for name in found} & names))


def _install(
    layout: Layout,
    room: _Room,
    plan: Plan,
    spec: Spec,
    offline: bool,
    refetch: tuple[str, ...],
) -> Checked:
    asked_ns = room.folder.stat().st_ctime_ns
    with ThreadPoolExecutor(1) as aside:
        recalling = aside.submit(recall, layout, plan.packages, asked_ns)
        _make_empty(room, plan)
        own = scan(str(room.environment))
        ledger = recalling.result() if not refetch else Ledger({}, asked_ns)
    _sync(room, plan, spec, offline, refetch)
    (room.environment / ".lock").unlink(missing_ok=True)
    own.files.pop(".lock", None)
    return check_installed(
        room.environment, _site_packages(room.environment), own, plan.packages, ledger
    )


def _uv(room: _Room, arguments: list[str]) -> None:
    # A link into the cache would be no environment of its own.
    linked = os.environ.get("UV_LINK_MODE") == "symlink"
    run_uv(
        arguments,
        cwd=room.folder,
        env={"UV_LINK_MODE": "hardlink"} if linked else None,
        pass_fds=(room.lock,),
    )


def _make_empty(room: _Room, plan: Plan) -> None:
    _uv(room, ["venv", "--quiet", "--no-config", "--no-project", "--relocatable", "--python",
               str(plan.interpreter.path), room.environment.name])  # fmt: skip


def _sync(room: _Room, plan: Plan, spec: Spec, offline: bool, refetch: tuple[str, ...]) -> None:
    arguments = ["pip", "sync", "--quiet", "--no-config", "--preview-features", "pylock",
                 "--allow-empty-requirements",
                 "--python", str(room.environment / "bin" / "python")]  # fmt: skip
    if all(package.chosen.kind != "vcs" for package in plan.packages):
        arguments.append("--require-hashes")
    for name, url in spec.indexes:
        arguments += ["--index", f"{name}={url}" if name else url]
    for package in refetch:
        arguments += ["--refresh-package", package]
    if offline:
        arguments.append("--offline")
    _uv(room, [*arguments, "pylock.toml"])


def _write_lock(layout: Layout, room: _Room, plan: Plan, spec: Spec) -> None:
    """The lock that uv gets: only what was selected, and every first-party file from our copy."""
    document = {
        "lock-version": "1.0",
        "created-by": "holdfast",
        "packages": [_table(layout, spec, package) for package in plan.packages],
    }
    (room.folder / "pylock.toml").write_text(tomli_w.dumps(document), encoding="utf-8")


def _table(layout: Layout, spec: Spec, package: Package) -> Mapping[str, Any]:
    if not package.path:
        return package.table
    kept = str(admit_wheel(layout, spec.folder, package))
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


def _finish(layout: Layout, room: _Room, plan: Plan, checked: Checked) -> None:
    """Write the inventory, then give the environment its name: in that order, so that an
    environment with a name has an inventory."""
    site_packages = _site_packages(room.environment)
    inventory = _inventory(plan, checked, site_packages)
    write_whole(layout.inventory(plan.key), inventory.to_json(), durable=True)
    layout.pycache(plan.key).mkdir(mode=0o700, exist_ok=True)
    # Used now: prune leaves it alone for a while.
    layout.lease_lock(plan.key).touch(mode=0o600)
    final = layout.environment(plan.key)
    room.environment.rename(final)
    by_name = {one.name: one for one in inventory.distributions}
    stats = checked.tree.files
    for package in plan.packages:
        files = by_name[package.chosen.name].files
        rows = ((path, stats[path], digest) for path, _, digest in files)
        remember(layout, package, str(final), rows)


def _inventory(plan: Plan, checked: Checked, site_packages: str) -> Inventory:
    by_owner: dict[str, list[tuple[str, int, str]]] = {}
    own = []
    for path, found in checked.tree.files.items():
        row = (path, found.st_size, checked.digests[path])
        claimed = checked.claims.files.get(path)
        if claimed:
            for claim in claimed:
                by_owner.setdefault(claim.owner, []).append(row)
        else:
            own.append(row)
    return Inventory(
        key=plan.key,
        created=time.time(),
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
    plan: Plan, tree: Tree, site_packages: str, by_owner: Mapping[str, list[tuple[str, int, str]]]
) -> tuple[Distribution, ...]:
    from packaging.utils import canonicalize_name

    folders = {
        str(canonicalize_name(folder.removesuffix(".dist-info").rpartition("-")[0])): folder
        for folder in dist_infos(tree, site_packages)
    }
    return tuple(
        Distribution(
            name=package.chosen.name,
            version=folders[package.chosen.name].removesuffix(".dist-info").rpartition("-")[2],
            kind=package.chosen.kind,
            filename=package.chosen.filename,
            pin=package.pin,
            files=tuple(by_owner.get(folders[package.chosen.name], ())),
        )
        for package in plan.packages
    )
