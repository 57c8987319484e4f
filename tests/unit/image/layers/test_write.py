from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from holdfast.errors import MismatchError
from holdfast.image.layers.compress import Compression, compressor
from holdfast.image.layers.place import Place
from holdfast.image.layers.tar import tar
from holdfast.image.layers.wheel import wheel_entries
from holdfast.image.layers.write import write_layer
from holdfast.image.values import CONFIG, INDEX, LAYER_GZIP, LAYER_ZSTD, MANIFEST, Entry, Stored
from layer_wheels import build_wheel

# Long enough for more than one of zstd's jobs, and for blocks of everything in between.
_ENTRIES = [
    Entry(path="words", content=b"".join(b"%d bottles\n" % n for n in range(900_000))),
    Entry(path="noise", content=hashlib.shake_256(b"noise").digest(3 << 20)),
    Entry(path="bin/run", content=b"#!/bin/sh\n", executable=True),
    Entry(path="bin/again", link="run"),
]
_BOTH = pytest.mark.parametrize("compression", list(Compression))


def _unpacked(compression: Compression, content: bytes) -> bytes:
    if compression is Compression.GZIP:
        return gzip.decompress(content)
    return zstandard.ZstdDecompressor().decompressobj().decompress(content)


@_BOTH
def test_a_layer_is_named_by_its_bytes(tmp_path, compression):
    layer = write_layer(_ENTRIES, tmp_path, compression, created_by="words")
    content = layer.blob.content.read_bytes()
    assert layer.blob.descriptor.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert layer.blob.descriptor.size == len(content)
    assert layer.blob.content == tmp_path / layer.blob.descriptor.digest.removeprefix("sha256:")
    plain = _unpacked(compression, content)
    assert plain == b"".join(tar(_ENTRIES))
    assert layer.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    expected = LAYER_ZSTD if compression is Compression.ZSTD else LAYER_GZIP
    assert (layer.blob.descriptor.media_type, layer.created_by) == (expected, "words")


@pytest.mark.parametrize(
    ("compression", "digest"),
    [
        (Compression.ZSTD, "db92cea350a441ec6866a59cb058890e45b9befe59fd10056034c4dd1b3d4402"),
        (Compression.GZIP, "6187d856486aafa7f91ee2b0653bbf44dcdc6917b9bc7b36555067cd09bdfd62"),
    ],
)
def test_the_bytes_are_pinned(tmp_path, compression, digest):
    """Another release or setting makes all layers that anybody has pushed new ones."""
    layer = write_layer(_ENTRIES, tmp_path, compression, created_by="")
    assert layer.blob.descriptor.digest == f"sha256:{digest}"


@_BOTH
def test_the_number_of_cores_does_not_show(monkeypatch, compression):
    content = b"".join(tar(_ENTRIES))
    made = set()
    for cores in ({0}, {0, 1}, set(range(7))):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores)
        packer = compressor(compression)
        made.add(packer.compress(content) + packer.flush())
    assert len(made) == 1


@_BOTH
def test_how_the_tar_comes_in_pieces_does_not_show(compression):
    content = b"".join(tar(_ENTRIES))
    made = set()
    for length in (1 << 16, 1_000_003, len(content)):
        packer = compressor(compression)
        pieces = [
            packer.compress(content[start : start + length])
            for start in range(0, len(content), length)
        ]
        made.add(b"".join(pieces) + packer.flush())
    assert len(made) == 1


@_BOTH
def test_nothing_is_left_of_a_layer_that_failed(tmp_path, compression):
    source = tmp_path / "f"
    source.write_bytes(b"other")
    wrong = Entry(path="f", content=Stored(path=source, size=5, sha256=bytes(32)))
    folder = tmp_path / "blobs"
    folder.mkdir()
    with pytest.raises(MismatchError, match="f: "):
        write_layer([*_ENTRIES, wrong], folder, compression, created_by="")
    assert not list(folder.iterdir())


_BUILD = """
import os, sys
from pathlib import Path
from holdfast.image.layers.compress import Compression, compressor
from holdfast.image.layers.place import Place
from holdfast.image.layers.wheel import wheel_entries
from holdfast.image.layers.write import write_layer

for compression in Compression:
    compressor(compression)  # what is imported late, while we may still read it
"".encode("cp437")
os.umask(int(sys.argv[2], 8))
os.chdir(sys.argv[1])
if sys.argv[3] != "0":
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[3]))
place = Place(root="/holdfast/environment", python_version="3.11")
folder = Path() if sys.argv[3] != "0" else Path(sys.argv[1])
entries, rows = wheel_entries(next(folder.glob("*.whl")), place)
(folder / "out").mkdir()
for compression in Compression:
    layer = write_layer(entries, folder / "out", compression, created_by="")
    print(layer.diff_id, layer.blob.descriptor.digest, hash(rows) and rows)
"""


def test_folder_umask_time_zone_locale_and_user_do_not_show(tmp_path):
    made = set()
    users = ["0", "65534"] if os.geteuid() == 0 else ["0", "0"]
    for number, (umask, zone, locale, user) in enumerate(
        zip(("022", "077"), ("UTC", "Asia/Kolkata"), ("C", "C.UTF-8"), users, strict=True)
    ):
        folder = tmp_path / f"folder {number}"
        files = {f"mine/m{n}.py": b"x = %d\n" % n for n in range(50)}
        build_wheel(folder, files, executable=frozenset({"mine/m7.py"}))
        folder.chmod(0o777)
        env = {**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": str(number)}
        made.add(
            subprocess.run(
                [sys.executable, "-c", _BUILD, str(folder), umask, user],
                env=env,
                cwd="/",
                check=True,
                capture_output=True,
            ).stdout
        )
    assert len(made) == 1


def _layout(folder: Path, compression: Compression) -> None:
    """An OCI layout with one layer, and nothing of Holdfast's but that layer."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(content: object, media_type: str) -> dict[str, object]:
        text = json.dumps(content).encode()
        digest = hashlib.sha256(text).hexdigest()
        (blobs / digest).write_bytes(text)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(text)}

    layer = write_layer(_ENTRIES, blobs, compression, created_by="")
    of_layer = layer.blob.descriptor
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(config, CONFIG),
        "layers": [
            {"mediaType": of_layer.media_type, "digest": of_layer.digest, "size": of_layer.size}
        ],
    }
    named = put(manifest, MANIFEST)
    named["annotations"] = {"org.opencontainers.image.ref.name": "it"}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _run(*arguments: str | Path) -> None:
    ran = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@_BOTH
@pytest.mark.skipif(not shutil.which("skopeo"), reason="needs skopeo")
def test_skopeo_unpacks_it_and_finds_the_digests_right(tmp_path, compression):
    _layout(tmp_path / "layout", compression)
    arguments = ("copy", "--insecure-policy", "--dest-decompress", f"oci:{tmp_path}/layout:it")
    _run(shutil.which("skopeo"), *arguments, f"dir:{tmp_path}/unpacked")
    plain = b"".join(tar(_ENTRIES))
    assert (tmp_path / "unpacked" / hashlib.sha256(plain).hexdigest()).read_bytes() == plain


@pytest.mark.skipif(not shutil.which("umoci"), reason="needs umoci")
def test_umoci_unpacks_it(tmp_path):
    _layout(tmp_path / "layout", Compression.GZIP)
    bundle = tmp_path / "bundle"
    _run(shutil.which("umoci"), "unpack", "--rootless", "--image", f"{tmp_path}/layout:it", bundle)
    for entry in _ENTRIES:
        path = bundle / "rootfs" / entry.path
        if entry.link:
            assert str(path.readlink()) == entry.link
        else:
            assert path.read_bytes() == entry.content
            assert path.stat().st_mode & 0o777 == (0o755 if entry.executable else 0o644)
            assert path.stat().st_mtime == 0


@_BOTH
def test_a_wheel_becomes_a_layer_that_python_unpacks_to_it(tmp_path, compression):
    files = {f"mine/m{n}.py": b"x = %d\n" % n * n for n in range(300)}
    place = Place(root="/holdfast/environment", python_version="3.11")
    entries, rows = wheel_entries(build_wheel(tmp_path, files), place)
    layer = write_layer(entries, tmp_path, compression, created_by="")
    plain = _unpacked(compression, layer.blob.content.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        assert sorted(one.name for one in archive if one.isfile()) == [row[0] for row in rows]
        for name, content in files.items():
            member = archive.extractfile(f"{place.site_packages.removeprefix('/')}/{name}")
            assert member.read() == content
