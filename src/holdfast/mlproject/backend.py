"""The project backend that MLflow loads by the name `holdfast`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.exceptions import ExecutionException
from mlflow.projects import utils
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PROJECT_ENV

from holdfast.environment.store import Environment, Store
from holdfast.environment.use import lasting_lease, refuse_changed
from holdfast.errors import HoldfastError, InputError, ToolError
from holdfast.lock.pylock import check_packaging
from holdfast.mlproject.command import refuse_shell_words, words_of
from holdfast.mlproject.environment import locked_environment
from holdfast.mlproject.options import Options, read_options
from holdfast.mlproject.submit import Job, submit

# Of MLflow's own name, so that its handlers print what takes time.
_logger = logging.getLogger("mlflow.projects.holdfast")

ENVIRONMENT_TAG = "holdfast.environment"


class HoldfastBackend(AbstractBackend):  # type: ignore[misc]
    """Runs a project's entry point in the environment of its lock."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, Any] | None,
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,  # noqa: ARG002 - MLflow's signature; its clients know it
        experiment_id: str,
    ) -> SubmittedRun:
        """Fetch the project, restore its environment and start the entry point.

        Raises:
            ExecutionException: Any of it cannot be had; MLflow's command line prints it.
        """
        try:
            _check_packaging()
            options = read_options(backend_config)
            work_dir = utils.fetch_and_validate_project(project_uri, version, entry_point, params)
            words = _words(work_dir, entry_point, params, options)
            store = Store.open()
            environment = locked_environment(
                store, Path(work_dir), _root(project_uri, Path(work_dir)), options, _say
            )
            run = utils.get_or_create_run(
                None, project_uri, experiment_id, work_dir, version, entry_point, params
            )
            return _started(run.info, store, environment, work_dir, words, options)
        except HoldfastError as error:
            raise ExecutionException(str(error)) from error


def _check_packaging() -> None:
    """The project may hold any MLflow; the one that starts it needs what restores environments."""
    try:
        check_packaging()
    except ToolError as error:
        raise ToolError(
            error.message,
            hint="start the project where MLflow is newer than 3.1: "
            "uvx --with holdfast --from 'mlflow>=3.2' mlflow run …",
        ) from error


def _words(
    work_dir: str, entry_point: str, params: Mapping[str, Any] | None, options: Options
) -> list[str]:
    """What to run, the parameters as MLflow fits them in."""
    project = utils.load_project(work_dir)
    if project.docker_env:
        raise InputError(
            "this MLproject names a docker_env; the backend holdfast runs what uv.lock says",
            hint="take docker_env out of MLproject, or leave out `--backend holdfast`",
        )
    point = project.get_entry_point(entry_point)
    if point is None:
        raise InputError(f"MLproject has no entry point {entry_point!r} to run here")
    if not options.shell:
        refuse_shell_words(str(point.command or ""), entry_point)
    (command,) = utils.get_entry_point_command(project, entry_point, params, options.storage)
    return ["bash", "-c", command] if options.shell else words_of(command)


def _root(uri: str, work_dir: Path) -> Path | None:
    """The top of what was fetched for `uri`; None for a folder that was here already.

    Above a fetched project lies a temporary folder, where others may have put a lock of theirs.
    """
    source, _, subdirectory = uri.strip("'\"").partition("#")
    local = Path(source.removeprefix("file://"))
    if local.is_dir() and local.resolve() in (work_dir.resolve(), *work_dir.resolve().parents):
        return None
    depth = len(Path(subdirectory).parts)
    return (work_dir, *work_dir.parents)[depth].resolve()


def _started(
    run: Any,
    store: Store,
    environment: Environment,
    work_dir: str,
    words: list[str],
    options: Options,
) -> SubmittedRun:
    client = MlflowClient()
    try:
        client.set_tag(run.run_id, MLFLOW_PROJECT_ENV, "holdfast")
        client.set_tag(run.run_id, ENVIRONMENT_TAG, environment.key)
        with store.lease(environment):
            refuse_changed(store, environment)
            lease = lasting_lease(store, environment)
        _say(f"running {words[0]} in {work_dir}, run {run.run_id}")
        job = Job(
            words=words,
            folder=work_dir,
            environment=environment,
            lease=lease,
            run_id=run.run_id,
            experiment_id=run.experiment_id,
            variables=options.variables,
            waits=options.synchronous,
        )
        return submit(job)
    except BaseException:  # an interrupt, too: no run is left as if it went on
        client.set_terminated(run.run_id, "FAILED")
        raise


def _say(line: str) -> None:
    _logger.info("=== holdfast: %s ===", line)
