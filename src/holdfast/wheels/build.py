"""Wheels of what has none: an sdist, an archive or a repository, built by uv for this machine.

A build runs somebody's code, as it does when the environment is restored. It cannot be done for
another platform, and what comes out is named by nothing in the lock: it is kept, so that it is the
same wheel tomorrow.
"""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.environment.plan import Package
from holdfast.environment.python import choose_python
from holdfast.environment.wheels import admit_wheel
from holdfast.errors import LockError
from holdfast.home import home
from holdfast.lock.target import Target
from holdfast.seal.digest import digest_file
from holdfast.wheels import kept
from holdfast.wheels.job import Job

if TYPE_CHECKING:
    from holdfast.wheels.network import Network


def refuse_foreign(packages: list[Package], target: Target) -> None:
    """Refuse to build for a machine that is not this one.

    Raises:
        LockError: `target` is another one; every package that has no wheel for it is named.
    """
    machine = target.markers.get("platform_machine", "")
    native = (platform.machine(), sys.platform)
    if not packages or (machine, target.markers.get("sys_platform", "")) == native:
        return
    names = ", ".join(sorted(one.chosen.name for one in packages))
    raise LockError(
        f"these have no wheel for {machine} and would have to be built there: {names}",
        hint="make the image on such a machine, or have wheels of them in an index",
    )


def build_one(job: Job, network: Network, package: Package) -> Path:
    """Build a package's wheel, unless another process was first; its path in the store.

    Raises:
        LockError: What comes out is no wheel for the target.
        MismatchError: What it is built from is not what was locked, or what comes out is no wheel
            to trust.
        ToolError: The build failed, or there is no such Python here.
    """
    with (
        tempfile.TemporaryDirectory(dir=home(), prefix=".wheel-") as scratch,
        kept.place(job.layout, package, job.on_progress) as place,
    ):
        path = kept.find(job.layout, package, job.target)
        if path is not None:
            return path
        job.on_progress(f"building {package.chosen.name} from source: it has no wheel")
        wheel = _built(job, package, _source(job, network, package, Path(scratch)))
        kept.check_name(wheel.name, package, job.target)
        partial = place / kept.PARTIAL
        try:
            shutil.copyfile(wheel, partial)
            return kept.admit(partial, place / wheel.name, digest_file(partial).sha256)
        finally:
            partial.unlink(missing_ok=True)


def _built(job: Job, package: Package, source: Path) -> Path:
    """A wheel of `source`, a folder or an sdist whose bytes are the locked ones."""
    from holdfast.capture.wheels import Python, build_wheels

    interpreter = choose_python(
        job.target.version,
        job.target.implementation,
        offline=job.offline,
        remembered=job.layout.pythons,
        on_progress=job.on_progress,
    )
    there = interpreter.target()
    python = Python(
        program=str(interpreter.path),
        build=str(interpreter.facts["build"]),
        markers=there.markers,
        tags=there.tags,
    )
    env = {"UV_INDEX": " ".join(f"{name}={url}" if name else url for name, url in job.indexes)}
    env |= {"UV_NO_CONFIG": "1"} | ({"UV_OFFLINE": "1"} if job.offline else {})
    name = package.chosen.name
    return build_wheels({name: source}, python, env)[name].path


def _source(job: Job, network: Network, package: Package, scratch: Path) -> Path:
    """What to build: an sdist whose bytes are the locked ones, or a folder of a commit."""
    from holdfast.wheels.obtain import obtain
    from holdfast.wheels.tally import Tally

    if package.chosen.kind == "vcs":
        return _checked_out(package, scratch)
    if package.table.get(package.chosen.kind, {}).get("subdirectory"):
        raise LockError(f"{package.chosen.name}: a part of an archive cannot be built")
    if package.path:
        return admit_wheel(job.layout, job.folder, package)
    archive = scratch / kept.wheel_name(package)
    obtain(package, archive, network, Tally(1))
    return archive


def _checked_out(package: Package, scratch: Path) -> Path:
    """The folder of a package that a repository's commit names."""
    from holdfast.project.git import check_out

    vcs = package.table["vcs"]
    if vcs.get("type") != "git" or "url" not in vcs:
        raise LockError(f"{package.chosen.name} comes from a repository that is not git's by URL")
    repository = scratch / "repository"
    check_out(str(vcs["url"]), package.chosen.filename, repository)
    folder = (repository / str(vcs.get("subdirectory") or "")).resolve()
    if not folder.is_relative_to(repository.resolve()):
        raise LockError(f"{package.chosen.name}: its subdirectory is not in the repository")
    return folder
