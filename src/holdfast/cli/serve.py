"""`holdfast serve`: models over HTTP, each in its sealed environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from holdfast.cli import options
from holdfast.cli.render import Screen
from holdfast.errors import InputError, ToolError

if TYPE_CHECKING:
    from typing_extensions import Unpack

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_NAMED = re.compile(rf"({_NAME})=(.+)", re.DOTALL)
_REGISTERED = re.compile(r"models:/+([^/@]+)")


@click.command("serve")
@click.argument("models", metavar="[NAME=]MODEL...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes for each model.",
)
@click.option(
    "--batch/--no-batch",
    default=None,
    help="Predict requests that wait together in one call. Default: for flavors known to answer "
    "row by row.",
)
@click.option(
    "--verify", is_flag=True, help="Answer no request before the model's receipt matches."
)
@click.option(
    "--canary",
    "canaries",
    multiple=True,
    metavar="[NAME=]WEIGHT%:MODEL",
    help="Let another model answer so many percent of the requests: churn=10%:models:/churn@next.",
)
@click.option(
    "--shadow",
    "shadows",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="Give another model copies of the requests, and count where its answers differ.",
)
@options.poll
@options.tolerance
@options.how
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    models: tuple[str, ...],
    *,
    host: str,
    port: int,
    workers: int,
    batch: bool | None,
    verify: bool,
    canaries: tuple[str, ...],
    shadows: tuple[str, ...],
    poll: float,
    tolerance: float,
    **how: Unpack[options.How],
) -> None:
    """Serve models over HTTP, in MLflow's scoring protocol, each in its sealed environment.

    \b
    holdfast serve models:/churn@champion
    holdfast serve champion=models:/churn@champion digits=models:/mnist/3 --workers 2
    """  # noqa: D301 - click's sign for lines that stay as they are
    try:
        from holdfast.serve.beside import read_beside
        from holdfast.serve.server import run
        from holdfast.serve.settings import Settings
    except ImportError as error:
        raise ToolError(
            f"serving needs a package that is not here: {error.name}",
            hint="uv tool install 'holdfast[serve]', or uv add 'holdfast[serve]'",
        ) from error
    served = named(models)
    settings = Settings(
        workers=workers,
        batch=batch,
        verify=verify,
        tolerance=tolerance,
        poll=poll,
        beside=read_beside(served, canaries, shadows),
        **how,
    )
    run(served, settings, host=host, port=port, on_change=screen.say)


def named(models: tuple[str, ...]) -> dict[str, str]:
    """Model URIs by the names they are served under.

    Raises:
        InputError: A name stands for two models.
    """
    found: dict[str, str] = {}
    for text in models:
        match = _NAMED.fullmatch(text)
        name, uri = match.groups() if match else (_name_of(text), text)
        if name in found:
            raise InputError(
                f"two models would be served as {name}",
                hint=f"give them names: champion={found[name]} other={uri}",
            )
        found[name] = uri
    return found


def _name_of(uri: str) -> str:
    """The registered model's name, or the end of the path; "model" where neither is fit."""
    match = _REGISTERED.match(uri)
    name = match.group(1) if match else uri.rstrip("/").rpartition("/")[2]
    return name if re.fullmatch(_NAME, name) else "model"
