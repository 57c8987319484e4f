"""All that hangs on one image, made at once."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.environment.plan import Package
from holdfast.image.attach.artifact import NOTHING, Attachment, canonical, hang
from holdfast.image.attach.contents import Contents
from holdfast.image.attach.provenance import provenance
from holdfast.image.attach.sbom import sbom
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
        SealError: The seal does not say when it was made, or there is no lock to be had offline.
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
    found = [
        Attachment(kind=SBOM, content=sbom(contents)),
        Attachment(
            kind=PROVENANCE,
            content=canonical(provenance(contents)),
            annotations={"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"},
        ),
    ]
    if receipt is not None:
        found.append(_receipt(receipt))
    hung = [hang(one, image.manifest.descriptor) for one in found]
    return [manifest for manifest, _ in hung], [NOTHING, *(content for _, content in hung)]


def _receipt(receipt: Receipt) -> Attachment:
    content = canonical(receipt.to_dict())
    return Attachment(
        kind=RECEIPT,
        content=content,
        annotations={
            "dev.holdfast.matches": "true" if receipt.matches else "false",
            "dev.holdfast.seal": receipt.seal,
            "org.opencontainers.image.created": receipt.created,
        },
    )
