"""pylock.toml (PEP 751), out and in: the lock as a seal keeps it.

Pure: makes and takes text, opens nothing. What is written is a plain dict, so that a training
environment whose `packaging` knows no pylock can write one; what is read is checked against the
specification by `packaging.pylock`, whose type it has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomli
from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from holdfast.errors import LockError, ToolError
from holdfast.lock.closure import Closure, ClosurePackage
from holdfast.lock.references import references
from holdfast.lock.source import DistributionFile
from holdfast.lock.text import write_lock
from holdfast.redact import redact

if TYPE_CHECKING:
    from packaging.pylock import Pylock

_LOCK_VERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPartyWheel:
    """The wheel that was built of a first-party package.

    Attributes:
        path: Relative to pylock.toml, with "/": "holdfast/wheels/x-1.0-py3-none-any.whl".
        sha256: Hex digest.
        version: What the build said, also where the project computes it.
    """

    filename: str
    path: str
    sha256: str
    version: str


def to_pylock(
    closure: Closure,
    *,
    wheels: Mapping[str, FirstPartyWheel],
    created_by: str = "holdfast",
    exclude: Collection[str] = (),
) -> dict[str, Any]:
    """The closure as PEP 751 has it: packages sorted by name, then version.

    A virtual package is not installed, so it is not written; its dependencies are. No URL carries
    credentials.

    Args:
        closure: What is wanted.
        wheels: The wheel of every package of `Closure.on_disk`, by name.
        created_by: The tool.
        exclude: Names left out, their dependencies not.

    Raises:
        LockError: A first-party package has no wheel, or a package has a file without a hash, which
            PEP 751 does not allow; all of them are named.
    """
    left_out = {canonicalize_name(name) for name in exclude}
    built: dict[str, FirstPartyWheel] = {
        canonicalize_name(name): wheel for name, wheel in wheels.items()
    }
    wanted = [
        one
        for one in closure.packages
        if one.package.source.kind != "virtual" and one.package.name not in left_out
    ]
    _check(wanted, built)
    entries = {one.place: _entry(one, built) for one in wanted}
    for place, dependencies in references(closure, entries).items():
        if dependencies:
            entries[place]["dependencies"] = dependencies
    lock: dict[str, Any] = {"lock-version": _LOCK_VERSION, "created-by": created_by}
    if closure.requires_python:
        lock["requires-python"] = closure.requires_python
    if closure.environments:
        lock["environments"] = list(closure.environments)
    return {**lock, "packages": list(entries.values())}


def dumps(pylock: Mapping[str, Any]) -> str:
    """The text of a pylock.toml: the same for the same lock, on any day.

    Args:
        pylock: What `to_pylock` makes, or `Pylock.to_dict()`, their keys and packages in any order.
    """
    packages = sorted(pylock["packages"], key=_by_name_and_version)
    return write_lock(_ordered({**pylock, "packages": packages}))


def loads(text: str) -> Pylock:
    """The lock in the text of a pylock.toml.

    Raises:
        LockError: It is not one; the message ends with the path to what is wrong.
        ToolError: The `packaging` at hand is too old to know pylock.toml.
    """
    try:
        table = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise LockError(f"pylock.toml is not TOML: {error}") from error
    return from_dict(table)


def from_dict(table: Mapping[str, Any]) -> Pylock:
    """The lock in what was read of a pylock.toml.

    Raises:
        LockError: It is not one; the message ends with the path to what is wrong.
        ToolError: The `packaging` at hand is too old to know pylock.toml.
    """
    check_packaging()
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    try:
        return Pylock.from_dict(table)
    except PylockUnsupportedVersionError as error:
        raise LockError(f"pylock.toml: {error}", hint="upgrade Holdfast") from error
    except PylockValidationError as error:
        raise LockError(f"pylock.toml: {error}") from error


def check_packaging() -> None:
    """Look whether a pylock.toml can be read here: MLflow before 3.2 holds `packaging` back.

    Raises:
        ToolError: The `packaging` at hand is too old to know pylock.toml.
    """
    try:
        from packaging.pylock import PylockSelectError  # noqa: F401 - since 26.1, as all we need
    except ImportError as error:
        raise ToolError(
            "reading pylock.toml takes packaging 26.1 or newer, which is not in this environment",
            hint="uv tool install holdfast",
        ) from error


def _check(wanted: Iterable[ClosurePackage], built: Mapping[str, FirstPartyWheel]) -> None:
    """Collect every package that cannot be written, and say so once."""
    problems = []
    for one in wanted:
        package = one.package
        if _built(one, built):
            continue
        if package.source.first_party:
            problems.append(f"{package.name}: no wheel was built of this first-party package")
        elif package.source.on_disk:
            problems.append(f"{package.name}: no wheel was taken from the index on this disk")
        elif package.source.kind != "git":
            files = [package.sdist, *package.wheels] if package.sdist else list(package.wheels)
            if not files:
                problems.append(f"{package.name}: expected an sdist or a wheel, found neither")
            hashless = (file.filename for file in files if not file.digest)
            problems += [f"{package.name}: the lock has no hash of {name}" for name in hashless]
    if problems:
        raise LockError("these packages cannot be locked exactly:\n" + "\n".join(problems))


def _built(one: ClosurePackage, built: Mapping[str, FirstPartyWheel]) -> FirstPartyWheel | None:
    """The wheel to write in place of what the lock says, which is only on this disk."""
    package = one.package
    wheel = built.get(package.name) if package.source.on_disk else None
    # An index may fork a name into versions; a project has its one version, whatever the lock says.
    if wheel and not package.source.first_party and wheel.version != package.version:
        return None
    return wheel


def _entry(one: ClosurePackage, built: Mapping[str, FirstPartyWheel]) -> dict[str, Any]:
    package = one.package
    wheel = _built(one, built)
    entry: dict[str, Any] = {"name": package.name}
    version = wheel.version if wheel else package.version
    if version is not None:
        entry["version"] = version
    if one.marker:
        entry["marker"] = one.marker
    entry.update(_from_wheel(wheel) if wheel else _BY_KIND[package.source.kind](one))
    return entry


def _from_wheel(wheel: FirstPartyWheel) -> dict[str, Any]:
    file: dict[str, Any] = {"path": wheel.path, "hashes": {"sha256": wheel.sha256}}
    if wheel.path.rpartition("/")[2] != wheel.filename:
        file["name"] = wheel.filename
    return {"wheels": [file]}


def _from_index(one: ClosurePackage) -> dict[str, Any]:
    package = one.package
    entry: dict[str, Any] = {"index": redact(package.source.location)}
    if package.sdist is not None:
        if _has_sdist_name(package.sdist, package.name):
            entry["sdist"] = _file(package.sdist)
        elif not package.wheels:
            # Before PEP 625 an sdist could have any name; an archive still can.
            return {"archive": _file(package.sdist)}
    if package.wheels:
        entry["wheels"] = [_file(wheel) for wheel in package.wheels]
    return entry


def _from_url(one: ClosurePackage) -> dict[str, Any]:
    package = one.package
    (file,) = package.wheels[:1] or (package.sdist,)
    hashes = file.hashes if file is not None else {}
    archive: dict[str, Any] = {"url": redact(package.source.location)}
    if file is not None and file.size is not None:
        archive["size"] = file.size
    archive["hashes"] = hashes
    if package.source.subdirectory:
        archive["subdirectory"] = package.source.subdirectory
    return {"archive": archive}


def _from_git(one: ClosurePackage) -> dict[str, Any]:
    source = one.package.source
    vcs = {
        "type": "git",
        "url": redact(source.location),
        "requested-revision": source.requested_revision,
        "commit-id": source.commit,
        "subdirectory": source.subdirectory,
    }
    return {"vcs": {key: value for key, value in vcs.items() if value is not None}}


_BY_KIND = {"registry": _from_index, "url": _from_url, "git": _from_git}


def _file(file: DistributionFile) -> dict[str, Any]:
    # Thousands of files: look for what `redact` would find before calling it.
    url = file.url or ""
    url = redact(url) if "@" in url or "?" in url else url
    entry: dict[str, Any] = {"name": file.filename} if _last(url) != file.filename else {}
    entry["url"] = url
    if file.size is not None:
        entry["size"] = file.size
    entry["hashes"] = file.hashes
    return entry


def _last(url: str) -> str:
    return url.rpartition("/")[2]


def _has_sdist_name(file: DistributionFile, name: str) -> bool:
    try:
        return parse_sdist_filename(file.filename)[0] == name
    except (InvalidSdistFilename, InvalidVersion):
        return False


# As the specification lists the keys, less those that no lock of ours has.
_ORDER = (
    "lock-version",
    "created-by",
    "requires-python",
    "environments",
    "name",
    "version",
    "marker",
    "index",
    "dependencies",
    "url",
    "path",
    "size",
    "hashes",
)
_RANK = {key: rank for rank, key in enumerate(_ORDER)}


def _ordered(value: Any) -> Any:
    """`value` with the keys of its tables in one order, whoever made it."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (_RANK.get(key, len(_ORDER)), key))
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    return value


def _by_name_and_version(package: Mapping[str, Any]) -> tuple[str, Version, str]:
    return package["name"], Version(package.get("version") or "0"), package.get("marker") or ""
