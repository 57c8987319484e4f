"""Recording a receipt: tags on the version in MLflow's registry, which its UI shows."""

from __future__ import annotations

from holdfast.errors import InputError, ToolError
from holdfast.mlflow_store import GRADE_TAG, SEAL_TAG, RegisteredVersion
from holdfast.model import Model
from holdfast.verify.receipt import Receipt


def check_recordable(model: Model) -> RegisteredVersion:
    """The registry's version that `model` was named by.

    Raises:
        InputError: It was not named by a version or alias of the registry.
    """
    if model.registered is None:
        raise InputError(
            f"{model.uri} is no version in the registry, so there is nothing to tag",
            hint="name it as models:/name/version or models:/name@alias",
        )
    return model.registered


def record(model: Model, receipt: Receipt) -> None:
    """Tag the registered version of `model` with what `receipt` says.

    Raises:
        InputError: The model was not named by a version or alias of the registry.
        ToolError: The registry refused.
    """
    registered = check_recordable(model)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    tags = {
        "holdfast.verified": "true" if receipt.matches else "false",
        "holdfast.verified_at": receipt.created,
        "holdfast.checks": ", ".join(f"{one.name} {one.status.value}" for one in receipt.checks),
        "holdfast.slim": "true" if receipt.slim else "false",
        GRADE_TAG: receipt.grade,
    }
    # The first seal recorded holds: another one under the same version is a mismatch from then on.
    if receipt.matches and not registered.seal:
        tags[SEAL_TAG] = receipt.seal
    client = MlflowClient()
    try:
        for key, value in tags.items():
            client.set_model_version_tag(registered.name, registered.version, key, value)
    except MlflowException as error:
        raise ToolError(f"the registry took no tags: {error}") from error
