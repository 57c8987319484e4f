"""What uv says about a project, and how to hold it against what Holdfast says.

uv is the judge: `uv export` and the lock room must give the same packages, from the same sources,
with the same hashes, under markers that are true in the same environments. The text of a marker is
nobody's business.
"""

import re
import sys
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from holdfast.lock.closure import Closure, production_closure
from holdfast.lock.graph import LockGraph
from holdfast.lock.pylock import FirstPartyWheel, to_pylock
from holdfast.lock.requirements import hashes_of, requirement_of
from holdfast.uv import run_uv

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECTS = Path(__file__).parents[2] / "projects"

_SYSTEMS = {
    "linux": ("Linux", "posix", ("x86_64", "aarch64")),
    "darwin": ("Darwin", "posix", ("x86_64", "arm64")),
    "win32": ("Windows", "nt", ("AMD64", "ARM64")),
}
_PYTHONS = [f"3.{minor}.{patch}" for minor in range(10, 15) for patch in (0, 7)]
_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy"}


def environment(python: str, system: str, machine: str, implementation: str) -> dict[str, str]:
    """A marker environment (PEP 508), whole and without contradiction."""
    platform_system, os_name, _ = _SYSTEMS[system]
    return {
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "implementation_version": python,
        "sys_platform": system,
        "platform_system": platform_system,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_release": "6.1",
        "platform_version": "1",
        "implementation_name": implementation,
        "platform_python_implementation": _IMPLEMENTATIONS[implementation],
        "extra": "",
    }


GRID = [
    environment(python, system, machine, implementation)
    for python, system, implementation in product(_PYTHONS, _SYSTEMS, _IMPLEMENTATIONS)
    for machine in _SYSTEMS[system][2]
]


@dataclass(frozen=True)
class Project:
    """A locked project."""

    directory: Path
    graph: LockGraph

    def closure(self, **asked: Any) -> Closure:
        return production_closure(self.graph, **asked)

    def pylock(self, **asked: Any) -> dict[str, Any]:
        closure = self.closure(**asked)
        return to_pylock(closure, wheels=invented_wheels(closure))

    def exported(self, form: str, *options: str) -> str:
        always = ("export", "--no-dev", "--frozen", "--no-header", "--no-annotate")
        return run_uv([*always, "--format", form, *options], cwd=self.directory)


def lock(directory: Path, *options: str) -> Project:
    run_uv(["lock", "--python", sys.executable, *options], cwd=directory)
    return Project(
        directory, LockGraph.from_dict(tomllib.loads((directory / "uv.lock").read_text()))
    )


def invented_wheels(closure: Closure) -> dict[str, FirstPartyWheel]:
    """Wheels of the first-party packages, as if somebody had built them."""
    wheels = {}
    for one in closure.first_party:
        version = one.package.version or "9.9"
        filename = f"{one.package.name.replace('-', '_')}-{version}-py3-none-any.whl"
        wheels[one.package.name] = FirstPartyWheel(
            filename=filename, path=f"holdfast/wheels/{filename}", sha256="0" * 64, version=version
        )
    return wheels


@dataclass(frozen=True)
class Said:
    """One package of an export, as far as both sides must agree."""

    name: str
    version: str | None
    source: str
    hashes: frozenset[str]
    where: frozenset[int]


def from_pylock(pylock: dict[str, Any], first_party: set[str] = frozenset()) -> set[Said]:
    """The packages of a pylock.toml, true in which environments of the grid."""
    covered = _covered(pylock)
    return {
        Said(
            name=package["name"],
            version=None if package["name"] in first_party else package.get("version"),
            source="first-party" if package["name"] in first_party else _source(package),
            hashes=frozenset() if package["name"] in first_party else _hashes(package),
            where=_where(package.get("marker", "")) & covered,
        )
        for package in pylock["packages"]
    }


def to_requirements(pylock: dict[str, Any]) -> str:
    """The packages of a lock as lines of a requirements file, in the lock's order."""
    lines = []
    for package in pylock["packages"]:
        marker = f" ; {package['marker']}" if package.get("marker") else ""
        digests = [f" \\\n    --hash={one}" for one in hashes_of(package)]
        lines.append(requirement_of(package) + marker + "".join(digests) + "\n")
    return "".join(lines)


def from_requirements(text: str, pylock: dict[str, Any]) -> set[Said]:
    """The packages of a requirements text that come from an index, by its own words."""
    covered = _covered(pylock)
    found = set()
    for line in text.replace("\\\n", " ").splitlines():
        what, _, tail = (
            line.partition(" ; ") if " ; " in line else (*line.partition(" --hash"),)[:3]
        )
        if not re.match(r"[a-z0-9._-]+==", what):
            continue
        name, version = what.split(" --hash")[0].strip().split("==")
        marker = tail.split(" --hash")[0].strip() if " ; " in line else ""
        hashes = frozenset(re.findall(r"--hash=(\S+)", line))
        found.add(Said(name, version.strip(), "", hashes, _where(marker) & covered))
    return found


def _covered(pylock: dict[str, Any]) -> frozenset[int]:
    """The environments that the lock is for: of others, it says nothing."""
    allowed = SpecifierSet(pylock.get("requires-python", ""))
    pythons = {i for i, one in enumerate(GRID) if one["python_full_version"] in allowed}
    restricted = [_where(marker) for marker in pylock.get("environments", ())]
    return frozenset(pythons & frozenset().union(*restricted)) if restricted else frozenset(pythons)


@cache
def _where(marker: str) -> frozenset[int]:
    if not marker:
        return frozenset(range(len(GRID)))
    parsed = Marker(marker)
    return frozenset(i for i, one in enumerate(GRID) if parsed.evaluate(one))


def _source(package: dict[str, Any]) -> str:
    if "vcs" in package:
        vcs = package["vcs"]
        return f"{vcs['url']}@{vcs['commit-id']}#{vcs.get('subdirectory')}"
    if "archive" in package:
        return str(package["archive"].get("url") or package["archive"]["path"])
    return str(package.get("index"))


def _hashes(package: dict[str, Any]) -> frozenset[str]:
    files = [package.get("sdist"), package.get("archive"), *package.get("wheels", ())]
    return frozenset(
        f"{kind}:{digest}" for file in files if file for kind, digest in file["hashes"].items()
    )
