"""Whether a freshly installed environment is what its lock and its RECORDs say.

Reads the environment, never changes it, and runs nothing that lies in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.environment.ledger import Ledger
from holdfast.environment.plan import Package
from holdfast.environment.record import STRONG, Claim, Claims, read_claims
from holdfast.environment.tree import Digests, Tree, digest_file, scan


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        path: Relative to the environment.
        what: What is wrong with it.
        owners: The dist-info folders of the packages it belongs to; empty where that is not known.
    """

    path: str
    what: str
    owners: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a line of a message."""
        owner = f" ({', '.join(_plain(one) for one in self.owners)})" if self.owners else ""
        return f"{self.path}{owner}: {self.what}"


def _plain(dist_info: str) -> str:
    return " ".join(dist_info.removesuffix(".dist-info").split("-", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the check saw.

    Attributes:
        tree: The environment's files.
        digests: Of all of them.
        claims: What the RECORDs say.
        problems: What is wrong; the rest is of use only where this is empty.
    """

    tree: Tree
    digests: Mapping[str, str]
    claims: Claims
    problems: tuple[Problem, ...]


def check_installed(
    root: Path,
    site_packages: str,
    own: Tree,
    packages: Iterable[Package],
    ledger: Ledger,
) -> Checked:
    """Compare every installed file with its RECORD, and the packages with the plan.

    Args:
        root: The environment.
        site_packages: Relative to it.
        own: What was there before anything was installed.
        packages: The plan's.
        ledger: What need not be hashed again.

    Raises:
        OSError: The environment cannot be read.
    """
    tree = scan(str(root))
    digests: dict[str, str] = {}
    unknown: dict[str, int] = {}
    for path, found in tree.files.items():
        known = ledger.digest(found)
        if known is None:
            unknown[path] = found.st_size
        else:
            digests[path] = known
    hashing = Digests(str(root), unknown)
    # While the threads hash, the RECORDs are read here.
    try:
        claims = read_claims(read_records(root, site_packages, tree), site_packages)
    finally:
        digests.update(hashing.result())
    problems = [
        *(Problem(row, "leaves the environment") for row in claims.escaping),
        *_wrong_links(tree, own),
        *_wrong_files(root, tree, digests, claims),
        *_strays(tree, own, claims),
        *_wrong_packages(tree, site_packages, packages),
    ]
    return Checked(tree=tree, digests=digests, claims=claims, problems=tuple(problems))


def dist_infos(tree: Tree, site_packages: str) -> Iterator[str]:
    """The dist-info folders that have a RECORD."""
    for path in tree.files:
        if path.endswith(".dist-info/RECORD"):
            folder = path.removesuffix("/RECORD").removeprefix(f"{site_packages}/")
            if "/" not in folder:
                yield folder


def read_records(root: Path, site_packages: str, tree: Tree) -> Iterator[tuple[str, str]]:
    """The dist-info folders and the text of their RECORDs."""
    for folder in dist_infos(tree, site_packages):
        path = root / site_packages / folder / "RECORD"
        yield folder, path.read_text(encoding="utf-8", errors="replace")


def _wrong_links(tree: Tree, own: Tree) -> Iterator[Problem]:
    for path, points_to in tree.links.items():
        if own.links.get(path) != points_to:
            yield Problem(path, f"is a link to {points_to}; no wheel holds links")
    for path in own.links.keys() - tree.links.keys():
        yield Problem(path, "was part of the empty environment and is gone")
    for path in tree.odd:
        yield Problem(path, "is neither file nor folder")


def _wrong_files(
    root: Path, tree: Tree, digests: Mapping[str, str], claims: Claims
) -> Iterator[Problem]:
    for path, claimed in claims.files.items():
        found = tree.files.get(path)
        if found is None:
            yield Problem(path, "is missing", tuple(claim.owner for claim in claimed))
            continue
        size, digest = found.st_size, digests[path]
        # What is usual first: there are tens of thousands.
        if claimed[0].digest == f"sha256={digest}" and claimed[0].size == str(size):
            continue
        if not any(fits(root, path, size, digest, claim) for claim in claimed):
            yield Problem(
                path, "is not what its RECORD says", tuple(claim.owner for claim in claimed)
            )


def fits(root: Path, path: str, size: int, sha256: str, claim: Claim) -> bool:
    """Whether a file is what one row of a RECORD says; `sha256` is its digest."""
    if claim.size != str(size) and claim.size != "":
        return False
    if claim.digest in {f"sha256={sha256}", ""}:
        return True
    algorithm, _, digest = claim.digest.partition("=")
    # Padding is not allowed (PEP 376), and is found.
    digest = digest.rstrip("=")
    if algorithm == "sha256":
        return digest == sha256
    return algorithm in STRONG and digest == digest_file(f"{root}/{path}", algorithm)


def _strays(tree: Tree, own: Tree, claims: Claims) -> Iterator[Problem]:
    for path, found in tree.files.items():
        before = own.files.get(path)
        if path in claims.files:
            if before is not None:
                yield Problem(path, "is the environment's own, and a package claims it")
        elif before is None:
            yield Problem(path, "is in no RECORD")
        elif (before.st_ino, before.st_mtime_ns) != (found.st_ino, found.st_mtime_ns):
            yield Problem(path, "is the environment's own, and was changed")
    for path in own.files.keys() - tree.files.keys():
        yield Problem(path, "was part of the empty environment and is gone")


def _wrong_packages(
    tree: Tree, site_packages: str, packages: Iterable[Package]
) -> Iterator[Problem]:
    """Every locked package is there in its version, and no other."""
    from packaging.utils import canonicalize_name, canonicalize_version

    there = {}
    for folder in dist_infos(tree, site_packages):
        name, _, version = folder.removesuffix(".dist-info").rpartition("-")
        there[canonicalize_name(name)] = version
    for chosen in (package.chosen for package in packages):
        found = there.pop(canonicalize_name(chosen.name), None)
        if found is None:
            yield Problem(chosen.name, "is locked and was not installed")
        elif (
            chosen.version is not None
            and found != chosen.version
            and canonicalize_version(found) != canonicalize_version(chosen.version)
        ):
            yield Problem(chosen.name, f"is {found}, not the locked {chosen.version}")
    for name, version in there.items():
        yield Problem(name, f"{version} was installed and is not locked")
