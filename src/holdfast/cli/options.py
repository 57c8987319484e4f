"""Arguments and options that several commands have, each with one meaning."""

from __future__ import annotations

import click

model = click.argument("uri", metavar="MODEL")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
offline = click.option(
    "--offline",
    is_flag=True,
    envvar="HOLDFAST_OFFLINE",
    help="Use only what is in the store and in uv's cache.",
)
strict = click.option(
    "--strict",
    is_flag=True,
    envvar="HOLDFAST_STRICT",
    help="Refuse another patch release of the sealed Python.",
)
timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For loading and predicting.",
)
