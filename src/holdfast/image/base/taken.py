"""A place where images lie, with what was taken from it before kept on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from holdfast.image.oci.blobs import OnBytes, blob_path, checked, save, unheard
from holdfast.image.oci.take import Source
from holdfast.image.values import Descriptor


class Kept:
    """A source whose blobs are fetched once; a `take.Source` itself.

    A layout's own files are copied too: what an image is made of must not change under it. What
    lies in `folder` was checked when it was put there, and nobody else may write there.

    Args:
        source: Where the images lie.
        folder: A folder of ours.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self._source = source
        self._folder = folder

    def find(self, name: str) -> Sequence[Descriptor]:
        """As the source."""
        return self._source.find(name)

    def read(self, descriptor: Descriptor) -> bytes:
        """As the source."""
        return self._source.read(descriptor)

    def fetch(self, descriptor: Descriptor, into: Path, on_bytes: OnBytes = unheard) -> Path:
        """A blob as a file of ours that was checked."""
        own = self._folder / blob_path(descriptor.digest)
        if own.is_file() and own.stat().st_size == descriptor.size:
            return own
        found = self._source.fetch(descriptor, into, on_bytes)
        if found != own:
            with checked(found.open("rb"), descriptor, str(found)) as stream:
                save(stream, own)
        return own
