"""The packages of a seal as a picture and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.page.markup import Markup, element, join, other, weight
from holdfast.page.treemap import squarify
from holdfast.seal.seal import Seal
from holdfast.units import size

_MOST_TILES = 40  # more cannot be told apart
_MOST_ROWS = 2000
_WIDTH, _HEIGHT = 100.0, 38.0
_BIG, _MID = 0.08, 0.025  # shares of the whole, for three shades


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package of a seal.

    Attributes:
        size: Bytes installed; of own code those of its wheel; 0 where it is not known.
        own: First-party code.
        locked: What the lock said instead, None where it said the same.
        index: The name of the index that it is bound to, "" for none.
    """

    name: str
    version: str
    size: int
    own: bool
    locked: str | None
    index: str


def packages_of(seal: Seal) -> list[Package]:
    """The packages that a seal names, the largest first."""
    own = {wheel.name: wheel for wheel in seal.wheels}
    drift = {one.name: one.locked or "not in it" for one in seal.drift if one.installed}
    indexes = {name: index.name for index in seal.indexes for name in index.packages}
    versions = {wheel.name: wheel.version for wheel in seal.wheels}
    versions |= {name: one.version for name, one in seal.distributions.items()}
    found = [
        Package(
            name=name,
            version=version,
            size=_size(seal, name),
            own=name in own,
            locked=drift.get(name),
            index=indexes.get(name, ""),
        )
        for name, version in versions.items()
    ]
    return sorted(found, key=lambda one: (-one.size, one.name))


def picture(packages: Sequence[Package]) -> Markup | None:
    """The treemap; None where no size is known."""
    sized = [one for one in packages if one.size]
    if not sized:
        return None
    shown, rest = sized[:_MOST_TILES], sized[_MOST_TILES:]
    total = sum(one.size for one in sized)
    tiles = [(one.name, one.version, one.size, _shade(one, total)) for one in shown]
    if rest:
        left = sum(one.size for one in rest)
        # Its place is by its size, as everybody's.
        tiles.append((f"{len(rest)} more", "smaller ones", left, ""))
        tiles.sort(key=lambda tile: -tile[2])
    boxes = squarify([tile[2] for tile in tiles], _WIDTH, _HEIGHT)
    drawn = (
        f'<div class="{shade}" style="--x:{box.left:.2f}%;--y:{box.top * 100 / _HEIGHT:.2f}%;'
        f'--w:{box.width:.2f}%;--h:{box.height * 100 / _HEIGHT:.2f}%">'
        f"<span><b>{other(name, 60)}</b><i>{other(version, 40)}</i><i>{weight(number)}</i></span>"
        "</div>"
        for (name, version, number, shade), box in zip(tiles, boxes, strict=True)
    )
    label = f"{len(sized)} packages, {size(total)}, as areas by size; the table after it has all"
    return element("div", Markup("".join(drawn)), class_="map", role="img", aria_label=label)


def table(packages: Sequence[Package]) -> Markup:
    """Every package, a row each."""
    largest = max((one.size for one in packages), default=0)
    heads = ["Package", "Version"] + (["Size", ""] if largest else [])
    head = "".join(
        f'<th scope="col" class="num">{name}</th>' if name == "Size"
        else f'<th scope="col">{name}</th>' if name else '<td class="bar"></td>'
        for name in heads
    )  # fmt: skip
    rows = Markup("".join(_row(one, largest) for one in packages[:_MOST_ROWS]))
    caption = None
    if len(packages) > _MOST_ROWS:
        caption = element("caption", f"The first {_MOST_ROWS} of {len(packages)}.")
    heading = Markup(f"<thead><tr>{head}</tr></thead>")
    drawn = element("table", caption, heading, element("tbody", rows))
    return element("div", drawn, class_="wide")


def _row(one: Package, largest: int) -> Markup:
    cells = f'<th scope="row">{other(one.name)}{_tags(one)}</th><td>{other(one.version)}</td>'
    if largest:
        width = 100 * one.size / largest
        shown = weight(one.size) if one.size else "—"
        cells += (
            f'<td class="num">{shown}</td>'
            f'<td class="bar"><span style="width:{width:.1f}%"></span></td>'
        )
    return Markup(f"<tr>{cells}</tr>")


def _tags(one: Package) -> Markup:
    tags = []
    if one.own:
        tags.append(Markup(' <span class="tag">own code</span>'))
    if one.locked is not None:
        tags.append(Markup(f' <span class="tag off">lock: {other(one.locked)}</span>'))
    if one.index:
        tags.append(Markup(f' <span class="tag">from {other(one.index)}</span>'))
    return join(*tags)


def _shade(one: Package, total: int) -> str:
    if one.locked is not None:
        return "off"
    if one.own:
        return "own"
    share = one.size / total
    return "big" if share > _BIG else "mid" if share > _MID else "low"


def _size(seal: Seal, name: str) -> int:
    if name in seal.distributions and seal.distributions[name].size:
        return seal.distributions[name].size
    paths = (wheel.path for wheel in seal.wheels if wheel.name == name)
    return sum(seal.files[path].size for path in paths if path in seal.files)
