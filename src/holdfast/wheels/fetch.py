"""Every wheel of a plan, on disk: kept ones as they are, the others fetched at once, or built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from holdfast.environment.layout import explained, open_layout
from holdfast.environment.plan import Package
from holdfast.environment.wheels import admit_wheel
from holdfast.errors import ToolError
from holdfast.extras import needed
from holdfast.lock.target import Target
from holdfast.progress import Progress, silent
from holdfast.wheels import kept
from holdfast.wheels.build import refuse_foreign
from holdfast.wheels.job import Job


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
    job = Job(
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


def _fetch_missing(job: Job, missing: Sequence[Package]) -> dict[str, Path]:
    if job.offline and (remote := [one.chosen.name for one in missing if _is_remote(one)]):
        raise ToolError(
            f"not in the wheel store, and `--offline` fetches nothing: {', '.join(remote)}",
            hint="leave out `--offline` once; what is fetched is kept",
        )
    with needed("image", "making images"):
        from holdfast.wheels.at_once import fetch_at_once
        from holdfast.wheels.build import build_one
        from holdfast.wheels.network import networking
    with networking(job.indexes) as network:
        found = fetch_at_once(job, network, [one for one in missing if kept.is_wheel(one)])
        # One after another: a build uses all cores as it is.
        for package in missing:
            if not kept.is_wheel(package):
                found[package.chosen.name] = build_one(job, network, package)
    return found


def _is_remote(package: Package) -> bool:
    """Whether it takes a network; a folder may be an index, too."""
    if package.chosen.kind == "vcs":
        return True
    return not package.path and urlsplit(package.chosen.location).scheme != "file"
