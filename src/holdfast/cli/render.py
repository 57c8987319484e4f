"""Everything that prints. Data goes to stdout; progress, talk and errors go to stderr.

rich is imported when there is something to draw, not before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where a command prints, and how much."""

    quiet: bool = False
    verbose: bool = False

    def say(self, text: str) -> None:
        """A line of talk."""
        if not self.quiet:
            click.echo(text, err=True)

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something goes on; the value is called with what it is doing now.

        On a terminal a line that changes; elsewhere only waits are said, a line each.
        """
        console = _stderr()
        if self.quiet or not console.is_terminal:
            yield lambda doing: self.say(doing) if "waiting" in doing else None
            return
        with console.status(text) as status:
            yield status.update


def print_data(text: str) -> None:
    """A line of data, on stdout."""
    click.echo(text)


def print_json(data: Any) -> None:
    """`data` as JSON on stdout."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; numbers stand right where the column's name ends in a space."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name.strip(), justify="right" if name.endswith(" ") else "left")
    for row in rows:
        table.add_row(*row)
    _stdout().print(table)


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and what they are, in two columns, on stdout."""
    width = max((len(name) for name, _ in pairs), default=0)
    console = _stdout()
    for name, value in pairs:
        first, *rest = value.splitlines() or [""]
        console.print(f"[bold]{name:<{width}}[/]  ", end="")
        console.print(first, markup=False, highlight=False, soft_wrap=True)
        for line in rest:
            console.print(" " * (width + 2) + line, markup=False, highlight=False, soft_wrap=True)


def print_mark(mark: str, style: str, text: str) -> None:
    """A line on stdout with a mark before it; it can be read without its colour."""
    console = _stdout()
    console.print(f"[{style}]{mark}[/] ", end="")
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_error(error: HoldfastError) -> None:
    """An error and its hint, on stderr."""
    click.echo(f"{click.style('error', fg='red', bold=True)}: {error.message}", err=True)
    if error.hint:
        click.echo(f"\n{click.style('hint', fg='cyan', bold=True)}: {error.hint}", err=True)


def size(number: float) -> str:
    """Bytes for people: `338 MB`."""
    for unit in _UNITS:
        if number < 1000 or unit == _UNITS[-1]:  # noqa: PLR2004 - SI prefixes
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.3g} {unit}"
        number /= 1000
    raise AssertionError


def _stdout() -> Console:
    from rich.console import Console

    return Console()


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)
