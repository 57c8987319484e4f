"""The packages of two models: by their locks, or by what is known where a seal has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version

from holdfast.diff.difference import PackageChange
from holdfast.errors import LockError
from holdfast.lock.diff import PackageState
from holdfast.lock.diff import diff as diff_locks
from holdfast.lock.pylock import loads
from holdfast.model import Model
from holdfast.seal.digest import LOCK_FILE, inside


def package_changes(a: Model, b: Model) -> tuple[PackageChange, ...]:
    """What differs, first-party packages first, and last what only other machines would get.

    Raises:
        MismatchError: A lock is not as it was sealed.
        LockError: A lock cannot be read.
    """
    (here, elsewhere), (other_here, other_elsewhere) = map(_parted, (a, b))
    changed = [
        *_compared(a, b, here, other_here, here=True),
        # What is here on one side is no loss for other machines on the other.
        *_compared(a, b, _less(elsewhere, other_here), _less(other_elsewhere, here), here=False),
    ]
    return tuple(sorted(changed, key=lambda one: (not one.here, not one.own, one.name, one.what)))


_Packages = list[Mapping[str, Any]]


def _parted(model: Model) -> tuple[_Packages, _Packages]:
    """The packages that were installed when the model was logged, and the others."""
    here: _Packages = []
    elsewhere: _Packages = []
    for package in _lock(model)["packages"]:
        (here if _is_here(model, package) else elsewhere).append(package)
    return here, elsewhere


def _less(packages: _Packages, others: _Packages) -> _Packages:
    known = {(one["name"], one.get("version")) for one in others}
    return [one for one in packages if (one["name"], one.get("version")) not in known]


def _is_here(model: Model, package: Mapping[str, Any]) -> bool:
    installed = model.seal.distributions
    if not installed:
        return True
    one = installed.get(canonicalize_name(package["name"]))
    version = package.get("version")
    return one is not None and (
        version is None or canonicalize_version(str(version)) == canonicalize_version(one.version)
    )


def _compared(
    a: Model, b: Model, before: _Packages, after: _Packages, *, here: bool
) -> Iterator[PackageChange]:
    own = {wheel.name for model in (a, b) for wheel in model.seal.wheels}
    found = diff_locks({"packages": before}, {"packages": after})
    pairs: list[tuple[PackageState | None, PackageState | None]] = [
        *((None, one) for one in found.added),
        *((one, None) for one in found.removed),
        *((one.before, one.after) for one in found.changed),
    ]
    for old, new in pairs:
        name = (old or new).name  # type: ignore[union-attr]  # one of them is there
        yield PackageChange(
            name=name,
            what=tuple(_what(old, new)),
            own=name in own,
            here=here,
            before=old.version if old else None,
            after=new.version if new else None,
            before_source=old.source if old else "",
            after_source=new.source if new else "",
        )


def _what(before: PackageState | None, after: PackageState | None) -> Iterator[str]:
    if before is None or after is None:
        yield "added" if before is None else "removed"
        return
    if before.version != after.version:
        yield "version"
    if before.source != after.source:
        yield "source"
    # Another version has other files; an index may add files to a version, too.
    if before.version == after.version and before.hashes != after.hashes:
        grown = before.hashes <= after.hashes or after.hashes <= before.hashes
        yield "files" if grown and before.hashes and after.hashes else "hashes"


def _lock(model: Model) -> Mapping[str, Any]:
    seal = model.seal
    if not seal.lock:
        return {"packages": list(_known(model))}
    model.check_files(LOCK_FILE)
    try:
        return loads(inside(model.path, LOCK_FILE).read_text(encoding="utf-8")).to_dict()
    except UnicodeDecodeError as error:
        raise LockError(f"{model.uri}: {LOCK_FILE} is not UTF-8") from error


def _known(model: Model) -> Iterable[dict[str, Any]]:
    """What is known without a lock: versions installed, or else the requirements."""
    seal = model.seal
    known = {name: one.version for name, one in seal.distributions.items()}
    known |= {wheel.name: wheel.version for wheel in seal.wheels}
    if not seal.distributions:
        known = dict(_requirements(model)) | known
    return ({"name": name, "version": version} for name, version in known.items())


def _requirements(model: Model) -> Iterator[tuple[str, str]]:
    from packaging.requirements import InvalidRequirement, Requirement

    path = "requirements.txt"
    if path not in model.seal.files:
        return
    model.check_files(path)
    for line in inside(model.path, path).read_text("utf-8", errors="replace").splitlines():
        try:
            one = Requirement(line.strip())
        except InvalidRequirement:
            continue
        yield one.name, str(one.specifier).removeprefix("==")
