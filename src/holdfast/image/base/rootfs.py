"""A root file system, a tar or a folder, as the one layer of a base.

What is compressed as OCI layers may be stays as it is; a plain tar stays plain, for whoever makes
the image knows how its clients want it; other compressions are taken off.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from holdfast.environment.layout import write_whole
from holdfast.errors import InputError
from holdfast.image.base.listing import listing_of
from holdfast.image.base.stream import BZIP2, GZIP, PLAIN, XZ, ZSTD, compression_of, unpacked
from holdfast.image.oci.blobs import blob_path, whole
from holdfast.image.values import LAYER_GZIP, LAYER_TAR, LAYER_ZSTD, Blob, Descriptor, Layer

_TYPES = {GZIP: LAYER_GZIP, ZSTD: LAYER_ZSTD, PLAIN: LAYER_TAR, XZ: LAYER_TAR, BZIP2: LAYER_TAR}
_CHUNK = 1 << 20
_CREATED_BY = "a root file system"


def layer_of(path: Path, kept: Path) -> Layer:
    """The layer that a root file system is.

    A tar is copied to `kept`, and known again for as long as it is the same file (path, size,
    times). Of a folder everything belongs to 0:0 and is as old as the epoch; devices, pipes and
    sockets are left out, and two names of one file become two files.

    Args:
        path: A tar (plain, gzip, zstd, xz or bzip2) or a folder.
        kept: A folder of ours.

    Raises:
        InputError: It cannot be read, or is neither.
        StoreError: It cannot be kept.
    """
    try:
        found = path.stat()
        identity: list[Any] = [str(path.resolve()), found.st_size, found.st_ino, found.st_mtime_ns,
                    found.st_ctime_ns]  # fmt: skip
        note = kept / "opened" / f"{hashlib.sha256(identity[0].encode()).hexdigest()}.json"
        is_folder = stat.S_ISDIR(found.st_mode)
        known = None if is_folder else _recalled(note, identity, kept)
        if known:
            return known
        layer = _kept_folder(path, kept) if is_folder else _kept_tar(path, kept)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if not is_folder:
        _remember(note, identity, layer)
    return layer


def _kept_tar(path: Path, kept: Path) -> Layer:
    compression = compression_of(path)
    if _TYPES[compression] == LAYER_TAR:
        with unpacked(path, path.name) as stream:
            return _keep(iter(lambda: stream.read(_CHUNK), b""), LAYER_TAR, path.name, kept)
    with path.open("rb") as file:
        pieces = iter(lambda: file.read(_CHUNK), b"")
        return _keep(pieces, _TYPES[compression], path.name, kept)


def _keep(pieces: Iterator[bytes], media_type: str, name: str, kept: Path) -> Layer:
    """Have the bytes under their digest, and know what is in them; messages call them `name`."""
    taken = hashlib.sha256()
    size = 0
    incoming = kept / "incoming" / f"{os.getpid()}.{os.urandom(4).hex()}"
    try:
        with whole(incoming) as file:
            for piece in pieces:
                file.write(piece)
                taken.update(piece)
                size += len(piece)
        digest = f"sha256:{taken.hexdigest()}"
        known = digest if media_type == LAYER_TAR else ""
        diff_id = listing_of(incoming, known, kept / "listings", name).diff_id
        target = kept / blob_path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(target)
    finally:
        incoming.unlink(missing_ok=True)
    return _layer(media_type, digest, size, diff_id, kept=kept)


def _layer(media_type: str, digest: str, size: int, diff_id: str, *, kept: Path) -> Layer:
    named = Descriptor(media_type=media_type, digest=digest, size=size)
    blob = Blob(descriptor=named, content=kept / blob_path(digest))
    return Layer(blob=blob, diff_id=diff_id, created_by=_CREATED_BY)


def _remember(note: Path, identity: list[Any], layer: Layer) -> None:
    named = layer.blob.descriptor
    note.parent.mkdir(parents=True, exist_ok=True)
    said = [named.media_type, named.digest, named.size, layer.diff_id]
    write_whole(note, json.dumps({"identity": identity, "layer": said}))


def _recalled(note: Path, identity: list[Any], kept: Path) -> Layer | None:
    try:
        known = json.loads(note.read_bytes())
        layer = _layer(*known["layer"], kept=kept) if known["identity"] == identity else None
        there = layer and Path(str(layer.blob.content)).stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return layer if layer and there == layer.blob.descriptor.size else None


def _kept_folder(path: Path, kept: Path) -> Layer:
    packed = kept / "incoming" / f"{os.getpid()}.{os.urandom(4).hex()}.tar"
    try:
        with whole(packed) as file:
            _pack(path, file)
        with packed.open("rb") as file:
            return _keep(iter(lambda: file.read(_CHUNK), b""), LAYER_TAR, path.name, kept)
    finally:
        packed.unlink(missing_ok=True)


def _pack(folder: Path, file: BinaryIO) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in _below(folder):
            found = path.lstat()
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            info.mode = stat.S_IMODE(found.st_mode)
            if stat.S_ISLNK(found.st_mode):
                info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
                tar.addfile(info)
            elif stat.S_ISDIR(found.st_mode):
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif stat.S_ISREG(found.st_mode):
                info.size = found.st_size
                with path.open("rb") as source:
                    tar.addfile(info, source)


def _below(folder: Path) -> Iterator[Path]:
    """Everything in it, folders before what they hold, in an order that is always the same."""
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - text sorts the same anywhere
        path = folder / name
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
