"""The usual machines, and the wheels that they take: for those that are not here to be asked.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging import tags
from packaging.tags import Tag

_SYSTEMS = {
    "linux": ("Linux", "posix"),
    "darwin": ("macOS", "posix"),
    "win32": ("Windows", "nt"),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine.

    Attributes:
        system: As `sys.platform`: "linux".
        processor: As `platform.machine()`: "x86_64".
        platforms: Tags of wheels (PEP 425), the least that a wheel may ask for first.
    """

    system: str
    processor: str
    platforms: tuple[str, ...]

    @property
    def title(self) -> str:
        """As people write it: "Linux x86_64"."""
        return f"{_SYSTEMS[self.system][0]} {self.processor}"

    @property
    def markers(self) -> Mapping[str, str]:
        """Its part of a marker environment (PEP 508)."""
        title, os_name = _SYSTEMS[self.system]
        return {
            "os_name": os_name,
            "platform_machine": self.processor,
            "platform_system": "Darwin" if self.system == "darwin" else title,
            "sys_platform": self.system,
        }

    def tags(self, major: int, minor: int) -> Iterator[Tag]:
        """What CPython of this release takes there, best first."""
        yield from tags.cpython_tags((major, minor), platforms=self.platforms)
        yield from tags.compatible_tags((major, minor), f"cp{major}{minor}", self.platforms)


def _linux(processor: str) -> Machine:
    old = (f"{name}_{processor}" for name in ("manylinux1", "manylinux2010", "manylinux2014"))
    new = (f"manylinux_2_{minor}_{processor}" for minor in range(5, 40))
    return Machine("linux", processor, (*old, *new))


def _mac(processor: str) -> Machine:
    platforms = reversed(list(tags.mac_platforms((15, 0), processor)))
    return Machine("darwin", processor, tuple(platforms))


MACHINES = (
    _linux("x86_64"),
    _linux("aarch64"),
    _mac("x86_64"),
    _mac("arm64"),
    Machine("win32", "AMD64", ("win_amd64",)),
)
