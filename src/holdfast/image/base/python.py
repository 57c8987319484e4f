"""The Python in a base: which there are, which one a model wants, and what packages fit it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from holdfast.errors import InputError
from holdfast.image.base.libraries import Loader
from holdfast.image.base.listing import FILE
from holdfast.image.base.tree import Found, Tree
from holdfast.image.values import Platform
from holdfast.lock.target import Target

_NAME = re.compile(r"python3\.[0-9]{1,2}t?", re.ASCII)
# As the kernel searches where PATH is not set in a container (runc's default, too).
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The oldest glibc that wheels are made for (PEP 600), and the names of before that.
_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePython:
    """An interpreter of a base, as far as its files tell.

    Attributes:
        path: The program, links followed: "/usr/local/bin/python3.11".
        version: Full version, "3.11.7".
        abi: SOABI, "cpython-311-x86_64-linux-gnu".
        libc: "glibc-2.36", "musl-1.2"; "" where it was not found.
        size: Bytes of the program.
        mtime_ns: When it was written, as the layer says, in nanoseconds since the epoch.
        library: Its standard library, "/usr/local/lib/python3.11"; "" where it was not found.
        missing: Shared libraries that it cannot start without and that are not there, by name:
            who asks.
    """

    path: str
    version: str
    abi: str
    libc: str
    size: int
    mtime_ns: int
    library: str
    missing: Mapping[str, str]

    implementation = "cpython"

    @property
    def minor(self) -> str:
        """The minor release, "3.11"."""
        return ".".join(self.version.split(".")[:2])

    @property
    def free_threaded(self) -> bool:
        """Whether it runs without the lock (PEP 703): other wheels fit it."""
        return self.abi.split("-")[1].endswith("t")


def choose(
    tree: Tree, loader: Loader, platform: Platform, path: str, wanted: str, implementation: str
) -> BasePython:
    """The interpreter for a model that wants the release `wanted`: that one, else its minor's.

    Args:
        tree: The base.
        loader: Its dynamic loader.
        platform: What the base must be for.
        path: The base's PATH, "" where it sets none: what is found there first comes first.
        wanted: Full version, "3.11.7".
        implementation: As `sys.implementation.name`.

    Raises:
        InputError: There is none; the message says which there are.
    """
    if implementation != "cpython":
        raise InputError(f"the model was logged with {implementation}; images are made for CPython")
    minor = ".".join(wanted.split(".")[:2])
    programs = sorted(_programs(tree), key=lambda found: _order(found.path, path or _USUAL_PATH))
    found = [python for one in programs if (python := _read(one, tree, loader))]
    fitting = [python for python in found if python.minor == minor]
    if not fitting:
        raise _none(minor, platform, found, programs)
    return min(fitting, key=lambda python: (python.free_threaded, python.version != wanted))


def target(python: BasePython, machine: str) -> Target:
    """What packages are chosen for, worked out without running anything.

    The kernel's release and version, which markers may ask for, are those of whoever runs the
    image: they are empty here.
    """
    return Target.from_facts(
        {
            "implementation": python.implementation,
            "version": python.version,
            "abi": python.abi,
            "libc": python.libc,
            "free_threaded": python.free_threaded,
            "markers": {
                "implementation_name": python.implementation,
                "implementation_version": python.version,
                "os_name": "posix",
                "platform_machine": machine,
                "platform_python_implementation": "CPython",
                "platform_release": "",
                "platform_system": "Linux",
                "platform_version": "",
                "python_full_version": python.version,
                "python_version": python.minor,
                "sys_platform": "linux",
            },
        },
        _platform_tags(python.libc, machine),
    )


def _platform_tags(libc: str, machine: str) -> Iterator[str]:
    """Platform tags, best first, as `packaging.tags.platform_tags` gives them there."""
    yield f"linux_{machine}"
    kind, _, version = libc.partition("-")
    major, _, newest = version.partition(".")
    if kind == "musl":
        for minor in range(int(newest), -1, -1):
            yield f"musllinux_{major}_{minor}_{machine}"
    elif kind == "glibc":
        for minor in range(int(newest), _OLDEST_GLIBC[machine] - 1, -1):
            yield f"manylinux_{major}_{minor}_{machine}"
            if minor in _OLD_NAMES:
                yield f"{_OLD_NAMES[minor]}_{machine}"


def _programs(tree: Tree) -> Iterator[Found]:
    for found in tree.walk():
        path = PurePosixPath(found.path)
        runs = found.node.kind == FILE and found.node.mode & 0o111 and found.node.elf is not None
        if runs and _NAME.fullmatch(path.name) and not tree.find(f"{path.parents[1]}/pyvenv.cfg"):
            yield found


def _order(program: str, path: str) -> tuple[int, str]:
    folders = path.split(":")
    folder = str(PurePosixPath(program).parent)
    return (folders.index(folder) if folder in folders else len(folders), program)


def _read(program: Found, tree: Tree, loader: Loader) -> BasePython | None:
    loaded, missing = loader.closure(program)
    own = [program, *(found for name, found in loaded.items() if name.startswith("libpython"))]
    said = next((one.node.identity for one in own if one.node.identity), "")
    if not said:
        return None
    _, version, abi = said.split()
    return BasePython(
        path=program.path,
        version=version,
        abi=abi,
        libc=_libc(program, tree, loaded),
        size=program.node.size,
        mtime_ns=program.node.mtime_ns,
        library=_library(PurePosixPath(program.path), tree),
        missing=missing,
    )


def _libc(program: Found, tree: Tree, loaded: Mapping[str, Found]) -> str:
    """Of the loader itself, which musl is all in one, or of the libc that it loads."""
    itself = tree.find(program.node.elf.loader) if program.node.elf else None
    if itself is None or itself.node.elf is None:
        return ""
    if itself.node.identity:
        return itself.node.identity
    libc = loaded.get("libc.so.6")
    return libc.node.identity if libc else ""


def _library(program: PurePosixPath, tree: Tree) -> str:
    """Beside the program's folder (CPython, Modules/getpath.py)."""
    places = (f"{program.parents[1]}/{folder}/{program.name}" for folder in ("lib", "lib64"))
    return next((place for place in places if tree.find(f"{place}/os.py")), "")


def _none(
    minor: str, platform: Platform, found: list[BasePython], programs: list[Found]
) -> InputError:
    others = {one.node.elf.machine for one in programs if one.node.elf} - {platform.machine}
    if others and not found:
        return InputError(f"the base is for {', '.join(sorted(others))}, not for {platform}")
    known = ", ".join(f"{one.version} at {one.path}" for one in found)
    return InputError(
        f"the base has no Python {minor}, with which the model was logged"
        + (f"; it has {known}" if known else ""),
        hint=f"choose a base with Python {minor}",
    )
