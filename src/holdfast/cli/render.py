"""Everything that prints. Data goes to stdout; progress, talk and errors go to stderr.

What is printed may be somebody else's words (a file's name, a package's): no character of theirs
moves the cursor or begins a line. rich is imported when there is something to draw, not before.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import click

from holdfast.errors import HoldfastError, StoreError
from holdfast.progress import Progress
from holdfast.redact import printable

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 10_000


@dataclass(slots=True, kw_only=True)
class Screen:
    """Where a command prints, and how much; -q and -v stand before or after its name."""

    quiet: bool = False
    verbose: bool = False

    def say(self, text: str) -> None:
        """A line of talk."""
        if not self.quiet:
            _echo(printable(text), sys.stderr)

    @contextmanager
    def progress(self, text: str) -> Iterator[Progress]:
        """Show that something goes on; the value is called with what it is doing now.

        On a terminal a line that changes; elsewhere only waits are said, a line each, and with -v
        everything.
        """
        if self.quiet or self.verbose or not sys.stderr.isatty():
            yield lambda doing: self.say(doing) if self.verbose or "waiting" in doing else None
            return
        from rich.markup import escape

        with _console(stderr=True).status(escape(text)) as status:
            yield lambda doing: status.update(escape(printable(doing)))


def print_data(text: str) -> None:
    """A line of data, on stdout."""
    _echo(printable(text), sys.stdout)


def print_bytes(data: bytes) -> None:
    """Data as it is, on stdout."""
    with _writing(sys.stdout):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def print_json(data: Any) -> None:
    """`data` as JSON on stdout."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    _echo(json.dumps(data, indent=2, ensure_ascii=plain, sort_keys=True), sys.stdout)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; numbers stand right where the column's name ends in a space."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        side: Any = "right" if name.endswith(" ") else "left"
        table.add_column(name.strip(), justify=side, no_wrap=True)
    for row in rows:
        table.add_row(*map(_cell, row))
    with _writing(sys.stdout):
        _console().print(table)


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and what they are, in two columns, on stdout."""
    width = max((len(name) for name, _ in pairs), default=0)
    console = _console()
    with _writing(sys.stdout):
        for name, value in pairs:
            first, *rest = map(printable, value.split("\n"))
            console.print(f"[bold]{name:<{width}}[/]  ", end="")
            console.print(first, markup=False, highlight=False, soft_wrap=True)
            for line in rest:
                print_data(" " * (width + 2) + line)


def print_mark(mark: str, style: str, text: str) -> None:
    """A line on stdout with a mark before it; it can be read without its colour."""
    console = _console()
    with _writing(sys.stdout):
        console.print(f"[{style}]{mark}[/] ", end="")
        console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def print_lines(lines: Iterable[Sequence[tuple[str, str]]], *, indent: int = 0) -> None:
    """Lines on stdout, each of texts and their styles; they can be read without their colours."""
    from rich.text import Text

    console = _console()
    with _writing(sys.stdout):
        for pieces in lines:
            line = Text(" " * indent)
            for text, style in pieces:
                line.append(printable(text), style=style)
            console.print(line, soft_wrap=True, highlight=False)


def print_error(error: HoldfastError) -> None:
    """An error and its hint, on stderr."""
    message = "\n".join(map(printable, error.message.split("\n")))
    _echo(f"{click.style('error', fg='red', bold=True)}: {message}", sys.stderr)
    if error.hint:
        hint = click.style("hint", fg="cyan", bold=True)
        _echo(f"\n{hint}: {printable(error.hint)}", sys.stderr)


def _cell(text: str) -> Any:
    from rich.text import Text

    return Text(printable(text))


def _echo(text: str, stream: IO[str]) -> None:
    # click knows terminals; NO_COLOR it does not know.
    with _writing(stream):
        click.echo(text, file=stream, color=False if os.environ.get("NO_COLOR") else None)


@contextmanager
def _writing(stream: IO[str]) -> Iterator[None]:
    """What is printed inside may find its reader gone, as with `| head`: then nobody misses it."""
    try:
        yield
    except BrokenPipeError:
        _let_go(stream)
    except OSError as error:
        _let_go(stream)
        name = "standard output" if stream is sys.stdout else "standard error"
        raise StoreError(
            f"{name} cannot be written: {error.strerror}", hint="free some disk, or write elsewhere"
        ) from error


def _let_go(stream: IO[str]) -> None:
    """Send what is still to come, and what is in the stream's buffer, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    class Plain(Console):
        """rich's, but that a pipe without a reader is none of its business."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    plain = Plain(stderr=stderr)
    # A pipe has no width; its reader wants whole lines.
    return plain if plain.is_terminal else Plain(stderr=stderr, width=_PIPE_WIDTH)
