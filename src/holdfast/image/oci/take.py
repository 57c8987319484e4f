"""Taking an image for one platform from wherever it lies: a layout, or a registry.

The way from a name to layers: an index or a manifest, the config, the layers, each checked before
the next is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from holdfast.errors import InputError
from holdfast.image.oci.blobs import OnBytes, unheard
from holdfast.image.oci.config import Config, read_config
from holdfast.image.oci.manifest import Manifest, check_image, read_index, read_manifest
from holdfast.image.oci.together import side_by_side
from holdfast.image.values import INDEX, Blob, Descriptor, Layer, Platform
from holdfast.redact import printable

# An index that names an index is allowed; one that goes on is a trap.
_MOST_INDEXES = 3


class Source(Protocol):
    """Where images lie; both `layout.Layout` and `registry.pull.Repository` are one."""

    def find(self, name: str) -> Sequence[Descriptor]:
        """The manifests and indexes of that name; InputError where there are none."""

    def read(self, descriptor: Descriptor) -> bytes:
        """A manifest, an index or a config, checked."""

    def fetch(self, descriptor: Descriptor, into: Path, on_bytes: OnBytes) -> Path:
        """A blob as a file, checked."""


class Taken(NamedTuple):
    """An image that was taken.

    Attributes:
        manifest: What it says.
        config: What it says.
        layers: On disk, the lowest first.
        digest: The manifest's.
    """

    manifest: Manifest
    config: Config
    layers: tuple[Layer, ...]
    digest: str


def take(
    source: Source,
    name: str,
    platform: Platform,
    into: Path,
    on_bytes: OnBytes = unheard,
) -> Taken:
    """The image that `source` calls `name`, for `platform`.

    Args:
        source: Where it lies.
        name: What it is called there; "" where it is the only one.
        platform: What it shall run on.
        into: A folder for blobs that are not files yet.
        on_bytes: Told how many more bytes of layers are there.

    Raises:
        InputError: It is not there, not for that platform, or cannot be read.
        MismatchError: Something is not what its digest says.
        ToolError: The registry failed.
        StoreError: It cannot be written.
    """
    top = _manifest_in(source, source.find(name), platform, name)
    what = f"the manifest {top.digest}"
    manifest = read_manifest(source.read(top), what)
    check_image(manifest, what)
    config = read_config(source.read(manifest.config), f"the config {manifest.config.digest}")
    if config.platform != platform:
        raise InputError(f"{what} is for {printable(str(config.platform))}, not for {platform}")
    if len(config.diff_ids) != len(manifest.layers):
        raise InputError(
            f"{what} has {len(manifest.layers)} layers, its config {len(config.diff_ids)}"
        )
    return Taken(manifest, config, _layers(source, manifest, config, into, on_bytes), top.digest)


def _manifest_in(
    source: Source, found: Sequence[Descriptor], platform: Platform, name: str
) -> Descriptor:
    """The manifest for `platform`, past indexes."""
    for _ in range(_MOST_INDEXES + 1):
        top = _choose(found, platform, name)
        if top.media_type != INDEX:
            return top
        found = read_index(source.read(top), f"the index {top.digest}").manifests
    raise InputError(f"{name or 'the image'}: an index of indexes of indexes is not followed")


def _choose(found: Sequence[Descriptor], platform: Platform, name: str) -> Descriptor:
    fitting = [one for one in found if one.platform in {platform, None}]
    exact = [one for one in fitting if one.platform == platform]
    if not fitting:
        known = ", ".join(sorted({str(one.platform) for one in found}))
        raise InputError(
            f"{name or 'the image'} is there for {printable(known[:500])}, not for {platform}"
        )
    if not exact and len(fitting) > 1:
        raise InputError(
            f"{len(fitting)} images could be meant", hint="name one, after the path and a colon"
        )
    return (exact or fitting)[0]


def _layers(
    source: Source, manifest: Manifest, config: Config, into: Path, on_bytes: OnBytes
) -> tuple[Layer, ...]:
    paths = side_by_side([partial(source.fetch, one, into) for one in manifest.layers], on_bytes)
    blobs = [
        Blob(descriptor=descriptor, content=path)
        for descriptor, path in zip(manifest.layers, paths, strict=True)
    ]
    return tuple(
        Layer(blob=blob, diff_id=diff_id, created_by=words)
        for blob, diff_id, words in zip(blobs, config.diff_ids, config.created_by, strict=True)
    )
