"""A full look at an environment that is in the store: is it still what was built?

Hashes every file, whatever the ledger says. Runs nothing that lies in the environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from holdfast.environment.check import dist_infos
from holdfast.environment.inventory import Inventory
from holdfast.environment.layout import explained
from holdfast.environment.record import Claim, read_claims
from holdfast.environment.tree import Digests, Tree, digest_file, scan


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
    def intact(self) -> bool:
        """Whether it is what was built; bytecode does not count."""
        return not (self.changed or self.missing or self.stray or self.links or self.escaping)


def inspect_environment(root: Path, inventory: Inventory) -> Inspection:
    """Compare the environment at `root` with its inventory and its RECORDs.

    Raises:
        StoreError: It cannot be read.
    """
    with explained(f"the environment {root} cannot be read"):
        tree = scan(str(root))
        hashing = Digests(str(root), {p: found.st_size for p, found in tree.files.items()})
        site_packages = inventory.site_packages
        try:
            claims = read_claims(
                (
                    (
                        folder,
                        (root / site_packages / folder / "RECORD").read_text("utf-8", "replace"),
                    )
                    for folder in dist_infos(tree, site_packages)
                ),
                site_packages,
            )
        finally:
            digests = hashing.result()
        expected, owners = _expected(inventory)
        changed = {
            path
            for path, (size, digest) in expected.items()
            if path in digests and (digests[path], tree.files[path].st_size) != (digest, size)
        }
        changed |= {
            path
            for path, claimed in claims.files.items()
            if path in digests and not _fits_any(root, path, digests[path], claimed)
        }
        missing = (expected.keys() | claims.files.keys()) - tree.files.keys() - tree.links.keys()
        strange = sorted(tree.files.keys() - expected.keys())
        return Inspection(
            files=len(digests),
            changed=_findings(changed, owners),
            missing=_findings(missing, owners),
            stray=tuple(p for p in [*strange, *sorted(tree.odd)] if not _is_bytecode(p)),
            links=tuple(_other_links(tree, inventory)),
            escaping=(*_leaving(tree, inventory), *claims.escaping),
            bytecode=tuple(path for path in strange if _is_bytecode(path)),
        )


def _expected(inventory: Inventory) -> tuple[dict[str, tuple[int, str]], dict[str, list[str]]]:
    expected = {path: (size, digest) for path, size, digest in inventory.own}
    owners: dict[str, list[str]] = {}
    for distribution in inventory.distributions:
        for path, size, digest in distribution.files:
            expected[path] = (size, digest)
            owners.setdefault(path, []).append(distribution.name)
    return expected, owners


def _findings(paths: Iterable[str], owners: dict[str, list[str]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(path=path, distributions=tuple(owners.get(path, ()))) for path in sorted(paths)
    )


def _fits_any(root: Path, path: str, sha256: str, claimed: Iterable[Claim]) -> bool:
    return any(
        claim.digest
        in {
            "",
            sha256
            if claim.algorithm == "sha256"
            else digest_file(f"{root}/{path}", claim.algorithm),
        }
        if claim.digest
        else True
        for claim in claimed
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
        and normpath(f"{path}/../{points_to}").startswith(("..", "/"))
    )
