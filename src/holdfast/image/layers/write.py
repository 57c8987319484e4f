"""Writing a layer: its tar, compressed, with both digests, in one pass over the files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from holdfast.environment.layout import explained
from holdfast.image.layers.compress import Compression, compressor
from holdfast.image.layers.tar import tar
from holdfast.image.oci.blobs import CHUNK, opened
from holdfast.image.values import Blob, Descriptor, Entry, Layer


def write_layer(
    entries: Iterable[Entry],
    folder: Path,
    compression: Compression,
    *,
    created_by: str,
    mtime: int = 0,
) -> Layer:
    """Make a layer of entries.

    Several may be written at once, in threads: nearly all of the time is spent in C.

    Args:
        entries: What it holds, in any order.
        folder: Where the blob is written, under its digest's 64 hex digits; it exists.
        compression: How.
        created_by: What it holds, for the image's history.
        mtime: Of every file, in seconds since the epoch.

    Returns:
        The layer; its blob is whole.

    Raises:
        InputError: A path leads out of the image, or two entries exclude each other.
        MismatchError: A file is not what was said of it.
        StoreError: A file cannot be read, or the blob not written.
    """
    return _layer(tar(entries, mtime=mtime), folder, compression, created_by)


def compress_layer(layer: Layer, folder: Path, compression: Compression) -> Layer:
    """A layer that is a plain tar, compressed: the same files, and so the same diff_id.

    Args:
        layer: The plain one, on disk.
        folder: As of `write_layer`.
        compression: How.

    Raises:
        MismatchError: Its blob is not what its descriptor says.
        StoreError: It cannot be read, or the blob not written.
    """
    with opened(layer.blob) as stream:
        pieces = iter(lambda: stream.read(CHUNK), b"")
        return _layer(pieces, folder, compression, layer.created_by)


def _layer(
    pieces: Iterable[bytes], folder: Path, compression: Compression, created_by: str
) -> Layer:
    partial = folder / f".{os.getpid()}.{os.urandom(8).hex()}"
    try:
        with explained("a layer cannot be written"):
            with partial.open("xb") as file:
                diff_id, digest, size = _write(pieces, file, compression)
            blob = partial.rename(folder / digest)
    finally:
        partial.unlink(missing_ok=True)
    return Layer(
        blob=Blob(
            descriptor=Descriptor(
                media_type=compression.media_type, digest=f"sha256:{digest}", size=size
            ),
            content=blob,
        ),
        diff_id=f"sha256:{diff_id}",
        created_by=created_by,
    )


def _write(
    pieces: Iterable[bytes], file: BinaryIO, compression: Compression
) -> tuple[str, str, int]:
    """The tar's digest, the blob's digest, and the blob's size in bytes."""
    plain, packed, size = hashlib.sha256(), hashlib.sha256(), 0
    made = compressor(compression)
    for piece in pieces:
        plain.update(piece)
        if ready := made.compress(piece):
            packed.update(ready)
            size += file.write(ready)
    rest = made.flush()
    packed.update(rest)
    size += file.write(rest)
    return plain.hexdigest(), packed.hexdigest(), size
