from __future__ import annotations

import hashlib
import os
import zlib
from contextlib import ExitStack
from dataclasses import replace

import pytest

from holdfast.errors import MismatchError
from holdfast.image.layers.contents import CHUNK_BYTES, Contents, begins, read_stored
from holdfast.image.values import Stored

_SMALL = b"small " * 100
_LONG = os.urandom(CHUNK_BYTES) + bytes(3 * CHUNK_BYTES)


def _deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def _member(path, content: bytes, *, size: int | None = None, packed: bytes | None = None):
    """A deflated file in the middle of another."""
    packed = _deflate(content) if packed is None else packed
    path.write_bytes(b"before" + packed + b"after")
    return Stored(
        path=path,
        size=len(content) if size is None else size,
        sha256=hashlib.sha256(content).digest(),
        offset=6,
        packed=len(packed),
    )


@pytest.mark.parametrize("content", [b"", b"x", _SMALL, _LONG], ids=len)
def test_a_deflated_piece(tmp_path, content):
    stored = _member(tmp_path / "w", content)
    assert read_stored(stored) == content
    with ExitStack() as opened:
        size, pieces = Contents(opened).open(stored)
        taken = list(pieces)
    assert (size, b"".join(taken)) == (len(content), content)
    assert max(map(len, taken)) <= CHUNK_BYTES


@pytest.mark.parametrize("content", [b"", _SMALL, _LONG], ids=len)
def test_a_whole_file_and_a_piece_that_is_not_deflated(tmp_path, content):
    path = tmp_path / "f"
    path.write_bytes(content)
    assert read_stored(Stored(path=path, size=len(content))) == content
    path.write_bytes(b"12345" + content + b"67")
    assert read_stored(Stored(path=path, size=len(content), offset=5)) == content


@pytest.mark.parametrize("content", [_SMALL, _LONG], ids=len)
@pytest.mark.parametrize("off", [-1, 1])
def test_a_size_that_lies(tmp_path, content, off):
    stored = _member(tmp_path / "w", content, size=len(content) + off)
    with pytest.raises(MismatchError, match="is not what was said of it"):
        read_stored(stored)


@pytest.mark.parametrize(("said", "true"), [(10, 1 << 20), (2 << 20, 100 << 20)])
def test_a_bomb_is_not_unpacked_beyond_what_was_said(tmp_path, said, true):
    stored = _member(tmp_path / "w", b"", size=said, packed=_deflate(bytes(true)))
    with ExitStack() as opened:
        _, pieces = Contents(opened).open(stored)
        with pytest.raises(MismatchError, match=f"more than {said} bytes"):
            list(pieces)


@pytest.mark.parametrize("content", [_SMALL, _LONG], ids=len)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-3],
        lambda packed: packed + b"more",
        lambda packed: b"\xff" * len(packed),
        lambda _: b"",
    ],
    ids=["cut", "followed", "garbage", "empty"],
)
def test_packed_bytes_that_are_no_such_file(tmp_path, content, spoil):
    stored = _member(tmp_path / "w", content, packed=spoil(_deflate(content)))
    with pytest.raises(MismatchError, match="is not what was said of it"):
        read_stored(stored)


@pytest.mark.parametrize("content", [_SMALL, _LONG], ids=len)
def test_other_bytes_of_the_same_size(tmp_path, content):
    stored = _member(tmp_path / "w", content, packed=_deflate(content[:-1] + b"!"))
    with pytest.raises(MismatchError, match="sha256"):
        read_stored(stored)
    path = tmp_path / "f"
    path.write_bytes(content[:-1] + b"!")
    whole = Stored(path=path, size=len(content), sha256=hashlib.sha256(content).digest())
    with pytest.raises(MismatchError, match="sha256"):
        read_stored(whole)


def test_a_small_file_that_is_said_to_be_packed_into_a_big_one(tmp_path):
    stored = replace(_member(tmp_path / "w", _SMALL), packed=1 << 40)
    with pytest.raises(MismatchError, match="nobody packs 600 bytes"):
        read_stored(stored)


def test_a_file_that_became_shorter(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"123")
    with pytest.raises(MismatchError, match="4 bytes expected, 3 found"):
        read_stored(Stored(path=path, size=4))


def test_links_and_pipes_are_not_read(tmp_path):
    (tmp_path / "f").write_bytes(b"1")
    (tmp_path / "link").symlink_to("f")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=name):
            read_stored(Stored(path=tmp_path / name, size=1))
        with ExitStack() as opened, pytest.raises(OSError, match=name):
            Contents(opened).open(tmp_path / name)


def test_how_a_file_begins(tmp_path):
    assert begins(_member(tmp_path / "w", b"#!python\nx"), b"#!python")
    assert not begins(_member(tmp_path / "w", b"\x7fELF"), b"#!python")
    assert not begins(_member(tmp_path / "w", b""), b"#!python")
