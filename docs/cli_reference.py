"""Write docs/cli.md, what `--help` says of every command: `python docs/cli_reference.py`.

A test compares the page with what the commands say, so a changed option needs a run of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from holdfast.cli import holdfast

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 100
HEAD = """\
# The command line

What `--help` says of every command, written by `python docs/cli_reference.py`. How things are done
stands in the [handbook](handbook/README.md), what else can be set in [settings](settings.md).
"""


def reference() -> str:
    """The whole page."""
    return HEAD + "".join(map(_section, _commands(holdfast, "holdfast", None)))


def _commands(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[click.Context]:
    """A command and all below it, in the order of their help."""
    context = click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=WIDTH,
        **command.context_settings,
    )
    yield context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from _commands(found, below, context)


def _section(context: click.Context) -> str:
    return f"\n## {context.command_path}\n\n```text\n{context.get_help().rstrip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
