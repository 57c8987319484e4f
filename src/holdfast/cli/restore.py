"""`holdfast restore`: the sealed environment's folder, for a shell to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json
from holdfast.cli.slim import say_slim, slim_as_json

if TYPE_CHECKING:
    from typing_extensions import Unpack


@click.command("restore")
@options.model
@options.how
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    uri: str,
    *,
    as_json: bool,
    **how: Unpack[options.How],
) -> None:
    """Bring the sealed environment of MODEL back, and print its folder.

    \b
    "$(holdfast restore models:/churn@champion)/bin/python" -V
    """  # noqa: D301 - click's sign for lines that stay as they are
    from holdfast.restore.restore import restore

    with screen.progress("restoring") as doing:
        restored = restore(uri, **how, on_progress=doing)
    environment = restored.environment
    if not environment.exact:
        sealed = restored.model.seal.python.version
        screen.say(f"note: Python {environment.python_version} stands in for {sealed}")
    say_slim(screen, restored.slim)
    if as_json:
        print_json(
            {
                "path": str(environment.path),
                "python": str(environment.python),
                "python_version": environment.python_version,
                "exact_python": environment.exact,
                "key": environment.key,
                "grade": restored.model.seal.grade.value,
                "slim": slim_as_json(restored.slim),
            }
        )
    else:
        print_data(str(environment.path))
