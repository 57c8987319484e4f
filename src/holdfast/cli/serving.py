"""The options of `holdfast serve`, each one thing of `serve.settings`, in groups.

Every option is a variable, too: `HOLDFAST_SERVE_` and its name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from holdfast.cli import options
from holdfast.cli.options import Number
from holdfast.serve.settings import Limits
from holdfast.units import parse_size

F = TypeVar("F", bound=Callable[..., Any])
_LIMITS = Limits()
_ORIGIN = re.compile(r"https?://[^/\s?#@]+|\*")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Size(click.types.StringParamType):
    """A number of bytes: 64MB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click."""
        if isinstance(value, int):
            return value
        try:
            size = parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not size:
            self.fail("a size of nothing", param, ctx)
        return size


class _Model(click.types.StringParamType):
    """A model; a variable holds one, whatever stands in it."""

    def split_envvar_value(self, rv: str) -> list[str]:
        """See click."""
        return [rv]


class Workers(click.IntRange):
    """A number, or "auto": as many as there are cores for this process."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click."""
        if value == "auto":
            from holdfast.cores import available

            return available()
        return int(super().convert(value, param, ctx))


def _matching(pattern: re.Pattern[str], what: str) -> Callable[..., Any]:
    def check(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        for text in (value,) if isinstance(value, str) else value or ():
            if not pattern.fullmatch(text):
                raise click.BadParameter(f"{text!r} is no {what}", ctx, param)
        return value

    return check


def _prefix(ctx: click.Context, param: click.Parameter, value: str) -> str:
    path = f"/{value.strip('/')}" if value.strip("/") else ""
    if path and not _PREFIX.fullmatch(path):
        raise click.BadParameter(f"{value!r} is no path", ctx, param)
    return path


def _addresses(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Any:
    try:
        return tuple(str(ipaddress.ip_address(text)) for text in value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _option(flag: str, *names: str, **how: Any) -> Any:
    """An option whose variable has the flag's name, whatever it is called here."""
    return click.option(flag, *names, envvar=_variable(flag), **how)


def _variable(flag: str) -> str:
    name = flag.partition("/")[0].removeprefix("--").replace("-", "_").upper()
    return f"HOLDFAST_SERVE_{name}"


def _seconds(flag: str, name: str, default: float, help_: str) -> Any:
    return _option(
        flag,
        name,
        type=Number(min=0, min_open=True),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=help_,
    )


def _all(*group: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(group):
            command = option(command)
        return command

    return decorate


models = click.argument(
    "models",
    metavar="[NAME=]MODEL...",
    nargs=-1,
    required=True,
    envvar=options.MODEL_VARIABLE,
    type=_Model(),
)

where = _all(
    _option("--host", default="127.0.0.1", show_default=True, help="Name or address to listen on."),
    click.option(
        "--port",
        # SageMaker's name for it goes before the one that an image sets.
        envvar=["SAGEMAKER_BIND_TO_PORT", _variable("--port")],
        type=click.IntRange(0, 65535),
        default=8000,
        show_default=True,
        help="Port; 0 for a free one, which is said.",
    ),
    _option(
        "--uds",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="A Unix socket instead, for this user only.",
    ),
    _option(
        "--root-path",
        "prefix",
        default="",
        callback=_prefix,
        metavar="/PREFIX",
        help="A path before all paths; a proxy may take it away or not.",
    ),
    _option(
        "--trust-proxy",
        "proxies",
        multiple=True,
        callback=_addresses,
        metavar="ADDRESS",
        help="A proxy whose X-Forwarded-For the log believes. Can be given several times.",
    ),
    _option("--tls-cert", type=_FILE, metavar="FILE", help="HTTPS: the certificate, PEM."),
    _option(
        "--tls-key",
        type=_FILE,
        metavar="FILE",
        help="Its key, PEM; not needed where it is in the certificate's file.",
    ),
    _option(
        "--tls-client-ca",
        type=_FILE,
        metavar="FILE",
        help="Ask clients for a certificate that one of these signed.",
    ),
    _option(
        "--user",
        default="",
        metavar="NAME",
        help="Once listening, become this user; for a server started as root.",
    ),
)

who = _all(
    _option(
        "--api-key-file",
        "key_file",
        type=_FILE,
        metavar="FILE",
        help="A key a line; every request must have one, but for health.",
    ),
    _option(
        "--allow-host",
        "hosts",
        multiple=True,
        metavar="NAME",
        help="A further name in the Host header; '*' for any. On loopback, only loopback's are "
        "taken by default. Can be given several times.",
    ),
    _option(
        "--cors-origin",
        "origins",
        multiple=True,
        callback=_matching(_ORIGIN, "origin: https://example.com is one"),
        metavar="ORIGIN",
        help="Web pages that may read answers; '*' for any. Can be given several times.",
    ),
)

how_much = _all(
    _option(
        "--max-body",
        "body",
        type=Size(),
        default=f"{_LIMITS.body >> 20}MiB",
        show_default=True,
        metavar="SIZE",
        help="Largest body of a request; more is 413.",
    ),
    _option(
        "--inline",
        type=Size(),
        default=f"{_LIMITS.inline >> 20}MiB",
        show_default=True,
        metavar="SIZE",
        help="Largest body that the gateway reads itself; larger ones are the worker's work.",
    ),
    _option(
        "--max-batch-rows",
        "batch_rows",
        type=click.IntRange(1),
        default=_LIMITS.batch_rows,
        show_default=True,
        metavar="ROWS",
        help="Rows that requests which wait may have together in one predict call.",
    ),
    _option(
        "--queue",
        type=click.IntRange(1),
        default=_LIMITS.queue,
        show_default=True,
        metavar="REQUESTS",
        help="Requests of one model that wait; more is 503.",
    ),
    _seconds(
        "--timeout", "timeout", _LIMITS.timeout, "For a request, from arrival to answer; then 504."
    ),
    _seconds(
        "--slow", "slow", _LIMITS.slow, "In which a client must have sent its request; then 408."
    ),
    _seconds("--idle", "idle", _LIMITS.idle, "That a connection may be open without a request."),
    _option(
        "--max-connections",
        "connections",
        type=click.IntRange(1),
        default=_LIMITS.connections,
        metavar="NUMBER",
        help="Connections at once. Default: what the system's limit of files allows.",
    ),
    _seconds("--start-timeout", "start", _LIMITS.start, "That a worker may take to load."),
    _seconds("--drain", "drain", _LIMITS.drain, "That requests have to be answered after SIGTERM."),
)

workers = _all(
    _option(
        "--workers",
        type=Workers(1),
        default=1,
        show_default=True,
        metavar="NUMBER|auto",
        help="Processes for each model; auto: one for each core that this process has.",
    ),
    _option("--memory", type=Size(), metavar="SIZE", help="Private memory for each worker."),
    _option(
        "--cpus",
        type=click.IntRange(1),
        metavar="NUMBER",
        help="Cores for each worker, which it keeps to where the system can.",
    ),
    _option(
        "--batch/--no-batch",
        default=None,
        help="Predict requests that wait together in one call. Default: for flavors known to "
        "answer row by row.",
    ),
)

what = _all(
    _option("--verify", is_flag=True, help="Answer no request before the model's receipt matches."),
    _option(
        "--canary",
        "canaries",
        multiple=True,
        metavar="[NAME=]WEIGHT%:MODEL",
        help="Let another model answer so many percent of the requests: "
        "churn=10%:models:/churn@next.",
    ),
    _option(
        "--shadow",
        "shadows",
        multiple=True,
        metavar="[NAME=]MODEL",
        help="Give another model copies of the requests, and count where its answers differ.",
    ),
    options.poll,
    options.tolerance,
)

said = _all(
    _option(
        "--access-log",
        type=click.Choice(["off", "text", "json"]),
        default="off",
        show_default=True,
        help="A line on stderr for each request.",
    ),
    _option("--json", "as_json", is_flag=True, help="When ready, print one line of JSON."),
)
