"""Reading OCI layouts: a folder or a tar of one, or what `docker save` and `podman save` write.

OCI image specification 1.1, image-layout.md. A layout is other people's input: each blob is hashed
while it is read, no path comes from its contents, and what is no plain file is not opened.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from holdfast.errors import InputError
from holdfast.image.oci.archive import Archive, members_of
from holdfast.image.oci.blobs import (
    CHUNK,
    MOST_DOCUMENT_BYTES,
    OnBytes,
    blob_path,
    canonical,
    checked,
    read_document,
    save,
    unheard,
)
from holdfast.image.oci.fields import parse, text
from holdfast.image.oci.manifest import Index, read_index
from holdfast.image.oci.saved import SAVED, as_layout
from holdfast.image.values import Descriptor
from holdfast.redact import printable

MARKER = "oci-layout"
NAMES = "index.json"
REF_NAME = "org.opencontainers.image.ref.name"
MARKER_TEXT = canonical({"imageLayoutVersion": "1.0.0"})


class _Files(Protocol):
    """Where a layout's files are: in a folder, or in a tar."""

    def open(self, name: str) -> BinaryIO:
        """A file's bytes; FileNotFoundError where there is none of that name."""

    def plain(self, name: str) -> Path | None:
        """The file on disk that holds these bytes and no others, where there is one."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout that can be read.

    Attributes:
        path: Its folder or archive.
        files: What reads it.
    """

    path: Path
    files: _Files

    def index(self) -> Index:
        """What the layout names.

        Raises:
            InputError: Its index cannot be read.
        """
        where = f"{self.path}: {NAMES}"
        try:
            with self.files.open(NAMES) as stream:
                content = stream.read(MOST_DOCUMENT_BYTES + 1)
        except FileNotFoundError:
            raise InputError(f"{self.path} has no {NAMES}, so it is no OCI layout") from None
        return read_index(content, where)

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """A blob's bytes, which are to be believed when they were read to their end.

        Raises:
            InputError: It is not there.
            MismatchError: While reading: it is not what its descriptor says.
        """
        try:
            stream = self.files.open(blob_path(descriptor.digest))
        except FileNotFoundError:
            raise InputError(f"{self.path} does not hold {descriptor.digest}") from None
        return checked(stream, descriptor, str(self.path))

    def find(self, name: str) -> tuple[Descriptor, ...]:
        """The manifests and indexes that are called `name`; with "", all that are images.

        Raises:
            InputError: There are none.
        """
        images = [one for one in self.index().manifests if not one.artifact_type]
        found = [one for one in images if not name or one.annotations.get(REF_NAME) == name]
        if not found:
            known = sorted({one.annotations.get(REF_NAME, "") for one in images} - {""})
            there = f"; it has {printable(', '.join(known)[:500])}" if known else ""
            raise InputError(f"{self.path} has no image {name or 'at all'}{there}")
        return tuple(found)

    def read(self, descriptor: Descriptor) -> bytes:
        """A manifest, an index or a config.

        Raises:
            InputError: It is not there, or greater than any of those.
            MismatchError: It is not what its descriptor says.
        """
        with self.open(descriptor) as stream:
            return read_document(stream, descriptor.size, str(self.path))

    def fetch(self, descriptor: Descriptor, into: Path, on_bytes: OnBytes = unheard) -> Path:
        """A blob as a file that was checked: the layout's own, or one below `into`.

        Raises:
            InputError: It is not there.
            MismatchError: It is not what its descriptor says.
            StoreError: It cannot be written.
        """
        plain = self.files.plain(blob_path(descriptor.digest))
        target = into / blob_path(descriptor.digest)
        with self.open(descriptor) as stream:
            if plain is None:
                save(stream, target, on_bytes)
                return target
            while content := stream.read(CHUNK):
                on_bytes(len(content))
        return plain


def open_layout(path: Path) -> Layout:
    """The OCI layout at `path`, a folder or a tar.

    Raises:
        InputError: It is none, or a compressed tar.
    """
    files: _Files = _Folder(path) if path.is_dir() else _archive(path)
    try:
        with files.open(MARKER) as stream:
            marker = parse(stream.read(MOST_DOCUMENT_BYTES + 1), f"{path}: {MARKER}")
    except FileNotFoundError:
        raise InputError(f"{path} has no {MARKER}, so it is no OCI layout") from None
    if not text(marker, "imageLayoutVersion", MARKER).startswith("1."):
        raise InputError(f"{path} is an OCI layout of a version that is not known")
    return Layout(path, files)


@dataclass(frozen=True, slots=True)
class _Folder:
    root: Path

    def open(self, name: str) -> BinaryIO:
        try:
            # A pipe would wait for a writer for ever, hence O_NONBLOCK; to a file it means nothing.
            descriptor = os.open(self.root / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise InputError(f"{self.root / name} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise InputError(f"{self.root / name} is no plain file")
        return os.fdopen(descriptor, "rb")

    def plain(self, name: str) -> Path | None:
        return self.root / name


def _archive(path: Path) -> Archive:
    """An archive, which may have been saved by Docker or Podman before they knew of layouts.

    Raises:
        InputError: It is no tar, or one that cannot be read.
    """
    archive = Archive(path, members_of(path))
    if MARKER in archive.members or SAVED not in archive.members:
        return archive

    def read(name: str) -> bytes:
        try:
            with archive.open(name) as stream:
                return stream.read(MOST_DOCUMENT_BYTES + 1)
        except FileNotFoundError:
            raise InputError(f"{path} has no {name[:200]!r}") from None

    index, made, places = as_layout(archive.members, read, str(path), REF_NAME)
    return Archive(path, places, {**made, NAMES: index, MARKER: MARKER_TEXT})
