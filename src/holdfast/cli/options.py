"""Arguments and options that several commands have, each with one meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click
from click.core import ParameterSource

from holdfast.cli.render import Screen

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A number in a range; "nan" is in none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See click."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def _tell_screen(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        setattr(ctx.ensure_object(Screen), str(param.name), True)


def talk(command: F) -> F:
    """-q and -v; they say the same before the command's name and after it."""
    shared: dict[str, Any] = {"is_flag": True, "expose_value": False, "callback": _tell_screen}
    verbose = click.option(
        "-v", "--verbose", help="Tracebacks, and all that is going on.", **shared
    )
    quiet = click.option("-q", "--quiet", help="No progress and no talk; errors only.", **shared)
    return quiet(verbose(command))


class _Name(click.types.StringParamType):
    """A package's name; a variable holds several, with commas between them."""

    name = "name"
    envvar_list_splitter = ","

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        name = str(value).strip()
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            self.fail(f"{value!r} is no name of a package", param, ctx)
        return name


def _with_slim(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Any:
    source = ctx.get_parameter_source(str(param.name))
    if source is ParameterSource.COMMANDLINE and not ctx.params.get("slim"):
        raise click.UsageError("--slim-include says what --slim keeps; it needs --slim.")
    return value


class How(TypedDict):
    """How an environment is brought back: what `how` gives a command, to be passed on."""

    slim: bool
    slim_include: tuple[str, ...]
    offline: bool
    strict: bool


def how(command: F) -> F:
    """--slim, --slim-include, --offline and --strict: `**how: Unpack[How]` of the command."""
    only_needed = click.option(
        "--slim",
        is_flag=True,
        is_eager=True,
        envvar="HOLDFAST_SLIM",
        show_envvar=True,
        help="Only the packages that the model was seen to need, proven by its golden predictions.",
    )
    include = click.option(
        "--slim-include",
        multiple=True,
        type=_Name(),
        envvar="HOLDFAST_SLIM_INCLUDE",
        show_envvar=True,
        callback=_with_slim,
        metavar="NAME",
        help="A package that --slim keeps in any case. Can be given several times.",
    )
    return only_needed(include(offline(strict(command))))


def advisories(command: F) -> F:
    """--service and --database: who says what is known against a package."""
    service = click.option(
        "--service",
        default="",
        envvar="HOLDFAST_AUDIT_SERVICE",
        show_envvar=True,
        metavar="URL",
        help="Ask this service, which speaks OSV's interface, in place of OSV's own.",
    )
    database = click.option(
        "--database",
        type=click.Path(exists=True, path_type=Path),
        envvar="HOLDFAST_AUDIT_DATABASE",
        show_envvar=True,
        metavar="PATH",
        help="Look into a folder or zip of OSV records; no network is needed.",
    )
    return service(database(command))


# An image names the model that it holds.
MODEL_VARIABLE = "HOLDFAST_MODEL"
model = click.argument("uri", metavar="MODEL", envvar=MODEL_VARIABLE)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
offline = click.option(
    "--offline",
    is_flag=True,
    envvar="HOLDFAST_OFFLINE",
    show_envvar=True,
    help="Use only what is in the store and in uv's cache.",
)
strict = click.option(
    "--strict",
    is_flag=True,
    envvar="HOLDFAST_STRICT",
    show_envvar=True,
    help="Refuse another patch release of the sealed Python.",
)
timeout = click.option(
    "--timeout",
    type=Number(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For loading and predicting.",
)
tolerance = click.option(
    "--tolerance",
    type=Number(min=0),
    default=0.0,
    show_default=True,
    help="Predictions may differ by this much.",
)
poll = click.option(
    "--poll",
    type=Number(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Look so often whether an alias names another version; 0 for only when told to.",
)
