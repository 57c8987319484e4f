"""Starting the command of a run, and reporting how it ended."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click
from mlflow import get_tracking_uri
from mlflow.entities import RunStatus
from mlflow.projects.submitted_run import LocalSubmittedRun
from mlflow.projects.utils import get_run_env_vars
from mlflow.tracking import MlflowClient
from mlflow.utils.databricks_utils import get_databricks_env_vars

from holdfast.environment.store import Environment
from holdfast.environment.use import activated
from holdfast.errors import InputError

_logger = logging.getLogger("mlflow.projects.holdfast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run to start.

    Attributes:
        words: The command.
        folder: Where it runs: the project's.
        lease: A file descriptor that keeps the environment; the command inherits it.
        variables: More environment variables.
        waits: MLflow waits for the end and reports it.
    """

    words: Sequence[str]
    folder: str
    environment: Environment
    lease: int
    run_id: str
    experiment_id: str
    variables: Mapping[str, str] = field(default_factory=dict)
    waits: bool = True


def submit(job: Job) -> LocalSubmittedRun:
    """Start `job`.

    Whoever asked MLflow not to wait has the end reported to the run all the same; MLflow's command
    line never waits for a backend that is not its own, so there we do, and its exit code is 1 where
    the run failed.

    Raises:
        InputError: The command cannot be started.
    """
    command_line = _command_line()
    try:
        process = _start(job, apart=not job.waits and command_line is None)
    except OSError as error:
        raise InputError(
            f"{job.words[0]} cannot be run: {error.strerror}",
            hint=f"what is installed is in {job.environment.path / 'bin'}",
        ) from error
    finally:
        os.close(job.lease)
    run = LocalSubmittedRun(job.run_id, process)
    if not job.waits:
        # No daemon: this process ends when the run has, and its end is reported.
        reporter = threading.Thread(target=_report, args=(MlflowClient(), run))
        reporter.start()
        if command_line is not None:
            command_line.call_on_close(lambda: _wait(run, reporter))
    return run


def _start(job: Job, *, apart: bool) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own where nobody waits for it here."""
    environment = activated(job.environment)
    # What it named was this process's project; the run's is where it runs.
    environment.pop("HOLDFAST_PROJECT", None)
    environment |= get_run_env_vars(job.run_id, job.experiment_id)
    environment |= get_databricks_env_vars(get_tracking_uri())
    environment["MLFLOW_TRACKING_URI"] = _absolute(environment["MLFLOW_TRACKING_URI"])
    return subprocess.Popen(
        list(job.words),
        cwd=job.folder,
        env={**environment, **job.variables},
        pass_fds=(job.lease,),
        start_new_session=apart,
    )


def _absolute(uri: str) -> str:
    """A store named by a relative path is meant from here, not from the project's folder."""
    path = urlsplit(uri).path
    if uri.startswith("sqlite:///") and path[1:] and not path.startswith("//"):
        return f"sqlite:///{Path(path[1:]).absolute()}"
    return uri


def _command_line() -> click.Context | None:
    """The `mlflow run` that we are called from, if it is that and not a program of the user's."""
    context = click.get_current_context(silent=True)
    callback = context.command.callback if context else None
    return context if getattr(callback, "__module__", "").startswith("mlflow.") else None


def _report(client: MlflowClient, run: LocalSubmittedRun) -> None:
    """Wait for the end and tell the tracking server, unless the run's own code did."""
    status = "FINISHED" if run.wait() else "FAILED"
    if not RunStatus.is_terminated(client.get_run(run.run_id).info.status):
        client.set_terminated(run.run_id, status)


def _wait(run: LocalSubmittedRun, reporter: threading.Thread) -> None:
    try:
        reporter.join()
    except KeyboardInterrupt:
        run.cancel()
        raise
    if not run.wait():
        _logger.error("=== Run (ID '%s') failed ===", run.run_id)
        sys.exit(1)
    _logger.info("=== Run (ID '%s') succeeded ===", run.run_id)
