"""The client that `mlflow.deployments.get_deploy_client("holdfast")` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlflow.deployments.base import BaseDeploymentClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from holdfast.deployments import book, operate
from holdfast.deployments.book import Record
from holdfast.deployments.operate import AlreadyThereError, NotThereError
from holdfast.errors import HoldfastError, InputError

if TYPE_CHECKING:
    from mlflow.deployments import PredictionsResponse

FLAVOR = "python_function"
# What `holdfast serve` gives a request, where the configuration does not say.
_TIMEOUT = 60.0


@contextmanager
def told() -> Iterator[None]:
    """What Holdfast refuses, as MLflow's own exception."""
    try:
        yield
    except AlreadyThereError as error:
        raise MlflowException(str(error), RESOURCE_ALREADY_EXISTS) from error
    except NotThereError as error:
        raise MlflowException(str(error), RESOURCE_DOES_NOT_EXIST) from error
    except InputError as error:
        raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from error
    except HoldfastError as error:
        raise MlflowException(str(error), INTERNAL_ERROR) from error


class HoldfastDeploymentClient(BaseDeploymentClient):  # type: ignore[misc]
    """Deployments on this machine, each a `holdfast serve` of its own.

    A deployment is an endpoint: where MLflow asks for either name, they are the same.

    Args:
        target_uri: "holdfast".

    Raises:
        MlflowException: The target says more than that.
    """

    def __init__(self, target_uri: str) -> None:
        if target_uri.rstrip(":/") != "holdfast":
            raise MlflowException(
                f"the target is {target_uri!r}; expected 'holdfast', which is this machine",
                INVALID_PARAMETER_VALUE,
            )
        super().__init__(target_uri)

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Serve a model; it answers when this returns.

        Raises:
            MlflowException: There is one of that name, or the server did not come up.
        """
        refuse_flavor(flavor)
        _refuse_endpoint(endpoint)
        with told():
            return _described(operate.create(name, model_uri, config or {}))

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Serve another model, or in another way, when the new server answers.

        Raises:
            MlflowException: There is none of that name, or the new server did not come up; the
                old one goes on.
        """
        refuse_flavor(flavor)
        _refuse_endpoint(endpoint)
        with told():
            return _described(operate.update(name, model_uri, config or {}))

    def delete_deployment(
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        """End a deployment; none of that name is as good."""
        del config
        _refuse_endpoint(endpoint)
        with told():
            operate.delete(name)

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """All deployments of this user, dead ones too."""
        _refuse_endpoint(endpoint)
        with told():
            records = [book.read(name) for name in book.names()]
        return [_described(one) for one in records if one is not None]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """A deployment, whether it runs, and where.

        Raises:
            MlflowException: There is none of that name.
        """
        _refuse_endpoint(endpoint)
        with told():
            return _described(operate.there(name))

    def predict(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        """Predictions for a DataFrame, an array, a list, a dictionary, or a request as JSON.

        Args:
            deployment_name: Which deployment.
            inputs: As `mlflow.pyfunc` takes them; a dictionary may be a request of the protocol.
            endpoint: The same as `deployment_name`.

        Raises:
            MlflowException: There is no such deployment, it does not run, or it refused.
        """
        from mlflow.deployments import PredictionsResponse

        from holdfast.deployments.ask import body_of

        name = deployment_name or endpoint
        if not name or (endpoint and deployment_name and endpoint != deployment_name):
            raise MlflowException(
                "give the name of one deployment, or of one endpoint", INVALID_PARAMETER_VALUE
            )
        return PredictionsResponse.from_json(_answer(name, body_of(inputs)))


def refuse_flavor(flavor: str | None) -> None:
    """Every flavor is served as python_function.

    Raises:
        MlflowException: Another one was asked for.
    """
    if flavor not in {None, FLAVOR}:
        raise MlflowException(
            f"the flavor is {flavor!r}; {FLAVOR} is what is served", INVALID_PARAMETER_VALUE
        )


def _refuse_endpoint(endpoint: str | None) -> None:
    if endpoint is not None:
        raise MlflowException(
            "a deployment of the target holdfast is an endpoint of its own; leave `endpoint` out",
            INVALID_PARAMETER_VALUE,
        )


def _answer(name: str, body: str) -> str:
    """What a deployment's server answers; asked again where an update has put another in place."""
    from holdfast.deployments.ask import ask

    with told():
        record = operate.there(name)
    while True:
        timeout = operate.seconds_of(record.config, "timeout", _TIMEOUT)
        try:
            key = record.config.get("api-key-file", "")
            return ask(record.url, body, timeout=timeout, key_file=key)
        except OSError as error:
            with told():
                now = operate.there(name)
            if now.generation == record.generation:
                raise _gone(now, error) from error
            record = now


def _gone(record: Record, error: OSError) -> MlflowException:
    how = (
        f"cannot be reached: {error}"
        if operate.runs(record)
        else f"does not run any more; mlflow deployments update -t holdfast --name {record.name} "
        "starts it"
    )
    return MlflowException(f"the deployment {record.name} {how}", TEMPORARILY_UNAVAILABLE)


def _described(record: Record) -> dict[str, Any]:
    return {
        "name": record.name,
        "flavor": FLAVOR,
        "model_uri": record.uri,
        "status": "running" if operate.runs(record) else "dead",
        "url": record.url,
        **record.model,
        "config": record.config,
        "pid": record.pid,
        "created": record.created,
        "updated": record.updated,
        "log": str(book.folder_of(record.name) / "log"),
    }
