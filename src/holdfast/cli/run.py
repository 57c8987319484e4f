"""`holdfast run`: any command, in the sealed environment."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

import click

from holdfast.cli import options
from holdfast.cli.render import Screen
from holdfast.environment.store import Environment
from holdfast.errors import InputError

_OF_ANOTHER_PYTHON = ("PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX")


@click.command("run", context_settings={"allow_interspersed_args": False})
@options.offline
@options.strict
@options.talk
@options.model
@click.argument("words", metavar="[--] COMMAND...", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(
    screen: Screen, uri: str, *, words: tuple[str, ...], offline: bool, strict: bool
) -> None:
    """Run COMMAND in the sealed environment of MODEL; its exit code is ours.

    Options stand before MODEL; what stands after it is the command's.

    \b
    holdfast run models:/churn@champion python -c "import sklearn; print(sklearn.__version__)"
    """  # noqa: D301 - click's sign for lines that stay as they are
    from holdfast.restore import restore

    words = words[1:] if words[:1] == ("--",) else words
    if not words:
        raise click.UsageError("Missing argument 'COMMAND...'.")
    if words[0].startswith("-"):
        raise click.UsageError(f"{words[0]} is no command; options stand before MODEL.")
    with screen.progress("restoring") as doing:
        restored = restore(uri, offline=offline, strict=strict, on_progress=doing)
    with restored.lease() as environment:
        restored.check_environment()
        _become(words, environment, restored.store.layout.lease_lock(environment.key))


def _become(words: tuple[str, ...], environment: Environment, lease: os.PathLike[str]) -> NoReturn:
    """Run the command in place of this process: signals, exit code and terminal are its own.

    It inherits the lease, and so do the processes that it starts: as long as one of them lives, the
    environment is not pruned.
    """
    from pathlib import Path

    from holdfast.environment.lease import acquire

    held = acquire(Path(lease), shared=True)
    assert held is not None  # noqa: S101 - shared, and we hold it already
    os.set_inheritable(held, True)  # noqa: FBT003
    # Python ignores these; a command expects them as a shell would have them.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvpe(words[0], words, _surroundings(environment))  # noqa: S606 - no shell is the point
    except OSError as error:
        raise InputError(
            f"{words[0]} cannot be run: {error.strerror}",
            hint=f"what is installed is in {environment.path / 'bin'}",
        ) from error


def _surroundings(environment: Environment) -> dict[str, str]:
    """This process's variables, as activating the environment would set them."""
    kept = {name: text for name, text in os.environ.items() if name not in _OF_ANOTHER_PYTHON}
    return kept | {
        "VIRTUAL_ENV": str(environment.path),
        "PATH": os.pathsep.join((str(environment.path / "bin"), kept.get("PATH", os.defpath))),
        "PYTHONPYCACHEPREFIX": str(environment.pycache),
    }
