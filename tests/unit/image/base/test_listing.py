"""Reading a layer's tar: what it holds, and what is refused."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from bases import RootFiles
from holdfast.errors import InputError, MismatchError
from holdfast.image.base import listing, stream
from holdfast.image.base.listing import listing_of, read_layer
from holdfast.image.oci.blobs import digest_of

_PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": gzip.compress,
    "two members": lambda content: gzip.compress(content[:700]) + gzip.compress(content[700:]),
    "zstd": zstandard.ZstdCompressor().compress,
    "two frames": lambda content: b"".join(
        zstandard.ZstdCompressor().compress(part) for part in (content[:700], content[700:])
    ),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    root = RootFiles()
    root.file("etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    root.file("usr/bin/program", b"#!/bin/sh\n", 0o755)
    root.link("bin", "usr/bin")
    root.folder("tmp", 0o1777)
    return root.write(tmp_path / "layer.tar")


def _member(name: str, **attributes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def _tar(tmp_path: Path, *members: tarfile.TarInfo, **options: object) -> Path:
    path = tmp_path / "hostile.tar"
    with tarfile.open(path, "w", **options) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return path


@pytest.mark.parametrize("packing", _PACKINGS)
def test_a_layer_says_the_same_however_it_is_packed(tar, tmp_path, packing):
    packed = tmp_path / "packed"
    packed.write_bytes(_PACKINGS[packing](tar.read_bytes()))
    found = read_layer(packed, "it")
    assert found.diff_id == digest_of(tar.read_bytes())
    assert found.nodes == read_layer(tar, "it").nodes
    assert found.nodes["etc/passwd"].text == "root:x:0:0::/:/bin/sh\n"
    assert found.nodes["usr/bin/program"].mode == 0o755
    assert found.nodes["bin"].target == "usr/bin"
    assert found.nodes["tmp"].mode == 0o1777


def test_a_listing_is_read_once_and_says_the_same_again(tar, tmp_path):
    kept = tmp_path / "kept"
    found = listing_of(tar, "", kept, "it")
    tar.unlink()
    assert listing_of(tar, found.diff_id, kept, "it") == found


def test_a_kept_listing_that_is_spoilt_is_read_anew(tar, tmp_path):
    kept = tmp_path / "kept"
    found = listing_of(tar, "", kept, "it")
    for note in kept.iterdir():
        note.write_text('{"usr": {"kind": "folder", "colour": "red"}}')
    assert listing_of(tar, found.diff_id, kept, "it") == found


def test_a_layer_that_is_not_what_its_digest_says_is_refused_and_not_kept(tar, tmp_path):
    with pytest.raises(MismatchError, match="it unpacks to sha256:"):
        listing_of(tar, f"sha256:{'0' * 64}", tmp_path / "kept", "it")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("name", ["../out", "usr/../../out", "usr/..", "a/" * 3000])
def test_a_path_that_leaves_the_root_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="no path inside"):
        read_layer(_tar(tmp_path, _member(name)), "it")


def test_a_hard_link_that_leaves_the_root_is_refused(tmp_path):
    path = _tar(tmp_path, _member("a", type=tarfile.LNKTYPE, linkname="../../etc/shadow"))
    with pytest.raises(InputError, match="no path inside"):
        read_layer(path, "it")


def test_absolute_paths_are_of_the_root(tmp_path):
    assert list(read_layer(_tar(tmp_path, _member("/etc/x")), "it").nodes) == ["etc/x"]


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd", "xz", "bzip2"])
def test_a_layer_that_breaks_off_is_refused(tar, tmp_path, packing):
    packed = _PACKINGS[packing](tar.read_bytes())
    broken = tmp_path / "broken"
    broken.write_bytes(packed[: len(packed) // 3])
    with pytest.raises(InputError, match=r"^it "):
        read_layer(broken, "it")


def test_a_header_that_cannot_be_read_is_not_taken_for_the_end(tmp_path):
    path = _tar(tmp_path, _member("first"), _member("second"), _member("third"))
    content = bytearray(path.read_bytes())
    content[512 + 148 : 512 + 156] = b"000000\0 "  # the checksum of the second
    path.write_bytes(content)
    with pytest.raises(InputError, match="breaks off, or has a header"):
        read_layer(path, "it")


def test_what_unpacks_to_more_than_any_base_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "_MOST_BYTES", 1 << 20)
    bomb = tmp_path / "bomb"
    with gzip.open(bomb, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(_member("zeros", size=8 << 20), io.BytesIO(bytes(8 << 20)))
    with pytest.raises(InputError, match="unpacks to more than"):
        read_layer(bomb, "it")


def test_a_name_of_many_megabytes_is_refused_before_it_is_read(tmp_path):
    header = _member("x", type=tarfile.XHDTYPE, size=1 << 30)
    (tmp_path / "long").write_bytes(header.tobuf() + bytes(64 << 20))
    with pytest.raises(InputError, match="a name or a header of"):
        read_layer(tmp_path / "long", "it")


def test_more_files_than_any_base_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "_MOST_ENTRIES", 3)
    path = _tar(tmp_path, *(_member(str(n)) for n in range(4)))
    with pytest.raises(InputError, match="more than 3 files"):
        read_layer(path, "it")


def test_a_sparse_library_that_says_any_size_is_not_unpacked(tmp_path):
    huge = _member("usr/lib/libhuge.so")
    huge.pax_headers = {"GNU.sparse.size": str(1 << 60), "GNU.sparse.map": "0,0"}
    found = read_layer(_tar(tmp_path, huge, format=tarfile.PAX_FORMAT), "it")
    assert found.nodes["usr/lib/libhuge.so"].elf is None


def test_devices_and_pipes_are_only_noted(tmp_path):
    members = [_member("dev/null", type=tarfile.CHRTYPE), _member("p", type=tarfile.FIFOTYPE)]
    found = read_layer(_tar(tmp_path, *members), "it")
    assert {node.kind for node in found.nodes.values()} == {listing.OTHER}


def test_times_are_exact_to_the_nanosecond_where_the_tar_says_them_so(tmp_path):
    exact = _member("x")
    exact.pax_headers = {"mtime": "1700000000.123456789"}
    found = read_layer(_tar(tmp_path, exact, format=tarfile.PAX_FORMAT), "it")
    assert found.nodes["x"].mtime_ns == 1_700_000_000_123_456_789


def test_no_tar_is_refused(tmp_path):
    (tmp_path / "text").write_text("no tar at all" * 100)
    with pytest.raises(InputError, match="it is no tar"):
        read_layer(tmp_path / "text", "it")
