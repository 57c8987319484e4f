"""`holdfast serve`: models over HTTP, each in its sealed environment."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli import options, serving
from holdfast.cli.render import Screen, print_data
from holdfast.progress import Progress
from holdfast.serve.beside import read_beside
from holdfast.serve.naming import named
from holdfast.serve.seen.logs import changes
from holdfast.serve.serve import serve
from holdfast.serve.settings import Guard, Limits, Listening, Settings, Tls

if TYPE_CHECKING:
    from holdfast.serve.endpoint.endpoint import Endpoint
    from holdfast.serve.server import Started


@click.command("serve", context_settings={"auto_envvar_prefix": "HOLDFAST_SERVE"})
@serving.models
@serving.where
@serving.who
@serving.workers
@serving.what
@serving.how_much
@options.how
@serving.said
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    /,
    models: tuple[str, ...],
    *,
    as_json: bool,
    canaries: Any,
    shadows: Any,
    **chosen: Any,
) -> None:
    """Serve models over HTTP, in MLflow's scoring protocol, each in its sealed environment.

    Every option is a variable, too: HOLDFAST_SERVE_MAX_BODY is --max-body.

    \b
    holdfast serve models:/churn@champion
    holdfast serve champion=models:/churn@champion digits=models:/mnist/3 --workers 2
    """  # noqa: D301 - click's sign for lines that stay as they are
    by_name = named(models)
    settings = Settings(
        **_of(Settings, chosen),
        beside=read_beside(by_name, canaries, shadows),
        limits=Limits(**_of(Limits, chosen)),
        listening=Listening(**_of(Listening, chosen), tls=_tls(chosen)),
        guard=Guard(**_of(Guard, chosen)),
    )
    with ExitStack() as starting:
        progress: Progress = screen.say
        if sys.stderr.isatty():
            progress = starting.enter_context(screen.progress("starting"))

        def ready(started: Started) -> None:
            starting.close()
            _say(started, changes(settings.access_log, screen.say))
            if as_json:
                print_data(json.dumps(_describe(started)))
                sys.stdout.flush()

        serve(
            by_name, settings=settings, on_ready=ready, on_progress=progress, on_change=screen.say
        )


def _of(kind: type, chosen: dict[str, Any]) -> dict[str, Any]:
    """Of what was chosen, what such a value is made of."""
    return {one.name: chosen[one.name] for one in fields(kind) if one.name in chosen}


def _tls(chosen: dict[str, Any]) -> Tls | None:
    cert: Path | None = chosen["tls_cert"]
    key, client_ca = chosen["tls_key"], chosen["tls_client_ca"]
    if cert is not None:
        return Tls(cert=cert, key=key, client_ca=client_ca)
    if key or client_ca:
        raise click.UsageError("--tls-key and --tls-client-ca need --tls-cert.")
    return None


def _say(started: Started, say: Progress) -> None:
    say(f"serving on {started.url}")
    for endpoint in started.endpoints.values():
        say(f"  {_line(endpoint)}")


def _line(endpoint: Endpoint) -> str:
    pool = endpoint.pool
    if pool is None:
        return endpoint.refusal
    batches = "in batches" if pool.by_row else f"singly: {pool.why}" if pool.why else "singly"
    model = pool.restored.model
    version = f" (version {pool.version})" if model.registered else ""
    return (
        f"{endpoint.name}: {endpoint.uri}{version}, "
        f"seal {model.digest[:12]} ({model.seal.grade.value}), {pool.way}, {batches}"
    )


def _describe(started: Started) -> dict[str, Any]:
    models = [_model(started.url, endpoint) for endpoint in started.endpoints.values()]
    return {"url": started.url, "models": models}


def _model(url: str, endpoint: Endpoint) -> dict[str, Any]:
    pool = endpoint.pool
    found: dict[str, Any] = {
        "name": endpoint.name,
        "uri": endpoint.uri,
        "invocations": f"{url}/models/{endpoint.name}/invocations",
        "ready": endpoint.ready,
    }
    if pool is not None:
        model = pool.restored.model
        found |= {"version": pool.version, "seal": model.digest, "grade": model.seal.grade.value}
        found |= {"way": pool.way, "by_row": pool.by_row}
    return found
