"""Small images for tests of layouts and registries: a layer for each file."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

from holdfast.image.oci.blobs import digest_of
from holdfast.image.oci.config import config_of
from holdfast.image.oci.manifest import index_of, manifest_of
from holdfast.image.values import (
    LAYER_GZIP,
    LAYER_TAR,
    LAYER_ZSTD,
    Blob,
    Descriptor,
    Image,
    Images,
    Layer,
    Platform,
)

AMD = Platform("amd64")
ARM = Platform("arm64")
_TYPES = {"zstd": LAYER_ZSTD, "gzip": LAYER_GZIP, "": LAYER_TAR}
_WHEN = "1970-01-01T00:00:00Z"


def image_of(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    platform: Platform = AMD,
    compression: str = "zstd",
) -> Image:
    """An image whose layers lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    layers = [layer_of(folder, name, content, compression) for name, content in files.items()]
    config = config_of(platform, layers, {"Cmd": ["serve"]}, _WHEN)
    manifest = manifest_of(platform, config, layers, {"dev.holdfast.test": "yes"})
    return Image(platform=platform, manifest=manifest, config=config, layers=tuple(layers))


def images_of(*images: Image) -> Images:
    return Images(images=images, index=index_of(images, {}) if len(images) > 1 else None)


def layer_of(folder: Path, name: str, content: bytes, compression: str) -> Layer:
    tar = _tar(name, content)
    if compression == "zstd":
        packed = zstandard.ZstdCompressor().compress(tar)
    else:
        packed = gzip.compress(tar, mtime=0) if compression else tar
    descriptor = Descriptor(
        media_type=_TYPES[compression], digest=digest_of(packed), size=len(packed)
    )
    path = folder / hashlib.sha256(packed).hexdigest()
    path.write_bytes(packed)
    return Layer(
        blob=Blob(descriptor=descriptor, content=path), diff_id=digest_of(tar), created_by=name
    )


def _tar(name: str, content: bytes) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return written.getvalue()
