"""A blob on its way from a registry to a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from holdfast.errors import MismatchError
from holdfast.image.oci.blobs import CHUNK, OnBytes, opened
from holdfast.image.registry.tally import Part
from holdfast.image.values import Blob, Descriptor


class Download:
    """A blob on its way to a file, hashed as it comes, in one piece or several."""

    def __init__(self, descriptor: Descriptor, file: BinaryIO, on_bytes: OnBytes) -> None:
        self.descriptor = descriptor
        self.seen = 0
        self._file = file
        self._counted = Part(on_bytes)
        self._hash = hashlib.sha256()

    def restart(self) -> None:
        """What came is not what was meant."""
        self._counted.back()
        self.seen = 0
        self._hash = hashlib.sha256()
        self._file.seek(0)
        self._file.truncate()

    def take(self, chunk: bytes) -> None:
        """A piece more, refused where that is more than all of it."""
        self.seen += len(chunk)
        if self.seen > self.descriptor.size:
            raise MismatchError(
                f"{self.descriptor.digest} has more bytes than the {self.descriptor.size} said"
            )
        self._hash.update(chunk)
        self._file.write(chunk)
        self._counted.add(len(chunk))

    def check(self, where: str) -> None:
        """Refuse what came, when all of it came, if it is not what its name says."""
        digest = f"sha256:{self._hash.hexdigest()}"
        if digest != self.descriptor.digest:
            raise MismatchError(f"{where}: what is named {self.descriptor.digest} is {digest}")


def is_whole(path: Path, descriptor: Descriptor) -> bool:
    """Whether a blob is kept; one that was spoilt since is removed."""
    if not path.is_file():
        return False
    try:
        with opened(Blob(descriptor=descriptor, content=path)) as stream:
            while stream.read(CHUNK):
                pass
    except MismatchError:
        path.unlink(missing_ok=True)
        return False
    return True
