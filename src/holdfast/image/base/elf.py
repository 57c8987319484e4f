"""What a program or a shared library says of itself to the dynamic loader.

ELF (System V gABI, chapters 4 and 5) and GNU symbol versions, by pyelftools. A file is other
people's input: whatever cannot be read is no ELF file for us, and no table is followed for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from elftools.elf.dynamic import Dynamic
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection

MAGIC = b"\x7fELF"
# Machines that images are made for, as ELF numbers are named and as Python says it.
_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
# Far more than any library has of anything that is asked for here, and than all of it is long.
_MOST = 2_000
_MOST_SYMBOLS = 200_000
_MOST_CHARACTERS = 200_000
_MOST_LOADER_BYTES = 4096
_NAME = re.compile(r"[\w.+@$(){}/:, ~-]{1,4096}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """An ELF file, as far as the loader looks at it.

    Attributes:
        machine: "x86_64", "aarch64"; otherwise ELF's own name for it.
        loader: The program interpreter, "/lib64/ld-linux-x86-64.so.2"; "" of a library.
        soname: The name that others ask for it by; "" where it has none.
        needed: Names of the libraries that it asks for.
        search: Folders it has them looked for in; may begin with $ORIGIN.
        defines: Symbol versions that it has: "GLIBC_2.34".
        requires: Symbol versions that it asks for, by library.
    """

    machine: str
    loader: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    requires: Mapping[str, tuple[str, ...]]

    def as_json(self) -> dict[str, Any]:
        """For keeping."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Elf:
        """What `as_json` gave."""
        read: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document.items()
        }
        asked = document["requires"].items()
        read["requires"] = {library: tuple(versions) for library, versions in asked}
        return cls(**read)


def read_elf(file: BinaryIO) -> Elf | None:
    """What `file`, which can be sought in, says; None where it is no ELF file or a broken one."""
    from elftools.elf.elffile import ELFFile

    file.seek(0)
    if file.read(4) != MAGIC:
        return None
    try:
        return _read(ELFFile(file))
    except Exception:  # noqa: BLE001 - what pyelftools raises on a broken file is not said anywhere
        return None


def find_symbol(file: BinaryIO, name: str, size: int) -> bytes:
    """The first `size` bytes of what a program exports as `name`; b"" where it does not."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".dynsym")
        if not isinstance(table, SymbolTableSection) or table.num_symbols() > _MOST_SYMBOLS:
            return b""
        found = table.get_symbol_by_name(name)
        offset = next(elf.address_offsets(found[0]["st_value"], size)) if found else None
    except Exception:  # noqa: BLE001 - as above
        return b""
    if offset is None:
        return b""
    file.seek(offset)
    return file.read(size)


def _read(elf: ELFFile) -> Elf:
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection

    loader = ""
    tags: list[tuple[str, str]] = []
    defines: tuple[str, ...] = ()
    requires: dict[str, tuple[str, ...]] = {}
    for section in islice(elf.iter_sections(), _MOST):
        if isinstance(section, DynamicSection):
            tags += _tags(section)
        elif isinstance(section, GNUVerDefSection):
            defines = _defined(section)
        elif isinstance(section, GNUVerNeedSection):
            requires = _required(section)
        elif section.name == ".interp" and section.data_size < _MOST_LOADER_BYTES:
            loader = section.data().rstrip(b"\0").decode("ascii")
    if not tags:
        loader, tags = _of_segments(elf)
    found = _Tagged(tags)
    asked = [version for versions in requires.values() for version in versions]
    if sum(map(len, [*(text for _, text in found.tags), *defines, *asked])) > _MOST_CHARACTERS:
        raise ValueError("it says more than any library has to say")
    machine = str(elf["e_machine"])
    return Elf(
        machine=_MACHINES.get(machine, machine),
        loader=_clean(loader),
        soname=next(found.of("soname"), ""),
        needed=tuple(found.of("needed")),
        search=tuple(part for text in (*found.of("rpath"), *found.of("runpath"))
                     for part in text.split(":")),
        defines=defines,
        requires=requires,
    )  # fmt: skip


def _of_segments(elf: ELFFile) -> tuple[str, list[tuple[str, str]]]:
    """The program interpreter and the dynamic tags of a file that has lost its sections."""
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.segments import InterpSegment

    loader = ""
    tags: list[tuple[str, str]] = []
    for segment in islice(elf.iter_segments(), _MOST):
        if isinstance(segment, InterpSegment):
            loader = segment.get_interp_name()
        elif isinstance(segment, DynamicSegment):
            tags += _tags(segment)
    return loader, tags


@dataclass(frozen=True, slots=True)
class _Tagged:
    tags: list[tuple[str, str]]

    def of(self, kind: str) -> Iterator[str]:
        return (_clean(text) for tag, text in self.tags if tag == kind and _clean(text))


def _tags(dynamic: Dynamic) -> Iterator[tuple[str, str]]:
    for tag in islice(dynamic.iter_tags(), _MOST):
        kind = str(tag.entry.d_tag).removeprefix("DT_").lower()
        if kind in {"needed", "soname", "rpath", "runpath"}:
            yield kind, getattr(tag, kind)


def _defined(section: GNUVerDefSection) -> tuple[str, ...]:
    """Symbol versions that a library has (LSB 5.0, "Symbol Versioning")."""
    first = (islice(names, 1) for _, names in islice(section.iter_versions(), _MOST))
    return tuple(_clean(one.name) for names in first for one in names)


def _required(section: GNUVerNeedSection) -> dict[str, tuple[str, ...]]:
    """Symbol versions that it asks for, by library."""
    return {
        _clean(library.name): tuple(sorted({_clean(one.name) for one in islice(names, _MOST)}))
        for library, names in islice(section.iter_versions(), _MOST)
    }


def _clean(text: str | None) -> str:
    """A name as it is, or "": these become paths to look up and words in messages."""
    return text if text and _NAME.fullmatch(text) else ""
