"""Reading JSON of others whose shape is not yet known: every refusal says where it stands.

Pure. The paths in messages are the document's own: `manifests[2].digest`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.errors import InputError
from holdfast.image.oci.blobs import MOST_DOCUMENT_BYTES, is_digest
from holdfast.image.values import Descriptor, Platform

# Of layers or images in one list; an image of 127 layers is as deep as file systems stack.
_MOST_ITEMS = 1_000
# A blob of more than this is nothing that a base holds.
_MOST_BLOB_BYTES = 64 << 30

# Docker's own names for the same bytes (media-types.md, compatibility matrix).
_SAME = {
    "application/vnd.docker.distribution.manifest.list.v2+json": "index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json": "manifest.v1+json",
    "application/vnd.docker.container.image.v1+json": "config.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar": "layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "layer.v1.tar+zstd",
}


def own_name(media_type: str) -> str:
    """The OCI media type of what Docker calls otherwise; any other as it is."""
    same = _SAME.get(media_type)
    return f"application/vnd.oci.image.{same}" if same else media_type


def parse(content: bytes, what: str) -> dict[str, Any]:
    """The JSON object in `content`.

    Raises:
        InputError: It is none, it is too great, or it says something twice, which two readers
            would read differently.
    """
    if len(content) > MOST_DOCUMENT_BYTES:
        raise InputError(f"{what} has more than {MOST_DOCUMENT_BYTES} bytes")
    try:
        document = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is no JSON that can be read: {error}") from None
    if not isinstance(document, dict):
        raise InputError(f"{what} is no JSON object")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is there twice")
    return table


def text(table: Mapping[str, Any], key: str, where: str) -> str:
    """The string at `key`, "" where there is none.

    Raises:
        InputError: It is something else.
    """
    value = table.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"'{where}.{key}' is no string")
    return value


def table_at(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """The object at `key`, an empty one where there is none.

    Raises:
        InputError: It is something else.
    """
    value = table.get(key)
    if value is not None and not isinstance(value, dict):
        raise InputError(f"'{where}.{key}' is no object")
    return value or {}


def items_at(table: Mapping[str, Any], key: str, where: str) -> Iterator[tuple[str, Any]]:
    """The items of the array at `key`, each with its path; none where there is no such key.

    Raises:
        InputError: It is something else, or there are more than any image has.
    """
    value = table.get(key)
    if value is None:
        return
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise InputError(f"'{where}.{key}' is no array of at most {_MOST_ITEMS}")
    for place, item in enumerate(value):
        yield f"{where}.{key}[{place}]", item


def words_at(table: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    """The annotations at `key`.

    Raises:
        InputError: One of them is no string.
    """
    words = table_at(table, key, where)
    return {name: text(words, name, f"{where}.{key}") for name in words}


def digest_at(value: object, where: str) -> str:
    """`value`, which is a digest.

    Raises:
        InputError: It is not.
    """
    if not isinstance(value, str) or not is_digest(value):
        raise InputError(f"'{where}' is no SHA-256 digest")
    return value


def descriptor_of(value: object, where: str) -> Descriptor:
    """A descriptor (descriptor.md), its media type in OCI's words.

    Raises:
        InputError: It is none.
    """
    if not isinstance(value, dict):
        raise InputError(f"'{where}' is no object")
    size = value.get("size")
    if type(size) is not int or not 0 <= size <= _MOST_BLOB_BYTES:
        raise InputError(f"'{where}.size' is no size of a blob")
    platform = table_at(value, "platform", where)
    return Descriptor(
        media_type=own_name(text(value, "mediaType", where)),
        digest=digest_at(value.get("digest"), f"{where}.digest"),
        size=size,
        annotations=words_at(value, "annotations", where),
        platform=Platform(text(platform, "architecture", where)) if platform else None,
        artifact_type=text(value, "artifactType", where),
    )
