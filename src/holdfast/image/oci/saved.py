"""Reading what `docker save` and `podman save` write, as if it were an OCI layout.

Pure. Such an archive names its layers by paths and not by digests; each is the tar that the
config's `rootfs.diff_ids` names, so its digest is known, and is checked when it is read. Format:
the Docker image specification 1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from holdfast.errors import InputError
from holdfast.image.oci.blobs import blob_of, blob_path, digest_of
from holdfast.image.oci.config import read_config
from holdfast.image.oci.fields import items_at, parse, text
from holdfast.image.oci.manifest import index_over
from holdfast.image.values import CONFIG, LAYER_TAR, MANIFEST, Descriptor, as_json

SAVED = "manifest.json"

Members = Mapping[str, tuple[int, int]]
_Read = Callable[[str], bytes]


def as_layout(
    members: Members, read: _Read, what: str, ref_name: str
) -> tuple[bytes, dict[str, bytes], dict[str, tuple[int, int]]]:
    """The layout that a saved archive could have been.

    Args:
        members: Its files: where each begins, and its bytes.
        read: Reads one of them that is small.
        what: What messages call it.
        ref_name: The annotation for a name.

    Returns:
        The index; the manifests and configs by their paths in a layout; where the layers lie, by
        theirs.

    Raises:
        InputError: It is no such archive.
    """
    images = items_at({SAVED: _list(read(SAVED), what)}, SAVED, what)
    named: list[Descriptor] = []
    made: dict[str, bytes] = {}
    places: dict[str, tuple[int, int]] = {}
    for where, item in images:
        if not isinstance(item, dict):
            raise InputError(f"'{where}' is no object")
        descriptor, documents, layers = _image(item, members, read, where)
        made |= documents
        places |= layers
        tags = [str(tag) for _, tag in items_at(item, "RepoTags", where)]
        named += [replace(descriptor, annotations={ref_name: tag}) for tag in tags] or [descriptor]
    index = index_over(named, {}).content
    assert isinstance(index, bytes)  # noqa: S101  # index_over makes it in memory
    return index, made, places


def _list(content: bytes, what: str) -> Any:
    """The array that stands at the top; `parse` wants an object there."""
    return parse(b'{"":%b}' % content, f"{what}: {SAVED}")[""]


def _image(
    item: Mapping[str, Any], members: Members, read: _Read, where: str
) -> tuple[Descriptor, dict[str, bytes], dict[str, tuple[int, int]]]:
    content = read(text(item, "Config", where))
    config = read_config(content, f"{where}.Config")
    paths = [str(path) for _, path in items_at(item, "Layers", where)]
    missing = [path for path in paths if path not in members]
    if missing or len(paths) != len(config.diff_ids):
        raise InputError(f"'{where}' does not have the layers that it names")
    layers = [
        Descriptor(media_type=LAYER_TAR, digest=digest, size=members[path][1])
        for digest, path in zip(config.diff_ids, paths, strict=True)
    ]
    named = Descriptor(media_type=CONFIG, digest=digest_of(content), size=len(content))
    manifest = blob_of(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": as_json(named),
            "layers": [as_json(layer) for layer in layers],
        },
        MANIFEST,
        platform=config.platform,
    )
    assert isinstance(manifest.content, bytes)  # noqa: S101  # blob_of makes it in memory
    documents = {
        blob_path(named.digest): content,
        blob_path(manifest.descriptor.digest): manifest.content,
    }
    places = {
        blob_path(layer.digest): members[path] for layer, path in zip(layers, paths, strict=True)
    }
    return manifest.descriptor, documents, places
