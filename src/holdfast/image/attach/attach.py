"""All that hangs on one image, made at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.environment.plan import Package
from holdfast.image.attach.contents import Contents
from holdfast.image.attach.provenance import provenance
from holdfast.image.attach.sbom import sbom
from holdfast.image.oci.blobs import blob_of
from holdfast.image.oci.manifest import NOTHING, artifact_of
from holdfast.image.values import Blob, Image
from holdfast.model import Model
from holdfast.progress import silent
from holdfast.restore.lock import read_lock
from holdfast.verify.receipt import Receipt

# What other tools ask a registry for: CycloneDX's own media type, and in-toto's for a statement.
SBOM = "application/vnd.cyclonedx+json"
PROVENANCE = "application/vnd.in-toto+json"
RECEIPT = "application/vnd.holdfast.receipt.v1+json"


def attachments(
    image: Image,
    model: Model,
    packages: Sequence[Package],
    base_name: str,
    base_digest: str,
    receipt: Receipt | None = None,
    *,
    gateway: Sequence[Package] = (),
) -> tuple[list[Blob], list[Blob]]:
    """What is attached to `image`: SBOM, provenance, and the receipt where there is one.

    Args:
        image: The image of one platform, whose manifest they have as `subject`.
        model: The model in it.
        packages: Those of its environment.
        base_name: What its base was called.
        base_digest: "sha256:…" of the base.
        receipt: What `holdfast verify` found, if it was run.
        gateway: Packages of the gateway's own environment.

    Returns:
        The artifacts' manifests, and the blobs that they name. The same for the same arguments, on
        any day.

    Raises:
        MismatchError: The lock is not as it was sealed.
        SealError: There is no lock to be had offline.
    """
    contents = Contents(
        image=image,
        model=model,
        packages=tuple(packages),
        gateway=tuple(gateway),
        base_name=base_name,
        base_digest=base_digest,
        lock=read_lock(model, offline=True, on_progress=silent),
    )
    hung = [
        _Attached(SBOM, sbom(contents)),
        _Attached(
            PROVENANCE,
            provenance(contents),
            {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"},
        ),
        *([_of_receipt(receipt)] if receipt is not None else ()),
    ]
    blobs = [blob_of(one.document, one.kind) for one in hung]
    subject = image.manifest.descriptor
    manifests = [
        artifact_of(one.kind, subject, [blob], one.annotations)
        for one, blob in zip(hung, blobs, strict=True)
    ]
    return manifests, [NOTHING, *blobs]


@dataclass(frozen=True, slots=True)
class _Attached:
    """One of them: its media type, what it says, and what is to be known without fetching it."""

    kind: str
    document: Mapping[str, Any]
    annotations: Mapping[str, str] = field(default_factory=dict)


def _of_receipt(receipt: Receipt) -> _Attached:
    annotations = {
        "dev.holdfast.matches": "true" if receipt.matches else "false",
        "dev.holdfast.seal": receipt.seal,
        "org.opencontainers.image.created": receipt.created,
    }
    return _Attached(RECEIPT, receipt.to_dict(), annotations)
