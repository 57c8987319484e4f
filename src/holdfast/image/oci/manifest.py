"""Manifests and indexes: made for what is written, and read, strictly, of what others wrote.

Pure. OCI image specification 1.1: manifest.md, image-index.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.errors import InputError
from holdfast.image.oci.blobs import blob_of
from holdfast.image.oci.fields import (
    descriptor_of,
    items_at,
    own_name,
    parse,
    table_at,
    text,
    words_at,
)
from holdfast.image.values import (
    EMPTY,
    INDEX,
    LAYER_GZIP,
    LAYER_TAR,
    LAYER_ZSTD,
    MANIFEST,
    Blob,
    Descriptor,
    Image,
    Layer,
    Platform,
    as_json,
)

# What stands where an artifact has no config (manifest.md, guidance for an empty descriptor).
NOTHING = blob_of({}, EMPTY)

_LAYERS = (LAYER_TAR, LAYER_GZIP, LAYER_ZSTD)
_MOST_LAYERS = 127  # as many as file systems stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an image, or an attachment, is made of.

    Attributes:
        config: Its config, of media type EMPTY for most attachments.
        layers: Its layers, the lowest first; an attachment's blobs.
        artifact_type: What an attachment is.
        subject: What an attachment hangs on.
        annotations: Words on it.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Manifests of one image for several platforms, or of all images in a layout.

    Attributes:
        manifests: In the order of the document; of those for a platform, only Linux's.
    """

    manifests: tuple[Descriptor, ...]


def manifest_of(
    platform: Platform, config: Blob, layers: Iterable[Layer], annotations: Mapping[str, str]
) -> Blob:
    """The manifest of an image; its descriptor names the platform, as an index wants it."""
    document = _manifest(config, (layer.blob for layer in layers), annotations)
    return blob_of(document, MANIFEST, platform=platform)


def artifact_of(
    kind: str, subject: Descriptor, blobs: Iterable[Blob], annotations: Mapping[str, str]
) -> Blob:
    """The manifest of an attachment to `subject`; `NOTHING` must be pushed along with its blobs.

    Args:
        kind: Its artifact type: the media type of what is attached.
        subject: The manifest or index that it is about.
        blobs: What is attached.
        annotations: Words on it; they stand in the list of referrers too.
    """
    document = _manifest(NOTHING, blobs, annotations)
    document |= {"artifactType": kind, "subject": as_json(_bare(subject))}
    return blob_of(document, MANIFEST, artifact_type=kind, annotations=annotations)


def index_of(images: Sequence[Image], annotations: Mapping[str, str]) -> Blob:
    """The index that names an image for each platform."""
    return index_over([image.manifest.descriptor for image in images], annotations)


def index_over(descriptors: Iterable[Descriptor], annotations: Mapping[str, str]) -> Blob:
    """The index that names these manifests, in this order."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [as_json(descriptor) for descriptor in descriptors],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return blob_of(document, INDEX)


def read_manifest(content: bytes, what: str) -> Manifest:
    """The manifest in `content`.

    Raises:
        InputError: It is none, or it could be read in two ways.
    """
    document = _document(content, what, MANIFEST)
    subject = document.get("subject")
    layers = [descriptor_of(item, where) for where, item in items_at(document, "layers", what)]
    return Manifest(
        config=descriptor_of(document.get("config"), f"{what}.config"),
        layers=tuple(layers),
        artifact_type=text(document, "artifactType", what),
        subject=descriptor_of(subject, f"{what}.subject") if subject is not None else None,
        annotations=words_at(document, "annotations", what),
    )


def read_index(content: bytes, what: str) -> Index:
    """The index in `content`.

    Raises:
        InputError: It is none, or it could be read in two ways.
    """
    document = _document(content, what, INDEX)
    found = [
        descriptor_of(item, where)
        for where, item in items_at(document, "manifests", what)
        if _may_be_linux(item, where)
    ]
    return Index(manifests=tuple(found))


def check_image(manifest: Manifest, what: str) -> None:
    """Refuse a manifest whose layers are none that can stand below others.

    Raises:
        InputError: There are too many, or one is not a tar, a gzip or a zstd.
    """
    if not 0 < len(manifest.layers) <= _MOST_LAYERS:
        raise InputError(f"{what} has {len(manifest.layers)} layers, not 1 to {_MOST_LAYERS}")
    for layer in manifest.layers:
        if layer.media_type not in _LAYERS:
            raise InputError(f"{what}: a layer of type {layer.media_type!r} cannot be read")


def _manifest(
    config: Blob, blobs: Iterable[Blob], annotations: Mapping[str, str]
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": as_json(_bare(config.descriptor)),
        "layers": [as_json(blob.descriptor) for blob in blobs],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return document


def _bare(descriptor: Descriptor) -> Descriptor:
    """The name alone."""
    return Descriptor(
        media_type=descriptor.media_type, digest=descriptor.digest, size=descriptor.size
    )


def _document(content: bytes, what: str, kind: str) -> dict[str, Any]:
    """A document of the media type `kind`; CVE-2021-41190 is one that may be either."""
    document = parse(content, what)
    said = text(document, "mediaType", what)
    other = "manifests" if kind == MANIFEST else "layers"
    if (said and own_name(said) != kind) or other in document:
        raise InputError(f"{what} is named {kind}, and is something else too")
    if document.get("schemaVersion") != 2:  # noqa: PLR2004 - the only one there is
        raise InputError(f"{what} is not of schema version 2")
    return document


def _may_be_linux(item: Any, where: str) -> bool:
    """Whether an index's entry is for Linux, or does not say; attestations are for "unknown"."""
    platform = table_at(item, "platform", where) if isinstance(item, dict) else {}
    return not platform or text(platform, "os", where) == "linux"
