"""Where the dynamic loader of a base finds a shared library (ld.so(8); musl's dynlink.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from holdfast.image.base.elf import Elf
from holdfast.image.base.tree import Found, Tree

_GLIBC = ("/lib/{machine}-linux-gnu", "/usr/lib/{machine}-linux-gnu", "/lib64", "/usr/lib64",
          "/lib", "/usr/lib")  # fmt: skip
_MUSL = ("/lib", "/usr/local/lib", "/usr/lib")
_ORIGIN = re.compile(r"\$ORIGIN\b|\$\{ORIGIN\}")


class Loader:
    """The dynamic loader of a base.

    Args:
        tree: The base.
        machine: Libraries for others are passed over, as it does.
        environment: What the base's config sets: LD_LIBRARY_PATH counts.
    """

    def __init__(self, tree: Tree, machine: str, environment: Mapping[str, str]) -> None:
        self._tree = tree
        self._machine = machine
        named = environment.get("LD_LIBRARY_PATH", "").split(":")
        self._folders = [folder for folder in named if folder] + self._usual()
        cached = tree.text("/etc/ld.so.cache").splitlines()
        self._cached = {PurePosixPath(path).name: path for path in reversed(cached)}

    def find(self, name: str, asked_by: Found | None = None) -> Found | None:
        """The library that is loaded for `name`.

        Args:
            name: As DT_NEEDED has it.
            asked_by: Who needs it; its own search path comes first.
        """
        if "/" in name:
            return self._library(name)
        folders = [*_own_folders(asked_by), *self._folders]
        paths = [f"{folder}/{name}" for folder in folders]
        if name in self._cached:
            paths.append(self._cached[name])
        return next(filter(None, map(self._library, paths)), None)

    def closure(self, program: Found) -> tuple[dict[str, Found], dict[str, str]]:
        """All that is loaded along with `program`.

        Returns:
            What is found, by the name that was asked for; and what is not, by name: who asks.
        """
        found: dict[str, Found] = {}
        missing: dict[str, str] = {}
        waiting = [program]
        while waiting:
            asker = waiting.pop()
            for name in asker.node.elf.needed if asker.node.elf else ():
                if name in found or name in missing:
                    continue
                library = self.find(name, asker)
                if library is None:
                    missing[name] = asker.path
                else:
                    found[name] = library
                    waiting.append(library)
        return found, missing

    def _library(self, path: str) -> Found | None:
        found = self._tree.find(path)
        elf = found.node.elf if found else None
        return found if elf is not None and elf.machine == self._machine else None

    def _usual(self) -> list[str]:
        own = f"/etc/ld-musl-{self._machine}.path"
        if self._tree.find(f"/lib/ld-musl-{self._machine}.so.1") is None:
            return [folder.format(machine=self._machine) for folder in _GLIBC]
        said = re.split(r"[:\n]", self._tree.text(own))
        return [folder for folder in said if folder] or list(_MUSL)


def _own_folders(asker: Found | None) -> Iterable[str]:
    elf: Elf | None = asker.node.elf if asker else None
    if asker is None or elf is None:
        return ()
    origin = str(PurePosixPath(asker.path).parent)
    return [_ORIGIN.sub(lambda _: origin, folder) for folder in elf.search if folder]
