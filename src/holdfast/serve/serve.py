"""Serving, as a verb: `holdfast.serve("models:/churn@champion")`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.extras import needed
from holdfast.progress import Progress, silent
from holdfast.serve.naming import named
from holdfast.serve.settings import Settings

if TYPE_CHECKING:
    from holdfast.serve.server import Started


def serve(
    models: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]],
    *,
    host: str | None = None,
    port: int | None = None,
    settings: Settings | None = None,
    on_ready: Callable[[Started], None] | None = None,
    on_progress: Progress = silent,
    on_change: Progress = silent,
) -> None:
    """Serve models over HTTP, each in its sealed environment, until SIGTERM or SIGINT.

    Args:
        models: A model URI or folder; or several, by the names that they are served under.
        host: The address to listen on; that of the settings where it is not given.
        port: As `host`; 0 for a free one.
        settings: Everything else.
        on_ready: Told once all models answer.
        on_progress: Told what takes time until then, a line at a time.
        on_change: Told of what the operator should know, a line at a time.

    Raises:
        InputError: The port is in use, or an option cannot be used.
        ToolError: The extra `serve` is not installed.
        HoldfastError: A model cannot be had, or does not load.
    """
    with needed("serve", "serving"):
        from holdfast.serve.server import run
    if isinstance(models, Mapping):
        by_name = {name: os.fspath(uri) for name, uri in models.items()}
    else:
        by_name = named([os.fspath(models)])
    settings = settings or Settings()
    where = settings.listening
    where = replace(
        where,
        host=where.host if host is None else host,
        port=where.port if port is None else port,
    )
    run(
        by_name,
        replace(settings, listening=where),
        on_ready=on_ready,
        on_progress=on_progress,
        on_change=on_change,
    )
