"""Writing and reading OCI layouts, along with skopeo and umoci where they are there."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import resource
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from holdfast.errors import InputError, MismatchError, StoreError
from holdfast.image.oci.config import config_of
from holdfast.image.oci.layout import Layout, open_layout
from holdfast.image.oci.manifest import NOTHING, artifact_of
from holdfast.image.oci.take import take
from holdfast.image.oci.write import write_images
from holdfast.image.values import Descriptor, Images, Platform
from tiny_images import AMD, ARM, image_of, images_of

skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
umoci = pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed")


def ran(*command: str | Path) -> str:
    done = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def layers_of(layout: Layout, name: str, into: Path, platform: Platform = AMD) -> list[str]:
    """The names of files in each layer of an image, in order."""
    taken = take(layout, name, platform, into)
    found = []
    for layer in taken.layers:
        content = Path(layer.blob.content).read_bytes()
        kind = layer.blob.descriptor.media_type
        if kind.endswith("zstd"):
            content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
        elif kind.endswith("gzip"):
            content = gzip.decompress(content)
        assert layer.diff_id == f"sha256:{hashlib.sha256(content).hexdigest()}"
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            found += tar.getnames()
    return found


@pytest.mark.parametrize("to", ["folder", "archive.oci", "archive.tar"])
def test_what_is_written_is_read(tmp_path, to):
    images = images_of(image_of(tmp_path, {"a": b"one", "b": b"two"}))
    write_images(images, tmp_path / to, "latest")
    layout = open_layout(tmp_path / to)
    assert layers_of(layout, "latest", tmp_path / "into") == ["a", "b"]
    taken = take(layout, "", AMD, tmp_path / "into")
    assert taken.digest == images.top.descriptor.digest
    assert taken.config.runs["Cmd"] == ["serve"]
    assert taken.layers[0].created_by == "a"


@skopeo
@pytest.mark.parametrize("compression", ["zstd", "gzip"])
@pytest.mark.parametrize(("to", "kind"), [("folder", "oci"), ("archive.oci", "oci-archive")])
def test_skopeo_reads_what_is_written(tmp_path, to, kind, compression):
    images = images_of(image_of(tmp_path, {"a": b"one", "b": b"two"}, compression=compression))
    write_images(images, tmp_path / to, "latest")
    source = f"{kind}:{tmp_path / to}:latest"
    said = json.loads(ran("skopeo", "inspect", source))
    layers = [layer.blob.descriptor.digest for layer in images.images[0].layers]
    assert (said["Digest"], said["Layers"]) == (images.top.descriptor.digest, layers)
    ran("skopeo", "copy", "-q", "--preserve-digests", source, f"oci:{tmp_path / 'copy'}:other")
    assert layers_of(open_layout(tmp_path / "copy"), "other", tmp_path / "into") == ["a", "b"]


@skopeo
def test_skopeo_finds_each_platform(tmp_path):
    each = [image_of(tmp_path, {str(one)[-5:]: b"x"}, platform=one) for one in (AMD, ARM)]
    write_images(images_of(*each), tmp_path / "folder", "both")
    for image in each:
        architecture = image.platform.architecture
        said = json.loads(
            ran("skopeo", "--override-arch", architecture, "inspect", f"oci:{tmp_path}/folder:both")
        )
        assert said["Architecture"] == architecture
        assert said["Layers"] == [image.layers[0].blob.descriptor.digest]
        taken = take(open_layout(tmp_path / "folder"), "both", image.platform, tmp_path)
        assert taken.digest == image.manifest.descriptor.digest


@umoci
def test_umoci_unpacks_what_is_written(tmp_path):
    write_images(
        images_of(image_of(tmp_path, {"a": b"one"}, compression="gzip")), tmp_path / "f", "x"
    )
    ran("umoci", "unpack", "--rootless", "--image", f"{tmp_path / 'f'}:x", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "rootfs" / "a").read_bytes() == b"one"


@skopeo
@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
def test_what_skopeo_writes_is_read(tmp_path, kind):
    images = images_of(image_of(tmp_path, {"a": b"one"}, compression="gzip"))
    write_images(images, tmp_path / "folder", "x")
    ran("skopeo", "copy", "-q", f"oci:{tmp_path}/folder:x", f"{kind}:{tmp_path}/theirs:name")
    assert layers_of(open_layout(tmp_path / "theirs"), "name", tmp_path / "into") == ["a"]


def test_an_archive_is_the_same_from_anywhere(tmp_path):
    digests = set()
    for where, mask in (("here", 0o022), ("there", 0o077)):
        before = os.umask(mask)
        try:
            images = images_of(image_of(tmp_path / where, {"a": b"one", "b": b"two"}))
            write_images(images, tmp_path / where / "x.oci", "latest")
        finally:
            os.umask(before)
        digests.add(hashlib.sha256((tmp_path / where / "x.oci").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_folder_keeps_others_images_and_changes_ones_own(tmp_path):
    folder = tmp_path / "folder"
    write_images(images_of(image_of(tmp_path, {"a": b"one"})), folder, "mine")
    write_images(images_of(image_of(tmp_path, {"b": b"two"})), folder, "yours")
    index = json.loads((folder / "index.json").read_text())
    index["manifests"][1]["urls"] = ["https://registry.example/more"]
    (folder / "index.json").write_text(json.dumps(index))
    write_images(images_of(image_of(tmp_path, {"c": b"three"})), folder, "mine")
    index = json.loads((folder / "index.json").read_text())
    assert [one.get("urls") for one in index["manifests"]] == [
        ["https://registry.example/more"],
        None,
    ]
    layout = open_layout(folder)
    assert layers_of(layout, "mine", tmp_path) == ["c"]
    assert layers_of(layout, "yours", tmp_path) == ["b"]


def test_a_blob_that_is_there_is_not_written_again(tmp_path):
    images = images_of(image_of(tmp_path, {"a": b"one"}))
    write_images(images, tmp_path / "folder", "x")
    blobs = sorted((tmp_path / "folder" / "blobs" / "sha256").iterdir())
    before = [path.stat().st_ino for path in blobs]
    write_images(images, tmp_path / "folder", "y")
    assert [path.stat().st_ino for path in blobs] == before


def test_what_is_no_layout_is_left_alone(tmp_path):
    images = images_of(image_of(tmp_path, {"a": b"one"}))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    (tmp_path / "file").write_text("years")
    (tmp_path / "folder.oci").mkdir()
    for name in ("mine", "file", "folder.oci", "x.tar.gz", "x.tgz"):
        with pytest.raises(InputError):
            write_images(images, tmp_path / name, "x")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    assert (tmp_path / "file").read_text() == "years"


def test_a_spoilt_layer_gives_no_image(tmp_path):
    image = image_of(tmp_path, {"a": b"one"})
    layer = image.layers[0]
    Path(layer.blob.content).write_bytes(b"\0" * layer.blob.descriptor.size)
    for to in ("folder", "x.oci"):
        with pytest.raises(MismatchError, match="is named"):
            write_images(images_of(image), tmp_path / to, "latest")
    assert not (tmp_path / "x.oci").exists()
    assert not (tmp_path / "folder" / "index.json").exists()
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()], "something half-written"


def written(tmp_path: Path) -> tuple[Path, Images]:
    images = images_of(image_of(tmp_path, {"a": b"one"}))
    write_images(images, tmp_path / "folder", "x")
    return tmp_path / "folder", images


def blob_file(folder: Path, descriptor: Descriptor) -> Path:
    return folder / "blobs" / descriptor.digest.replace(":", "/")


def spoil_same_size(file: Path) -> None:
    file.write_bytes(bytes(byte ^ 1 for byte in file.read_bytes()))


def spoil_longer(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"more")


def spoil_shorter(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def spoil_gone(file: Path) -> None:
    file.unlink()


def spoil_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
@pytest.mark.parametrize(
    "spoil", [spoil_same_size, spoil_longer, spoil_shorter, spoil_gone, spoil_pipe]
)
def test_a_spoilt_blob_is_refused(tmp_path, what, spoil):
    folder, images = written(tmp_path)
    image = images.images[0]
    blobs = {"manifest": image.manifest, "config": image.config, "layer": image.layers[0].blob}
    spoil(blob_file(folder, blobs[what].descriptor))
    with pytest.raises((MismatchError, InputError)):
        take(open_layout(folder), "x", AMD, tmp_path / "into")


def test_an_unknown_name_says_which_are_known(tmp_path):
    folder, _ = written(tmp_path)
    with pytest.raises(InputError, match="has no image y; it has x"):
        open_layout(folder).find("y")


def test_another_platform_is_refused(tmp_path):
    folder, _ = written(tmp_path)
    with pytest.raises(InputError, match="linux/amd64, not for linux/arm64"):
        take(open_layout(folder), "x", ARM, tmp_path)


def test_names_without_a_digest_lead_nowhere(tmp_path):
    folder, images = written(tmp_path)
    for digest in ("sha256:../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 32):
        with pytest.raises(InputError, match="is no SHA-256 digest"):
            open_layout(folder).open(replace(images.top.descriptor, digest=digest))


def test_an_archive_that_names_a_file_twice_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x.oci", "w") as tar:
        for text in (b'{"imageLayoutVersion":"1.0.0"}', b"{}"):
            member = tarfile.TarInfo("oci-layout")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    with pytest.raises(MismatchError, match="twice"):
        open_layout(tmp_path / "x.oci")


@pytest.mark.parametrize(
    "content", [b"", b"not a tar", b"\0" * 10240, gzip.compress(b"\0" * 10240)]
)
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "x.oci").write_bytes(content)
    with pytest.raises(InputError):
        open_layout(tmp_path / "x.oci")


def test_a_cut_archive_is_refused(tmp_path):
    images = images_of(image_of(tmp_path, {"a": os.urandom(20_000)}))
    write_images(images, tmp_path / "x.oci", "x")
    whole = (tmp_path / "x.oci").read_bytes()
    for length in range(0, len(whole) - 1024, 3_000):
        (tmp_path / "x.oci").write_bytes(whole[:length])
        with pytest.raises((InputError, MismatchError)):
            take(open_layout(tmp_path / "x.oci"), "x", AMD, tmp_path / "into")


def saved(tmp_path: Path, *, linked: bool = False) -> tuple[Path, list[str]]:
    """An archive as old Dockers saved them: layers by path, the second a link to the first."""
    image = image_of(tmp_path, {"a": b"one"}, compression="")
    layer = image.layers[0]
    tar = Path(layer.blob.content).read_bytes()
    layers = [layer, layer] if linked else [layer]
    made = config_of(AMD, layers, {"Env": ["A=B"]}, "1970-01-01T00:00:00Z").content
    assert isinstance(made, bytes)
    listed = [
        {
            "Config": "of-it.json",
            "RepoTags": ["registry.example/a:1", "b:2"],
            "Layers": ["one/layer.tar", "two/layer.tar"][: len(layers)],
        }
    ]
    path = tmp_path / "saved.tar"
    with tarfile.open(path, "w") as archive:
        files = {"one/layer.tar": tar, "of-it.json": made, "manifest.json": as_bytes(listed)}
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("two/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../one/layer.tar"
        archive.addfile(link)
    return path, [one.diff_id for one in layers]


def as_bytes(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("linked", [False, True])
def test_what_docker_saved_is_read(tmp_path, linked):
    path, diff_ids = saved(tmp_path, linked=linked)
    for name in ("registry.example/a:1", "b:2"):
        taken = take(open_layout(path), name, AMD, tmp_path / "into")
        assert [layer.diff_id for layer in taken.layers] == diff_ids
        assert taken.config.runs["Env"] == ["A=B"]
    assert set(layers_of(open_layout(path), "b:2", tmp_path / "into")) == {"a"}


def test_what_docker_saved_and_somebody_changed_is_refused(tmp_path):
    path, _ = saved(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"one\0\0\0\0\0", b"two\0\0\0\0\0"))
    with pytest.raises(MismatchError, match="is named"):
        take(open_layout(path), "b:2", AMD, tmp_path / "into")
    for before, after in ((b"of-it.json", b"of-at.json"), (b'"Layers"', b'"Lawyer"')):
        path.write_bytes(content.replace(before, after, 1))
        with pytest.raises(InputError):
            open_layout(path)


@skopeo
def test_what_skopeo_saves_for_docker_is_read(tmp_path):
    images = images_of(image_of(tmp_path, {"a": b"one", "b": b"two"}, compression="gzip"))
    write_images(images, tmp_path / "folder", "x")
    target = f"docker-archive:{tmp_path}/saved.tar:registry.example/a:1"
    ran("skopeo", "copy", "-q", f"oci:{tmp_path}/folder:x", target)
    layout = open_layout(tmp_path / "saved.tar")
    assert layers_of(layout, "registry.example/a:1", tmp_path / "into") == ["a", "b"]
    assert layers_of(layout, "", tmp_path / "into") == ["a", "b"]


@skopeo
@pytest.mark.parametrize(("to", "kind"), [("folder", "oci"), ("x.oci", "oci-archive")])
def test_attachments_do_not_stand_in_the_way(tmp_path, to, kind):
    image = image_of(tmp_path, {"a": b"one"})
    artifact = artifact_of("application/x", image.manifest.descriptor, [], {})
    images = Images(images=(image,), attachments=(artifact,), blobs=(NOTHING,))
    write_images(images, tmp_path / to, "latest")
    write_images(images, tmp_path / to, "latest")
    layout = open_layout(tmp_path / to)
    assert len(layout.index().manifests) == 2
    assert layers_of(layout, "", tmp_path / "into") == ["a"]
    said = json.loads(ran("skopeo", "inspect", f"{kind}:{tmp_path / to}:latest"))
    assert said["Digest"] == image.manifest.descriptor.digest


def test_many_write_into_one_folder_at_once(tmp_path):
    def write(number: int) -> None:
        image = image_of(tmp_path / str(number), {str(number): b"x", "same": b"same"})
        write_images(images_of(image), tmp_path / "folder", str(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    layout = open_layout(tmp_path / "folder")
    for number in range(12):
        assert layers_of(layout, str(number), tmp_path) == [str(number), "same"]


@pytest.mark.parametrize("to", ["folder", "x.oci"])
def test_a_full_disk_leaves_what_was_there(tmp_path, to):
    write_images(images_of(image_of(tmp_path, {"a": b"one"})), tmp_path / to, "x")
    before = take(open_layout(tmp_path / to), "x", AMD, tmp_path / "into").digest
    image = image_of(tmp_path, {"b": os.urandom(100_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written: File too large"):
            write_images(images_of(image), tmp_path / to, "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert take(open_layout(tmp_path / to), "x", AMD, tmp_path / "into").digest == before
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()], "something half-written"
