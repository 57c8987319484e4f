"""Packages as layers: taken where they are kept, made from wheels where they are not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from holdfast.environment.layout import explained
from holdfast.image.layers.bytecode import Compiler, bytecode_of
from holdfast.image.layers.compress import Compression
from holdfast.image.layers.kept import Kept, layer_key, take, take_or_make
from holdfast.image.layers.place import Place
from holdfast.image.layers.write import write_layer
from holdfast.image.values import Entry, Layer, Row

# The release that `holdfast[image]` pins: it writes the scripts. Named here, since to import it
# takes as long as all layers that are kept.
INSTALLER = "1.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A package by its wheel.

    Attributes:
        name: Normalised.
        version: As locked.
        sha256: Of the wheel, in hex.
    """

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How layers are made.

    Attributes:
        place: The environment that the packages go to.
        compression: How layers are compressed.
        kept: The folder of kept layers.
        mtime: Of every file, in seconds since the epoch.
        compiler: What compiles modules; None to leave that to whoever imports them.
    """

    place: Place
    compression: Compression
    kept: Path
    mtime: int = 0
    compiler: Compiler | None = None


def package_layers(
    groups: Sequence[Sequence[Pinned]],
    making: Making,
    find: Callable[[Sequence[Pinned]], Mapping[str, Path]],
) -> tuple[Kept, ...]:
    """A layer for each group, with the rows of each package in it.

    Args:
        groups: Which packages share a layer (`group`); of two that bring one path, the later
            one's file counts.
        making: How.
        find: Asked once, with all packages of the layers that are not kept, for their wheels by
            name; not at all where every layer is kept.

    Raises:
        MismatchError: A wheel holds something else than its RECORD says.
        StoreError: Layers cannot be kept, or a wheel not be read.
    """
    keys = [_key(group, making) for group in groups]
    found = [take(making.kept, key) for key in keys]
    missing = [group for group, kept in zip(groups, found, strict=True) if kept is None]
    wheels = find([one for group in missing for one in group]) if missing else {}

    def layer(number: int) -> Kept:
        kept, group = found[number], groups[number]
        if kept is not None:
            return kept
        return take_or_make(
            making.kept, keys[number], lambda into: _make(group, making, wheels, into)
        )

    def bytes_of(number: int) -> int:
        return sum(wheels[one.name].stat().st_size for one in groups[number] if one.name in wheels)

    with explained("a wheel cannot be read"):
        # The big ones first, so that no core is left alone with one at the end.
        order = sorted(range(len(groups)), key=bytes_of, reverse=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "holdfast-layer") as threads:
        made = dict(zip(order, threads.map(layer, order), strict=True))
    return tuple(made[number] for number in range(len(groups)))


def _key(group: Sequence[Pinned], making: Making) -> str:
    made_of = {
        "wheels": [one.sha256 for one in group],
        "named": _created_by(group),
        "root": making.place.root,
        "python": making.place.python_version,
        "installer": INSTALLER,
        "bytecode": making.compiler and making.compiler.version,
    }
    return layer_key(made_of, making.compression, mtime=making.mtime)


def _make(
    group: Sequence[Pinned], making: Making, wheels: Mapping[str, Path], into: Path
) -> tuple[Layer, list[tuple[Row, ...]]]:
    from holdfast.image.layers.wheel import wheel_entries

    entries: list[Entry] = []
    rows: list[tuple[Row, ...]] = []
    for one in group:
        of_wheel, rows_of_wheel = wheel_entries(wheels[one.name], making.place)
        if making.compiler is not None:
            compiled, rows_of_compiled = bytecode_of(of_wheel, making.compiler)
            of_wheel, rows_of_wheel = of_wheel + compiled, rows_of_wheel + rows_of_compiled
        entries += of_wheel
        rows.append(rows_of_wheel)
    layer = write_layer(
        entries,
        into,
        making.compression,
        created_by=_created_by(group),
        mtime=making.mtime,
    )
    return layer, rows


def _created_by(group: Sequence[Pinned]) -> str:
    return " ".join(f"{one.name}=={one.version}" for one in group)
