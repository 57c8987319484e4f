"""A full look at an environment that is in the store: is it still what was built?

Hashes every file, whatever the ledger says. Runs nothing that lies in the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

from holdfast.environment.check import fits, read_records
from holdfast.environment.inventory import Inventory
from holdfast.environment.layout import explained
from holdfast.environment.record import Claims, read_claims
from holdfast.environment.tree import Digests, Tree, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One file that is not as it was.

    Attributes:
        path: Relative to the environment.
        distributions: Names of the packages it belongs to; none for the environment's own files.
    """

    path: str
    distributions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What an environment holds, against what it held when it was built.

    Attributes:
        files: How many were hashed.
        changed: Files with other bytes than the inventory or a RECORD says.
        missing: Files of the inventory that are gone.
        stray: Files in no inventory: modules, `.pth`, sitecustomize, anything.
        links: Links that were not there, point elsewhere now, or are gone.
        escaping: Links and RECORD rows that leave the environment, its Python aside.
        bytecode: Compiled files; notes only, since the worker keeps its own elsewhere and never
            reads these.
    """

    files: int
    changed: tuple[Finding, ...]
    missing: tuple[Finding, ...]
    stray: tuple[str, ...]
    links: tuple[str, ...]
    escaping: tuple[str, ...]
    bytecode: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that is not as it was built, by its path; bytecode does not count."""
        findings = (finding.path for finding in (*self.changed, *self.missing))
        return (*findings, *self.stray, *self.links, *self.escaping)


def inspect_environment(root: Path, inventory: Inventory) -> Inspection:
    """Compare the environment at `root` with its inventory and its RECORDs.

    Raises:
        StoreError: It cannot be read.
    """
    with explained(f"the environment {root} cannot be read"):
        tree = scan(str(root))
        hashing = Digests(str(root), {path: found.st_size for path, found in tree.files.items()})
        records = read_records(root, inventory.site_packages, tree)
        try:
            claims = read_claims(records, inventory.site_packages)
        finally:
            digests = hashing.result()
        changed = list(_changed(root, tree, digests, _expected(inventory), claims))
    return _inspection(tree, inventory, changed, claims)


def glance(root: Path, inventory: Inventory) -> Inspection:
    """What can be seen of the environment at `root` without reading it all.

    A file whose size and time are those of the inventory is taken for what it was; any other is
    hashed. Who sets the time back after a change is not seen here, but by `inspect_environment`.

    Raises:
        StoreError: It cannot be read.
    """
    with explained(f"the environment {root} cannot be read"):
        tree = scan(str(root))
        expected = _expected(inventory)
        times = {path: (size, mtime) for path, size, mtime, _ in inventory.rows()}
        suspect = {
            path: found.st_size
            for path, found in tree.files.items()
            if path in times and (found.st_size, found.st_mtime_ns) != times[path]
        }
        digests = Digests(str(root), suspect).result()
    changed = [path for path, size in suspect.items() if (size, digests[path]) != expected[path]]
    return _inspection(tree, inventory, changed, Claims())


def _inspection(
    tree: Tree, inventory: Inventory, changed: Iterable[str], claims: Claims
) -> Inspection:
    """What `tree` is against what the inventory and the RECORDs say, `changed` found already."""
    owners = _owners(inventory)
    known = {path for path, *_ in inventory.rows()}
    missing = (known | claims.files.keys()) - tree.files.keys() - tree.links.keys()
    strange = sorted(tree.files.keys() - known)
    return Inspection(
        files=len(tree.files),
        changed=_findings(changed, owners),
        missing=_findings(missing, owners),
        stray=(*(path for path in strange if not _is_bytecode(path)), *sorted(tree.odd)),
        links=tuple(_other_links(tree, inventory)),
        escaping=(*_leaving(tree, inventory), *claims.escaping),
        bytecode=tuple(path for path in strange if _is_bytecode(path)),
    )


def _changed(
    root: Path,
    tree: Tree,
    digests: Mapping[str, str],
    expected: Mapping[str, tuple[int, str]],
    claims: Claims,
) -> Iterator[str]:
    for path, digest in digests.items():
        size = tree.files[path].st_size
        claimed = claims.files.get(path, ())
        if expected.get(path, (size, digest)) != (size, digest) or (
            claimed and not any(fits(root, path, size, digest, claim) for claim in claimed)
        ):
            yield path


def _expected(inventory: Inventory) -> dict[str, tuple[int, str]]:
    return {path: (size, digest) for path, size, _, digest in inventory.rows()}


def _owners(inventory: Inventory) -> dict[str, list[str]]:
    owners: dict[str, list[str]] = {}
    for distribution in inventory.distributions:
        for path, *_ in distribution.files:
            owners.setdefault(path, []).append(distribution.name)
    return owners


def _findings(paths: Iterable[str], owners: dict[str, list[str]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(path=path, distributions=tuple(owners.get(path, ()))) for path in sorted(paths)
    )


def _is_bytecode(path: str) -> bool:
    """What Python writes for itself; a `.pyc` outside `__pycache__` is a module like any other."""
    return path.endswith(".pyc") and "/__pycache__/" in path


def _other_links(tree: Tree, inventory: Inventory) -> list[str]:
    return sorted(
        path
        for path in tree.links.keys() | inventory.links.keys()
        if tree.links.get(path) != inventory.links.get(path)
    )


def _leaving(tree: Tree, inventory: Inventory) -> list[str]:
    """Links to somewhere outside, but for those to the Python that the environment was built on."""
    return sorted(
        path
        for path, points_to in tree.links.items()
        if inventory.links.get(path) != points_to
        and normpath(join(dirname(path), points_to)).startswith(("..", "/"))
    )
