"""Writing images as an OCI layout: a folder that others may be in already, or an archive of one.

OCI image specification 1.1, image-layout.md. What a name stands for is changed last and at once:
whoever reads meanwhile, or after we were killed, finds the images that were there before.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from holdfast.environment.lease import alone
from holdfast.errors import InputError, StoreError
from holdfast.image.oci.blobs import (
    OnBytes,
    blob_path,
    blobs_of,
    canonical,
    copy,
    opened,
    save,
    unheard,
    whole,
)
from holdfast.image.oci.fields import parse
from holdfast.image.oci.layout import MARKER, MARKER_TEXT, NAMES, REF_NAME, open_layout
from holdfast.image.oci.manifest import index_over
from holdfast.image.oci.together import side_by_side
from holdfast.image.values import INDEX, Blob, Descriptor, Images, as_json

_SUFFIXES = (".oci", ".tar")
_COMPRESSED = (".gz", ".tgz", ".bz2", ".xz", ".zst")


def write_images(images: Images, to: Path, name: str, on_bytes: OnBytes = unheard) -> None:
    """Write a layout: an archive where `to` ends in .oci or .tar, else a folder.

    Args:
        images: What is written.
        to: The archive, which is replaced, or the folder, which may hold other images already.
        name: What the image is called in it (`org.opencontainers.image.ref.name`).
        on_bytes: Told how many more bytes have been written.

    Raises:
        InputError: `to` is something else, which is left alone.
        MismatchError: A blob is not what its descriptor says.
        StoreError: It cannot be written.
    """
    if to.suffix in _COMPRESSED:
        raise InputError(
            f"{to} would be compressed, and its layers are already", hint="name it .oci or .tar"
        )
    if to.suffix in _SUFFIXES:
        write_archive(images, to, name, on_bytes)
    else:
        write_folder(images, to, name, on_bytes)


def write_folder(images: Images, to: Path, name: str, on_bytes: OnBytes = unheard) -> None:
    """Write a layout's folder, or add to one; what was called `name` before is so no longer.

    Args:
        images: As of `write_images`.
        to: As of `write_images`.
        name: As of `write_images`.
        on_bytes: As of `write_images`.

    Raises:
        InputError: It is a file, or holds something that is no layout.
        MismatchError: A blob is not what its descriptor says.
        StoreError: It cannot be written.
    """
    make_folder(to)
    side_by_side([partial(add_blob, to, blob) for blob in blobs_of(images)], on_bytes)
    change_names(to, _named(images, name))


def make_folder(to: Path) -> None:
    """Make an empty layout of a folder that is not there or empty; one that is a layout stays.

    Raises:
        InputError: It is a file, or holds something that is no layout.
        StoreError: It cannot be made.
    """
    try:
        to.mkdir(parents=True, exist_ok=True)
        # A marker that somebody writes just now is no other thing; it comes before all else.
        others = [one for one in to.iterdir() if not one.name.startswith(f".{MARKER}.")]
        if (to / MARKER).exists():
            return
        if others:
            raise InputError(
                f"{to} holds something that is no OCI layout",
                hint="name a folder that is not there yet, or a file that ends in .oci",
            )
    except FileExistsError:
        raise InputError(
            f"{to} is a file", hint="name a folder, or a file that ends in .oci"
        ) from None
    except OSError as error:
        raise StoreError(f"{to} cannot be written: {error.strerror}") from error
    with whole(to / MARKER) as file:
        file.write(MARKER_TEXT)


def add_blob(to: Path, blob: Blob, on_bytes: OnBytes = unheard) -> None:
    """Put a blob into a layout's folder, unless it is there: it was checked when it was put there.

    Raises:
        MismatchError: It is not what its descriptor says.
        StoreError: It cannot be written.
    """
    target = to / blob_path(blob.descriptor.digest)
    if target.is_file() and target.stat().st_size == blob.descriptor.size:
        on_bytes(blob.descriptor.size)
        return
    with opened(blob) as stream:
        save(stream, target, on_bytes)


def change_names(to: Path, named: Sequence[Descriptor]) -> None:
    """Let these names of a layout's folder stand for these manifests; all else stays as it is.

    Raises:
        InputError: What is there cannot be read.
        StoreError: It cannot be written.
    """
    new = [as_json(one) for one in named]
    # The marker never changes, so it can be locked where the index, which is replaced, cannot.
    with alone(to / MARKER):
        there = _names_in(to)
        kept = [one for one in there.get("manifests", ()) if not any(_instead(one, n) for n in new)]
        document = {"schemaVersion": 2, "mediaType": INDEX, **there, "manifests": [*kept, *new]}
        with whole(to / NAMES) as file:
            file.write(canonical(document))


def _names_in(folder: Path) -> dict[str, Any]:
    """The layout's index as others wrote it: what we do not know of an entry must stay."""
    path = folder / NAMES
    if not path.exists():
        return {}
    open_layout(folder).index()  # refuses what cannot be read
    return parse(path.read_bytes(), str(path))


def _instead(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether `new` takes the place of `old`: it has its name, or, without one, is the same."""
    called = new.get("annotations", {}).get(REF_NAME)
    if called is None:
        return bool(old["digest"] == new["digest"])
    return bool((old.get("annotations") or {}).get(REF_NAME) == called)


def _named(images: Images, name: str) -> list[Descriptor]:
    """What a layout's index names: the image, and the attachments, which nothing else names."""
    top = images.top.descriptor
    called = replace(top, annotations={**top.annotations, REF_NAME: name})
    return [called, *(one.descriptor for one in images.attachments)]


def write_archive(images: Images, to: Path, name: str, on_bytes: OnBytes = unheard) -> None:
    """Write a layout as a tar: the same bytes for the same images, on any machine.

    Args:
        images: As of `write_images`.
        to: As of `write_images`.
        name: As of `write_images`.
        on_bytes: As of `write_images`.

    Raises:
        InputError: It is a folder.
        MismatchError: A blob is not what its descriptor says.
        StoreError: It cannot be written.
    """
    if to.is_dir():
        raise InputError(f"{to} is a folder, not an archive", hint="name a file")
    names = index_over(_named(images, name), {})
    members = {MARKER: MARKER_TEXT, NAMES: names.content}
    blobs = {blob_path(one.descriptor.digest): one for one in blobs_of(images)}
    with whole(to) as file:
        for path, content in members.items():
            assert isinstance(content, bytes)  # noqa: S101  # index_over makes it in memory
            _member(file, path, io.BytesIO(content), len(content), on_bytes)
        for path, blob in sorted(blobs.items()):
            with opened(blob) as stream:
                _member(file, path, stream, blob.descriptor.size, on_bytes)
        file.write(tarfile.NUL * tarfile.BLOCKSIZE * 2)


def _member(file: BinaryIO, path: str, stream: BinaryIO, size: int, on_bytes: OnBytes) -> None:
    """One file of the archive: owner, time and mode say nothing of who wrote it."""
    header = tarfile.TarInfo(path)
    header.size = size
    header.mode = 0o644
    file.write(header.tobuf(tarfile.USTAR_FORMAT))
    copy(stream, file, on_bytes)
    file.write(tarfile.NUL * (-size % tarfile.BLOCKSIZE))
