"""The command line: one file per command, `render.py` for everything that prints.

A command's file is imported when the command runs, so that `holdfast --help` answers at once.
stdout carries data only; progress and talk go to stderr. Exit codes: 0 done; 1 verified and it does
not match, or compared and they differ; 2 wrong usage or input; 3 a tool, the store or the network
failed; 4 a bug.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from holdfast import __version__
from holdfast.cli import options
from holdfast.cli.render import Screen, print_error
from holdfast.errors import HoldfastError

_USAGE = 2
_BUG = 4
_INTERRUPTED = 130

_COMMANDS = {
    "demo": "See it all on real data: log, seal, restore, verify, predict.",
    "init": "Make a project from a template: training, tests, service, CI.",
    "migrate": "Make a uv project of what pip, Poetry, Pipenv or conda know of one.",
    "doctor": "Say whether a project is ready to seal, and this machine to restore.",
    "audit": "Say what is known against a model's or a project's packages; SBOM, SARIF.",
    "show": "Say what a model's seal says; nothing of the model is loaded.",
    "restore": "Bring the sealed environment back; prints its folder.",
    "run": "Run a command in the sealed environment.",
    "verify": "Compare everything with the seal, and replay the predictions.",
    "diff": "Say what changed between two models or versions.",
    "patch": "Try other versions in a model's lock, proven by its golden predictions.",
    "predict": "Predict a file's rows, in the sealed environment.",
    "score": "Predict files of any size and number, row by row; can be started again.",
    "serve": "Serve models over HTTP, each in its sealed environment.",
    "image": "Make an OCI image that serves a model; no Docker, no root.",
    "bench": "Measure what pip, uv, MLflow and Holdfast cost on a project of one's own.",
    "env": "List, measure and prune what is kept.",
}


class _Commands(click.Group):
    """The commands of `_COMMANDS`, each in the file of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"holdfast.cli.{cmd_name}").command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


_EPILOG = """\
\b
Exit codes: 0 done; 1 it does not match, or two differ; 2 wrong usage or input;
3 a tool, the store or the network failed; 4 a bug.
"""


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG
)
@click.version_option(__version__, prog_name="holdfast")
@options.talk
def holdfast() -> None:
    """Keep a machine-learning model and its exact environment together.

    MODEL is any MLflow model URI (models:/name/version, models:/name@alias, models:/m-id,
    runs:/id/path, any artifact URI) or a model's folder. Where it is left out, HOLDFAST_MODEL says
    which.
    """
    # MLflow would try a server that is down for four minutes; three tries are a quarter of one.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    if not sys.stderr.isatty():
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show is shown as what it can.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(_run())


def _run() -> int:
    screen = Screen()
    code = 0
    try:
        holdfast(standalone_mode=False, obj=screen)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = _USAGE
    except HoldfastError as error:
        code = _failed(error, screen)
    except Exception as error:  # noqa: BLE001 - the last door: a bug is said to be one
        code = _bug(error)
    return code


def _failed(error: HoldfastError, screen: Screen) -> int:
    if screen.verbose:
        _print_traceback(error)
    print_error(error)
    return error.exit_code


def _bug(error: Exception) -> int:
    _print_traceback(error)
    click.echo(
        "\nerror: this is a bug in Holdfast; please report it with the lines above", err=True
    )
    return _BUG


def _print_traceback(error: Exception) -> None:
    import traceback

    from holdfast.redact import redact_said

    trace = "".join(traceback.format_exception(error))
    click.echo(redact_said(trace, os.environ), err=True)
