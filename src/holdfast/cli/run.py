"""`holdfast run`: any command, in the sealed environment."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from holdfast.cli import options
from holdfast.cli.render import Screen
from holdfast.errors import InputError


@click.command("run", context_settings={"ignore_unknown_options": True})
@options.model
@click.argument("words", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@options.offline
@options.strict
@click.pass_obj
def command(
    screen: Screen, uri: str, *, words: tuple[str, ...], offline: bool, strict: bool
) -> None:
    r"""Run COMMAND in the sealed environment of MODEL; its exit code is ours.

    \b
    holdfast run models:/churn@champion -- python -c "import sklearn; print(sklearn.__version__)"
    """
    from holdfast.environment.store import Environment
    from holdfast.restore import restore

    def surroundings(environment: Environment) -> dict[str, str]:
        drop = ("PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX")
        kept = {name: value for name, value in os.environ.items() if name not in drop}
        return kept | {
            "VIRTUAL_ENV": str(environment.path),
            "PATH": os.pathsep.join((str(environment.path / "bin"), kept.get("PATH", os.defpath))),
            "PYTHONPYCACHEPREFIX": str(environment.pycache),
        }

    with screen.progress("restoring") as doing:
        restored = restore(uri, offline=offline, strict=strict, on_progress=doing)
    with restored.lease() as environment:
        try:
            done = subprocess.run(words, env=surroundings(environment), check=False)
        except OSError as error:
            raise InputError(f"{words[0]} cannot be run: {error.strerror}") from error
    sys.exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)
