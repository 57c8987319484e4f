"""Layers that were made once and are kept, by what they were made of: `layers/<key>/`.

A key says everything that decides a layer's bytes, so a kept layer is as good as a new one, and
neither its wheels nor its blob are read again to use it: a blob of the size, mtime and inode that
it was written with is taken for that blob. Whoever hands it on, into a layout or to a registry,
hashes it on the way. One touched since is hashed here, and made again where it has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.environment.layout import explained, write_whole
from holdfast.image.layers.compress import Compression
from holdfast.image.values import Blob, Descriptor, Layer, Row
from holdfast.seal.digest import digest_file

# Part of every key: raise it when the same entries become other bytes, or what is noted changes.
_FORMAT = 1
# In the folder of a key.
NOTE = "layer.json"
BLOB = "blob"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A layer, and what it installs.

    Attributes:
        layer: Its blob is in the folder of kept layers.
        rows: Of every file, for each wheel that it was made of, in their order.
    """

    layer: Layer
    rows: tuple[tuple[Row, ...], ...] = ()


def layer_key(made_of: Mapping[str, Any], compression: Compression, *, mtime: int = 0) -> str:
    """The key of a layer: 64 hex digits.

    Args:
        made_of: All that decides its entries, as JSON has it: digests of wheels in their order,
            where they go, releases of what writes scripts.
        compression: How it is compressed.
        mtime: Of its files.
    """
    whole = {
        "format": _FORMAT,
        "made of": made_of,
        "compression": compression.pinned,
        "mtime": mtime,
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def take(folder: Path, key: str) -> Kept | None:
    """The layer of `key` if it is kept.

    Args:
        folder: Of the kept layers; need not be there.
        key: Of `layer_key`.

    Raises:
        StoreError: The folder cannot be read or written.
    """
    with explained(f"the kept layers in {folder} cannot be used"):
        return _take(folder / key)


def take_or_make(
    folder: Path, key: str, make: Callable[[Path], tuple[Layer, Sequence[Sequence[Row]]]]
) -> Kept:
    """The layer of `key`: as it is kept, else made now and kept.

    Args:
        folder: Of the kept layers; made if it is not there.
        key: Of `layer_key`.
        make: Writes the layer's blob into a folder it is given; what it raises passes through.

    Raises:
        StoreError: The folder cannot be read or written.
    """
    home = folder / key
    kept = take(folder, key)
    if kept is not None:
        return kept
    with explained(f"the layer cannot be kept in {folder}"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = folder / f".{key[:16]}.{os.getpid()}.{os.urandom(4).hex()}"
        making.mkdir(mode=0o700)
    try:
        with explained(f"the layer cannot be made and kept in {folder}"):
            layer, rows = make(making)
            return _keep(making, home, layer, rows)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _take(home: Path) -> Kept | None:
    """What is kept there, if it is whole; else nothing is there any more."""
    try:
        note = json.loads((home / NOTE).read_bytes())
        kept = _parse(note, home / BLOB)
        if _identity(home / BLOB) != note["identity"]:
            _check(home / BLOB, kept.layer)
            _note(home, kept)
        else:
            os.utime(home / NOTE)  # its mtime says when it was last used
    except FileNotFoundError:
        shutil.rmtree(home, ignore_errors=True)
        return None
    except (ValueError, KeyError, TypeError):
        shutil.rmtree(home)
        return None
    return kept


def _check(blob: Path, layer: Layer) -> None:
    if blob.is_symlink() or f"sha256:{digest_file(blob).sha256}" != layer.blob.descriptor.digest:
        raise ValueError(f"{blob} has changed")


def _keep(making: Path, home: Path, layer: Layer, rows: Sequence[Sequence[Row]]) -> Kept:
    content = layer.blob.content
    if isinstance(content, bytes):
        (making / BLOB).write_bytes(content)
    else:
        content.rename(making / BLOB)
    kept = _at(home / BLOB, layer, rows)
    _note(making, kept)
    try:
        making.rename(home)
    except OSError:
        # Somebody else was faster with the same key, which means the same bytes.
        other = _take(home)
        if other is None:
            raise
        return other
    return kept


def _at(blob: Path, layer: Layer, rows: Sequence[Sequence[Row]]) -> Kept:
    placed = Blob(descriptor=layer.blob.descriptor, content=blob)
    return Kept(
        layer=Layer(blob=placed, diff_id=layer.diff_id, created_by=layer.created_by),
        rows=tuple(map(tuple, rows)),
    )


def _identity(blob: Path) -> list[int]:
    about = blob.lstat()
    return [about.st_size, about.st_mtime_ns, about.st_ino]


def _note(home: Path, kept: Kept) -> None:
    layer = kept.layer
    note = {
        "identity": _identity(home / BLOB),
        "media_type": layer.blob.descriptor.media_type,
        "digest": layer.blob.descriptor.digest,
        "size": layer.blob.descriptor.size,
        "diff_id": layer.diff_id,
        "created_by": layer.created_by,
        "rows": kept.rows,
    }
    write_whole(home / NOTE, json.dumps(note, separators=(",", ":")))


def _parse(note: Mapping[str, Any], blob: Path) -> Kept:
    descriptor = Descriptor(media_type=note["media_type"], digest=note["digest"], size=note["size"])
    layer = Layer(
        blob=Blob(descriptor=descriptor, content=blob),
        diff_id=note["diff_id"],
        created_by=note["created_by"],
    )
    return Kept(layer=layer, rows=tuple(tuple(map(_row, wheel)) for wheel in note["rows"]))


def _row(row: list[Any]) -> Row:
    path, size, digest = row
    return path, size, digest
