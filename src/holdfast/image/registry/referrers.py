"""What hangs on an image, in registries that keep no list of it.

Pure. OCI distribution specification 1.1, "Referrers Tag Schema".
"""

from __future__ import annotations

from typing import Any

from holdfast.image.oci.blobs import blob_of
from holdfast.image.oci.fields import parse
from holdfast.image.oci.manifest import read_index
from holdfast.image.values import INDEX, Blob, Descriptor, as_json


def fallback_tag(digest: str) -> str:
    """The tag under which the list is kept: "sha256-…"."""
    return digest.replace(":", "-")


def with_referrer(before: bytes | None, attachment: Descriptor) -> Blob:
    """The list with one more attachment in it; what others hung there stays as it is.

    Args:
        before: The list as it is, an index; None where there is none yet.
        attachment: The manifest's descriptor, with its artifact type.

    Raises:
        InputError: The list cannot be read.
    """
    there: list[dict[str, Any]] = []
    if before is not None:
        read_index(before, "the list of attachments")  # refuses what is none
        there = parse(before, "the list of attachments").get("manifests") or []
    # What hangs there already keeps its place: an image that is pushed again changes nothing.
    if all(one["digest"] != attachment.digest for one in there):
        there.append(as_json(attachment))
    return blob_of({"schemaVersion": 2, "mediaType": INDEX, "manifests": there}, INDEX)
