"""Bytes and their names: what is made gets a digest, what is read must fit the one it has.

The one place where blobs are hashed. Nothing here knows what a blob means.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from holdfast.errors import InputError, MismatchError, StoreError
from holdfast.image.values import Blob, Descriptor, Images

# At a time: enough for the kernel, little enough for a cache.
CHUNK = 1 << 20
# Less than a chunk: into a greater buffer than its own, BufferedReader reads without a copy.
_BUFFER = 1 << 16
# Registries take no greater manifest, and no config that is read here is anywhere near.
MOST_DOCUMENT_BYTES = 4 << 20

OnBytes = Callable[[int], None]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def unheard(_: int) -> None:
    """For a caller who does not count."""


def is_digest(text: str) -> bool:
    """Whether it is a digest as images are named here: SHA-256, in lower case."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(content: bytes) -> str:
    """The digest of `content`, "sha256:…"."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob_path(digest: str) -> str:
    """Where a layout holds a blob (image-layout.md): "blobs/sha256/…".

    Raises:
        InputError: It is no digest, so no path is made of it.
    """
    if not is_digest(digest):
        raise InputError(f"{digest[:80]!r} is no SHA-256 digest")
    return f"blobs/{digest.replace(':', '/')}"


def canonical(document: Mapping[str, Any]) -> bytes:
    """JSON that is the same for the same values: keys sorted, no spaces, UTF-8."""
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return written.encode()


def blob_of(document: Mapping[str, Any], media_type: str, **more: Any) -> Blob:
    """A document as a blob; `more` are further attributes of its descriptor."""
    content = canonical(document)
    descriptor = Descriptor(
        media_type=media_type, digest=digest_of(content), size=len(content), **more
    )
    return Blob(descriptor=descriptor, content=content)


def blobs_of(images: Images) -> Iterator[Blob]:
    """Every blob once, whatever names others after them: layers, config, manifest, index."""
    seen: set[str] = set()
    for blob in _all(images):
        if blob.descriptor.digest not in seen:
            seen.add(blob.descriptor.digest)
            yield blob


def _all(images: Images) -> Iterator[Blob]:
    for image in images.images:
        yield from (layer.blob for layer in image.layers)
        yield from (image.config, image.manifest)
    if images.index is not None:
        yield images.index
    yield from images.blobs
    yield from images.attachments


class Checked(io.RawIOBase):
    """What a stream gives, refused at its end if it is not what its descriptor says.

    Args:
        stream: Where the bytes come from; closed along with this.
        descriptor: What they must be.
        where: What messages call the place they come from.
    """

    def __init__(self, stream: BinaryIO, descriptor: Descriptor, where: str) -> None:
        super().__init__()
        self._stream = stream
        self._descriptor = descriptor
        self._where = where
        self._hash = hashlib.sha256()
        self._seen = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Bytes, as `io.RawIOBase` has it.

        Raises:
            MismatchError: There are more bytes than said; or, at the end, less, or others.
        """
        length = _read_into(self._stream, buffer)
        self._seen += length
        self._hash.update(memoryview(buffer)[:length])
        if self._seen > self._descriptor.size or not length:
            self._check()
        return length

    def _check(self) -> None:
        found, said = self._seen, self._descriptor
        if found != said.size:
            amount = "more" if found > said.size else f"{found}"
            raise MismatchError(
                f"{self._where}: {said.digest} has {amount} bytes where {said.size} are said"
            )
        digest = f"sha256:{self._hash.hexdigest()}"
        if digest != said.digest:
            raise MismatchError(f"{self._where}: what is named {said.digest} is {digest}")

    def close(self) -> None:
        """Close the stream too."""
        self._stream.close()
        super().close()


def checked(stream: BinaryIO, descriptor: Descriptor, where: str) -> BinaryIO:
    """`stream`, which must be read to its end before a byte of it is believed."""
    # BufferedReader is a BinaryIO in all but its declared bases.
    return cast("BinaryIO", io.BufferedReader(Checked(stream, descriptor, where), _BUFFER))


def _read_into(stream: BinaryIO, buffer: memoryview) -> int:
    """Read without a copy, as all that `open` returns can; `BinaryIO` does not say so."""
    return cast("io.BufferedReader", stream).readinto(buffer)


def opened(blob: Blob) -> BinaryIO:
    """The bytes of a blob, checked while they are read.

    Raises:
        StoreError: Its file cannot be read.
    """
    if isinstance(blob.content, bytes):
        return checked(io.BytesIO(blob.content), blob.descriptor, "memory")
    try:
        stream = blob.content.open("rb")
    except OSError as error:
        raise StoreError(f"{blob.content} cannot be read: {error.strerror}") from error
    return checked(stream, blob.descriptor, str(blob.content))


def read_document(stream: BinaryIO, size: int, where: str) -> bytes:
    """A manifest, an index or a config, whole.

    Raises:
        InputError: It is greater than any of those is.
    """
    if size > MOST_DOCUMENT_BYTES:
        raise InputError(f"{where}: a document of {size} bytes is more than any image needs")
    return stream.read(MOST_DOCUMENT_BYTES + 1)


def save(stream: BinaryIO, target: Path, on_bytes: OnBytes = unheard) -> None:
    """Write all of `stream` to `target`, which gets its name when everything is there.

    Args:
        stream: A checked one, where the bytes are others'.
        target: The file; folders above it are made.
        on_bytes: Told how many more bytes have been written.
    """
    with whole(target) as file:
        copy(stream, file, on_bytes)


def copy(stream: BinaryIO, file: BinaryIO, on_bytes: OnBytes) -> None:
    """Write all of `stream` to `file`, as of `save`."""
    buffer = memoryview(bytearray(CHUNK))
    while length := _read_into(stream, buffer):
        file.write(buffer[:length])
        on_bytes(length)


@contextmanager
def whole(target: Path) -> Iterator[BinaryIO]:
    """A file to write to, that gets the name `target` when the block ends well.

    Raises:
        StoreError: It cannot be written.
    """
    partial = target.with_name(f".{target.name[:200]}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
