"""Vendoring: wheels of dependencies that a URL names go along with the model, if the user says so.

A repository or an archive may be gone when the model is restored. Asked for by `vendor = ["git"]`
or `["url"]`, its wheel is built, or taken, at log time, and is sealed as first-party code is. One
that cannot be had stays a URL in the lock; the grade falls, and the reason is said.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_version

from holdfast.capture.kept import keep
from holdfast.capture.surroundings import declared_variables
from holdfast.capture.wheels import BuiltWheel, build_wheels, describe_wheel
from holdfast.errors import HoldfastError, MismatchError, ToolError
from holdfast.home import home
from holdfast.lock.closure import Closure, ClosurePackage
from holdfast.lock.graph import LockedPackage
from holdfast.lock.source import Source
from holdfast.project.credentials import with_credentials
from holdfast.project.discover import Project
from holdfast.project.git import check_out
from holdfast.project.installed import Installed
from holdfast.redact import redact, redact_said
from holdfast.seal.digest import digest_file

_KEPT = "vendored"
_CHUNK = 1 << 20
_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A dependency that a URL names.

    Attributes:
        kind: "git" or "url".
        url: Without credentials.
        fixed: What fixes its contents: the commit, or the archive's sha256.
        subdirectory: Where in it the package is, or "".
        version: That which was locked or installed, or "" where only a build says it.
    """

    kind: str
    url: str
    fixed: str
    subdirectory: str
    version: str


def with_vendored(
    closure: Closure,
    selected: Mapping[str, LockedPackage],
    kinds: tuple[str, ...],
    project: Project,
    env: Mapping[str, str],
) -> tuple[Closure, tuple[str, ...]]:
    """`closure` with wheels on this disk in the place of URLs, and why some of them stay URLs.

    Args:
        closure: What is wanted.
        selected: What of it is wanted here; a wheel for other machines cannot be built.
        kinds: What to vendor: "git", "url".
        project: Whose `pyproject.toml` may have the credentials of a URL.
        env: Variables that uv gets over the caller's.
    """
    remotes = {
        name: _of_lock(package)
        for name, package in selected.items()
        if package.source.kind in kinds
    }
    wheels, reasons = vendor(remotes, project, env)

    def on_disk(one: ClosurePackage) -> ClosurePackage:
        wheel = wheels.get(one.package.name)
        if wheel is None or selected[one.package.name] != one.package:
            return one
        source = Source(kind="path", location=str(wheel.path))
        return replace(one, package=replace(one.package, source=source))

    return replace(closure, packages=tuple(map(on_disk, closure.packages))), reasons


def vendor_installed(
    installed: Mapping[str, Installed], kinds: tuple[str, ...], project: Project | None
) -> tuple[dict[str, BuiltWheel], tuple[str, ...]]:
    """The wheels of what is installed from a URL (PEP 610), and why some cannot be had."""
    found = {name: _of_installed(one) for name, one in installed.items()}
    wanted = {name: one for name, one in found.items() if one and one.kind in kinds}
    return vendor(wanted, project, {})


def vendor(
    remotes: Mapping[str, Remote], project: Project | None, env: Mapping[str, str]
) -> tuple[dict[str, BuiltWheel], tuple[str, ...]]:
    """The wheels of `remotes`, kept from one log to the next, and why some cannot be had."""
    wheels: dict[str, BuiltWheel] = {}
    reasons = []
    env = {**env, **declared_variables(project)}
    for name, remote in sorted(remotes.items()):
        try:
            wheels[name] = _kept(remote) or _vendored(name, remote, project, env)
        except HoldfastError as error:  # noqa: PERF203 - one that fails stops none of the others
            reasons.append(f"{name} could not be vendored: {error.message}")
    return wheels, tuple(reasons)


def _of_lock(package: LockedPackage) -> Remote:
    source = package.source
    (file,) = package.wheels[:1] or (package.sdist,)
    return Remote(
        kind=source.kind,
        url=redact(source.location),
        fixed=source.commit or (file.digest if file else None) or "",
        subdirectory=source.subdirectory or "",
        version=package.version or "",
    )


def _of_installed(one: Installed) -> Remote | None:
    about: Mapping[str, Any] = one.direct_url
    if "vcs_info" in about and about["vcs_info"].get("vcs") == "git":
        kind, fixed = "git", about["vcs_info"]["commit_id"]
    elif "archive_info" in about and not str(about["url"]).startswith("file:"):
        kind, fixed = "url", about["archive_info"].get("hashes", {}).get("sha256", "")
    else:
        return None
    return Remote(
        kind=kind,
        url=redact(str(about["url"])),
        fixed=str(fixed),
        subdirectory=str(about.get("subdirectory") or ""),
        version=one.version,
    )


def _folder(remote: Remote) -> Path:
    about = (sys.version, remote.kind, remote.url, remote.fixed, remote.subdirectory)
    return home() / _KEPT / hashlib.sha256(repr(about).encode()).hexdigest()


def _kept(remote: Remote) -> BuiltWheel | None:
    found = list(_folder(remote).glob("*.whl"))
    return describe_wheel(found[0]) if found and remote.fixed else None


def _vendored(
    name: str, remote: Remote, project: Project | None, env: Mapping[str, str]
) -> BuiltWheel:
    secret_url = with_credentials(project, remote.url)
    # Below our own folder: uv looks for settings upwards, and in a shared one finds a stranger's.
    with tempfile.TemporaryDirectory(dir=home(), prefix=".vendor-") as scratch:
        if remote.kind == "git":
            source = _checked_out(remote, Path(scratch), secret_url)
        else:
            source = _downloaded(name, remote, Path(scratch), secret_url)
        wheel = source
        if source.suffix != ".whl":
            wheel = build_wheels({name: source}, env=env)[name].path
        _check(describe_wheel(wheel), remote)
        kept = keep(_folder(remote), wheel.name, lambda target: shutil.copyfile(wheel, target))
        return describe_wheel(kept)


def _check(wheel: BuiltWheel, remote: Remote) -> None:
    """A repository whose version is made of its surroundings may give another one here."""
    wanted = remote.version
    if wanted and canonicalize_version(wheel.version) != canonicalize_version(wanted):
        raise MismatchError(f"it gives version {wheel.version}; expected {wanted}")


def _checked_out(remote: Remote, scratch: Path, secret_url: str) -> Path:
    check_out(remote.url, remote.fixed, scratch / "repository", secret_url=secret_url)
    folder = (scratch / "repository" / remote.subdirectory).resolve()
    if not folder.is_relative_to(scratch.resolve()):
        raise MismatchError(f"its subdirectory {remote.subdirectory!r} is not in the repository")
    return folder


def _downloaded(name: str, remote: Remote, scratch: Path, secret_url: str) -> Path:
    """The archive itself: its bytes are those that were locked."""
    import requests

    if remote.subdirectory or not remote.fixed:
        raise ToolError(f"the archive of {name} has no hash, or more than one project in it")
    target = scratch / Path(remote.url.partition("#")[0].partition("?")[0]).name
    try:
        with requests.get(secret_url, stream=True, timeout=_SECONDS) as answer:
            answer.raise_for_status()
            with target.open("xb") as file:
                file.writelines(answer.iter_content(_CHUNK))
    except requests.RequestException as error:
        said = redact_said(str(error), os.environ)
        raise ToolError(f"{remote.url} cannot be fetched: {said}") from None
    found = digest_file(target).sha256
    if found != remote.fixed:
        raise MismatchError(f"{remote.url} has sha256 {found}; expected {remote.fixed}")
    return target
