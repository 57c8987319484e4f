"""What an image says of itself: OCI's annotations (annotations.md) and Holdfast's own.

Pure, and nothing of the machine that the image is made on: another folder, the same labels.
"""

from __future__ import annotations

from holdfast.mlflow_store import local_folder
from holdfast.model import Model

_OCI = "org.opencontainers.image"
_OWN = "dev.holdfast"


def image_labels(
    model: Model, key: str, python: str, *, base_name: str = "", base_digest: str = ""
) -> dict[str, str]:
    """The labels of an image; what is not known is left out.

    Args:
        model: The model in it.
        key: Its environment's, in the image's store.
        python: Full version of the base's Python.
        base_name: The base's reference in a registry.
        base_digest: That of its manifest, "sha256:…".
    """
    seal = model.seal
    labels = {
        f"{_OCI}.created": seal.created,
        f"{_OCI}.title": model.registered.name if model.registered else seal.project.name,
        f"{_OCI}.version": model.registered.version if model.registered else seal.project.version,
        f"{_OCI}.revision": seal.project.commit,
        f"{_OCI}.base.name": base_name,
        f"{_OCI}.base.digest": base_digest,
        f"{_OWN}.model": model_name(model),
        f"{_OWN}.seal": f"sha256:{model.digest}",
        f"{_OWN}.lock": f"sha256:{seal.lock}" if seal.lock else "",
        f"{_OWN}.grade": seal.grade.value,
        f"{_OWN}.environment": key,
        f"{_OWN}.python": python,
    }
    return {name: text for name, text in labels.items() if text}


def model_name(model: Model) -> str:
    """The URI that names the model everywhere; "" for a folder, which does not."""
    if model.registered is not None:
        return f"models:/{model.registered.name}/{model.registered.version}"
    return "" if local_folder(model.uri) else model.uri
