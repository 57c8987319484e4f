"""A picture of a few numbers: bars, as SVG, one file that asks for nothing.

Pure. Read in light and in dark; with a title and a description for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.page.markup import Markup, words

_WIDTH = 720
_LEFT, _RIGHT = 240, 90
_HIGH, _GAP, _TOP, _HEAD = 20, 10, 54, 26
_COLOURS = ("#0b7a57", "#9bbfb2", "#c98a1b", "#6a7f9c")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c2b26}.t{font-weight:600;font-size:15px}"
    ".s{fill:#5c6b66}@media(prefers-color-scheme:dark){text{fill:#e4ece9}.s{fill:#9fb0aa}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of the picture.

    Attributes:
        label: What stands before it.
        parts: What it is made of, in one unit; no part is below zero.
        said: What stands behind it.
    """

    label: str
    parts: tuple[float, ...]
    said: str


def bars(title: str, told: str, rows: Sequence[Bar], legend: Sequence[str] = ()) -> str:
    """An SVG document.

    Args:
        title: Above all.
        told: A sentence below it: what is measured, and where.
        rows: From above; the longest takes the whole width.
        legend: What each part is, where a bar has several.
    """
    most = max((sum(row.parts) for row in rows), default=0) or 1
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    top = _TOP + (_HEAD if legend else 0)
    height = top + len(rows) * (_HIGH + _GAP) + _GAP
    frame = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" aria-labelledby="t d">',
        f'<title id="t">{words(title)}</title>',
        f'<desc id="d">{words(_description(told, rows), 5000)}</desc>',
        f"<style>{_STYLE}</style>",
        _text(0, 18, title, "t"),
        _text(0, 38, told, "s"),
        *_legend(legend),
    ]
    for number, row in enumerate(rows):
        lines += _row(row, top + number * (_HIGH + _GAP), scale)
    return "\n".join([*lines, "</svg>", ""])


def _row(row: Bar, y: int, scale: float) -> list[str]:
    lines: list[str] = [_text(_LEFT - 10, y + 15, row.label, "", end=True)]
    x = float(_LEFT)
    for part, colour in zip(row.parts, _COLOURS, strict=False):
        width = max(part * scale, 1 if part else 0)
        place = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_HIGH}"'
        lines.append(f'<rect {place} rx="2" fill="{colour}"/>')
        x += width
    return [*lines, _text(x + 8, y + 15, row.said, "s")]


def _legend(names: Sequence[str]) -> list[str]:
    lines: list[str] = []
    x = _LEFT
    for name, colour in zip(names, _COLOURS, strict=False):
        lines.append(f'<rect x="{x}" y="{_TOP - 4}" width="12" height="12" fill="{colour}"/>')
        lines.append(_text(x + 18, _TOP + 7, name, "s"))
        x += 34 + 8 * len(name)
    return lines


def _text(x: float, y: float, text: str, kind: str, *, end: bool = False) -> Markup:
    anchor = ' text-anchor="end"' if end else ""
    return Markup(f'<text x="{x:.1f}" y="{y}" class="{kind}"{anchor}>{words(text)}</text>')


def _description(told: str, rows: Sequence[Bar]) -> str:
    return f"{told}: " + "; ".join(f"{row.label} {row.said}" for row in rows)
