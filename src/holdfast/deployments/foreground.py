"""A model served in the caller's terminal: `mlflow deployments run-local`."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from mlflow.exceptions import MlflowException

from holdfast.deployments.client import refuse_flavor, told
from holdfast.deployments.config import changed, options_of
from holdfast.deployments.server import command

_INTERRUPTED = {0, 130, -signal.SIGINT, -signal.SIGTERM}


def serve_here(name: str, uri: str, flavor: str | None, given: Mapping[str, Any]) -> None:
    """Serve until the server ends, which Ctrl-C and SIGTERM tell it to.

    Raises:
        MlflowException: The configuration cannot be used, or the server failed.
    """
    refuse_flavor(flavor)
    with told():
        config = changed({}, given)
    where = f"--uds={config['uds']}" if "uds" in config else f"--port={config.get('port', 8000)}"
    with subprocess.Popen(command(name, uri, [where, *options_of(config)])) as process:
        _pass_on(process)
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:  # the terminal has told the server, too
                continue
    if code not in _INTERRUPTED:
        raise MlflowException(f"the server ended with {code}; what it said stands above")


def _pass_on(process: subprocess.Popen[bytes]) -> None:
    """Who ends this process ends the server."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
