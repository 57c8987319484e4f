"""MLflow's door: the target `holdfast` of `mlflow deployments`, endpoints on this machine.

Every deployment is a `holdfast serve` of its own, started as a command: this room keeps its books
and asks it for predictions, and serves nothing itself. MLflow loads this module by its name, looks
for one client class and the two functions below, and imports it early: what is heavy is imported
where it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.deployments.client import HoldfastDeploymentClient
from holdfast.deployments.config import describe
from holdfast.deployments.foreground import serve_here

__all__ = ["HoldfastDeploymentClient", "run_local", "target_help"]


def run_local(
    name: str, model_uri: str, flavor: str | None = None, config: Mapping[str, Any] | None = None
) -> None:
    """Serve a model until it is interrupted; nothing is written down.

    Raises:
        MlflowException: The configuration cannot be used, or the server failed.
    """
    serve_here(name, model_uri, flavor, config or {})


def target_help() -> str:
    """What `mlflow deployments help -t holdfast` prints."""
    return f"""\
The target `holdfast` runs endpoints on this machine. Each deployment is a `holdfast serve` in the
background, with the model in its sealed environment; it needs `holdfast[serve]`.

  mlflow deployments create -t holdfast --name churn -m models:/churn@champion -C workers=2
  mlflow deployments predict -t holdfast --name churn -I input.json
  mlflow deployments update -t holdfast --name churn -m models:/churn/4
  mlflow deployments get -t holdfast --name churn
  mlflow deployments list -t holdfast
  mlflow deployments delete -t holdfast --name churn

The target URI is `holdfast`, without more. A model URI that is an alias is followed: no update is
needed when it moves. Nothing starts deployments again after a reboot; `get` then says `dead`, and
`update` starts it.

Configuration, -C name=value:
{describe()}
`update` keeps what it is not told to change; a value that is empty goes back to the default. The
new server answers before the old one, which finishes what it has begun, is told to end. Without
`port` the new one has another port: ask `get`, or use `uds`, whose path stays.
"""
