"""`holdfast doctor`: is this project ready to seal, and this machine ready to restore?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json, print_mark

if TYPE_CHECKING:
    from holdfast.doctor.finding import Examination

_MARKS = {"error": ("✗", "bold red"), "warning": ("!", "yellow")}


@click.command("doctor")
@click.argument(
    "folder", default=".", metavar="[DIR]", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--fix", is_flag=True, help="Mend what uv can mend without a loss: lock, environment, pin."
)
@click.option(
    "--fail-on",
    type=click.Choice(("error", "warning")),
    default="error",
    show_default=True,
    help="Exit with 1 at findings of this level or worse.",
)
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen, folder: Path, *, fix: bool, fail_on: Literal["error", "warning"], as_json: bool
) -> None:
    """Look whether the project in DIR is ready to seal, and this machine ready to restore.

    Nothing of the project is imported or run. An error means that a model logged now would not be
    sealed as `locked`, or could not be brought back here; a warning, that it will be missed
    elsewhere or later.
    """
    from holdfast.doctor.examine import examine

    with screen.progress("looking") as doing:
        found = examine(folder.resolve(), fix=fix, on_progress=doing)
    print_json(found.to_dict()) if as_json else _print(found)
    if not found.healthy or (fail_on == "warning" and found.findings):
        sys.exit(1)


def _print(found: Examination) -> None:
    for one in found.fixed:
        print_mark("✓", "green", f"mended: {one.message}")
    for one in found.findings:
        print_mark(*_MARKS[one.level.value], f"{one.message} ({one.name})")
        print_data(f"  {one.fix}")
    if not found.findings:
        print_mark("✓", "green", "ready to seal, and to restore here")
    elif found.healthy:
        print_data("ready to seal, and to restore here, with what is said above")
    else:
        print_data("not ready: what is marked ✗ comes first")
