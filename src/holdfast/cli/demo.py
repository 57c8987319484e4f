"""`holdfast demo`: the main job, shown."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from holdfast.cli import options
from holdfast.cli.render import print_data


@click.command("demo")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@options.talk
def command(folder: Path | None) -> None:
    """Log, seal, restore, verify, predict and tamper, for real, in FOLDER.

    FOLDER must be new or empty; by default a new one among the temporary files. Everything stays
    in it, to look around.
    """
    from holdfast.start.demo import run_demo

    def say(text: str) -> None:
        for line in text.split("\n"):
            print_data(line)

    where = folder or Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
    run_demo(where.absolute(), say)
