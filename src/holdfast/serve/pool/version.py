"""A version: one model, opened and restored, from which workers can be started."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from holdfast.cores import available, limited_to, pin
from holdfast.errors import HoldfastError
from holdfast.model import Model, read_golden
from holdfast.restore.restored import Restored
from holdfast.serve.settings import Settings
from holdfast.worker.client import Worker


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker that has loaded its model, and how it is best asked.

    Attributes:
        worker: The worker.
        loaded: What it said of the model: signature, flavors, MLflow's version, seconds.
        by_row: Whether the rows of several requests may be predicted together.
        way: How it calls the model.
        why: Why not in a shorter way, or not by row.
    """

    worker: Worker
    loaded: dict[str, Any]
    by_row: bool
    way: str
    why: str


def version_of(model: Model) -> str:
    """What tells the versions of a model apart: the registry's number, else of the seal's digest.

    Only of letters, digits and dashes: it goes into headers.
    """
    number = model.registered.version if model.registered else ""
    return number if re.fullmatch(r"[A-Za-z0-9-]{1,40}", number) else model.digest[:12]


def start_worker(
    restored: Restored, settings: Settings, on_begin: Callable[[Worker], None]
) -> Ready:
    """Start a worker, load the model, and find the shortest way to it. Takes seconds.

    The caller has compared the model's files with the seal, and holds a lease of the environment.
    `on_begin` gets the worker while it loads: to kill it ends the wait.

    Raises:
        MismatchError: The environment was written since it was built.
        ModelError: The model does not load.
    """
    restored.check_environment()
    threads = settings.cpus or max(1, available() // settings.workers)
    environment = restored.environment
    with ExitStack() as undo:
        worker = undo.enter_context(
            Worker.start(
                environment.python,
                restored.model.path,
                pycache=environment.pycache,
                # What the user has set is meant.
                environment=limited_to(threads),
                memory_limit=settings.memory,
            )
        )
        on_begin(worker)
        if settings.cpus:
            pin(worker.pid, settings.cpus)
        if settings.nice:
            os.setpriority(os.PRIO_PROCESS, worker.pid, settings.nice)
        loaded = worker.load(timeout=settings.limits.start)
        header, buffers = _example(restored)
        found = worker.prepare(
            header, buffers, threads=threads, batch=settings.batch, timeout=settings.limits.start
        )
        undo.pop_all()
    return Ready(
        worker=worker,
        loaded=loaded,
        by_row=bool(found.get("by_row")),
        way=str(found.get("way", "")),
        why=str(found.get("why", "")),
    )


def _example(restored: Restored) -> tuple[dict[str, Any] | None, tuple[Any, ...]]:
    """The input example that the seal keeps; nothing where it keeps none that can be read."""
    if not restored.model.seal.golden.sha256:
        return None, ()
    try:
        given = read_golden(restored.model).given
    except HoldfastError:
        return None, ()
    return dict(given.header), tuple(given.buffers)
