"""Wheels of what has none: an sdist, an archive or a repository, built by uv for this machine.

A build runs somebody's code, as it does when the environment is restored. It cannot be done for
another platform, and what comes out is named by nothing in the lock: it is kept, so that it is the
same wheel tomorrow.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

from holdfast.environment.layout import Layout
from holdfast.environment.plan import Package
from holdfast.environment.python import choose_python
from holdfast.errors import LockError, ToolError
from holdfast.lock.target import Target
from holdfast.progress import Progress


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


def build_wheel(
    package: Package,
    source: Path,
    layout: Layout,
    target: Target,
    *,
    indexes: tuple[tuple[str, str], ...],
    offline: bool,
    on_progress: Progress,
) -> Path:
    """Build a wheel of `source`, a folder or an sdist whose bytes are the locked ones.

    Returns:
        The wheel, somewhere in Holdfast's folder.

    Raises:
        ToolError: The build failed, or there is no such Python here.
    """
    from holdfast.capture.wheels import Python, build_wheels

    on_progress(f"building {package.chosen.name} from source: it has no wheel")
    interpreter = choose_python(
        target.version,
        target.implementation,
        offline=offline,
        remembered=layout.pythons,
        on_progress=on_progress,
    )
    there = interpreter.target()
    python = Python(
        program=str(interpreter.path),
        build=str(interpreter.facts.get("build", interpreter.version)),
        markers=there.markers,
        tags=there.tags,
    )
    env = {"UV_INDEX": " ".join(f"{name}={url}" if name else url for name, url in indexes)}
    env |= {"UV_NO_CONFIG": "1"} | ({"UV_OFFLINE": "1"} if offline else {})
    name = package.chosen.name
    return build_wheels({name: source}, python, env)[name].path


def check_out_source(package: Package, scratch: Path, *, offline: bool) -> Path:
    """The folder of a package that a repository's commit names.

    Raises:
        LockError: It leaves the repository.
        ToolError: The commit cannot be had.
    """
    from holdfast.project.git import check_out

    vcs = package.table["vcs"]
    if vcs.get("type") != "git" or "url" not in vcs:
        raise LockError(f"{package.chosen.name} comes from a repository that is not git's by URL")
    if offline:
        raise ToolError(
            f"{package.chosen.name} comes from a repository, and `--offline` fetches nothing",
            hint="leave out `--offline` once; its wheel is then kept",
        )
    repository = Path(tempfile.mkdtemp(dir=scratch)) / "repository"
    check_out(str(vcs["url"]), package.chosen.filename, repository)
    folder = (repository / str(vcs.get("subdirectory") or "")).resolve()
    if not folder.is_relative_to(repository.resolve()):
        raise LockError(f"{package.chosen.name}: its subdirectory is not in the repository")
    return folder
