"""`holdfast run`: any command, in the sealed environment."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

import click

from holdfast.cli import options
from holdfast.cli.render import Screen
from holdfast.cli.slim import say_slim
from holdfast.environment.store import Environment
from holdfast.environment.use import activated, lasting_lease
from holdfast.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Unpack


@click.command("run", context_settings={"allow_interspersed_args": False})
@options.how
@options.talk
@click.argument("uri", metavar="MODEL")
@click.argument("words", metavar="[--] COMMAND...", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(
    screen: Screen,
    uri: str,
    *,
    words: tuple[str, ...],
    **how: Unpack[options.How],
) -> None:
    """Run COMMAND in the sealed environment of MODEL; its exit code is ours.

    Options stand before MODEL; what stands after it is the command's.

    \b
    holdfast run models:/churn@champion python -c "import sklearn; print(sklearn.__version__)"
    """  # noqa: D301 - click's sign for lines that stay as they are
    from holdfast.restore.restore import restore

    words = words[1:] if words[:1] == ("--",) else words
    if not words:
        raise click.UsageError("Missing argument 'COMMAND...'.")
    if words[0].startswith("-"):
        raise click.UsageError(f"{words[0]} is no command; options stand before MODEL.")
    with screen.progress("restoring") as doing:
        restored = restore(uri, **how, on_progress=doing)
    say_slim(screen, restored.slim)
    with restored.lease() as environment:
        restored.check_environment()
        _become(words, environment, lasting_lease(restored.store, environment))


def _become(words: tuple[str, ...], environment: Environment, lease: int) -> NoReturn:
    """Run the command in place of this process: signals, exit code and terminal are its own.

    It inherits the lease, and so do the processes that it starts: as long as one of them lives, the
    environment is not pruned.
    """
    os.set_inheritable(lease, True)  # noqa: FBT003
    # Python ignores these; a command expects them as a shell would have them.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvpe(words[0], words, activated(environment))  # noqa: S606 - no shell is the point
    except OSError as error:
        raise InputError(
            f"{words[0]} cannot be run: {error.strerror}",
            hint=f"what is installed is in {environment.path / 'bin'}",
        ) from error
