"""What the rooms of `image` hand each other: platforms, blobs, layers, and the files in them.

Values only; nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.errors import InputError

# Media types of the OCI image specification 1.1 (media-types.md).
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
EMPTY = "application/vnd.oci.empty.v1+json"

# The architectures that wheels are published for, as OCI names them and as Python does.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """What an image runs on: only Linux.

    Attributes:
        architecture: As GOARCH has it: "amd64", "arm64".
    """

    architecture: str

    @classmethod
    def parse(cls, text: str) -> Platform:
        """The platform of "linux/amd64".

        Raises:
            InputError: It is none that images are made for.
        """
        system, _, rest = text.strip().partition("/")
        architecture = rest.removesuffix("/v8")
        if system != "linux" or architecture not in MACHINES:
            known = ", ".join(f"linux/{name}" for name in MACHINES)
            raise InputError(f"{text!r} is no platform that images are made for: {known}")
        return cls(architecture)

    @property
    def machine(self) -> str:
        """As `platform.machine()` says it there: "x86_64", "aarch64"."""
        return MACHINES[self.architecture]

    def __str__(self) -> str:
        """As users write it."""
        return f"linux/{self.architecture}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What names a blob (OCI image specification, descriptor.md).

    Attributes:
        media_type: What it is.
        digest: "sha256:" and 64 hex digits.
        size: Bytes.
        annotations: Words on it; sorted when written.
        platform: What it runs on, in an index.
        artifact_type: What an attachment is.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    artifact_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes with a name: on disk, or, where they are few, in memory.

    Attributes:
        descriptor: Its name.
        content: The file that holds it, or the bytes themselves.
    """

    descriptor: Descriptor
    content: Path | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer: a compressed tar on disk.

    Attributes:
        blob: The compressed tar.
        diff_id: The digest of the tar itself, "sha256:…" (config.md, rootfs.diff_ids).
        created_by: What it holds, for the image's history.
        source: The repository of a registry where it lies already, "registry.example/python"; ""
            where that is not known.
    """

    blob: Blob
    diff_id: str
    created_by: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file's bytes that lie in a file on disk: all of it, or a piece, as a wheel holds them.

    Nothing of it is read before it is written into a layer; `layers.contents` reads it.

    Attributes:
        path: The file on disk.
        size: Bytes, unpacked.
        sha256: What they must hash to, 32 bytes; None where nobody has said.
        offset: Where in `path` they begin.
        packed: How many bytes there are deflated into (RFC 1951); None where they are as they are.
    """

    path: Path
    size: int
    sha256: bytes | None = None
    offset: int = 0
    packed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing in a layer; whoever writes the tar adds owner, time and the folders above it.

    Attributes:
        path: Where it stands in the image, without a leading slash: "holdfast/model/MLmodel".
        content: A file's bytes, the file that holds them, or where they lie and what they must be;
            None for a link or a folder.
        link: Where a symbolic link points; "" for a file or a folder.
        executable: Whether a file is a program.
    """

    path: str
    content: bytes | Path | Stored | None = None
    link: str = ""
    executable: bool = False


# One installed file: its path in the image, its size in bytes, and its digest as a RECORD writes
# it (SHA-256, URL-safe base64, no padding).
Row = tuple[str, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image for one platform.

    Attributes:
        platform: What it runs on.
        manifest: Its manifest, in memory.
        config: Its config, in memory.
        layers: The base's first.
    """

    platform: Platform
    manifest: Blob
    config: Blob
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What is written or pushed: an image for each platform, and what hangs on them.

    Attributes:
        images: Sorted by platform.
        index: Names them all, in memory; None where there is only one.
        attachments: Artifact manifests with a `subject`, each followed by nothing else: their own
            blobs stand in `blobs`.
        blobs: What the attachments name.
    """

    images: tuple[Image, ...]
    index: Blob | None = None
    attachments: tuple[Blob, ...] = ()
    blobs: tuple[Blob, ...] = ()

    @property
    def top(self) -> Blob:
        """What a tag names: the index, or the only image's manifest."""
        return self.index or self.images[0].manifest


def as_json(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as manifests write it, nothing empty in it."""
    written: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.artifact_type:
        written["artifactType"] = descriptor.artifact_type
    if descriptor.platform is not None:
        written["platform"] = {
            "architecture": descriptor.platform.architecture,
            "os": "linux",
        }
    if descriptor.annotations:
        written["annotations"] = dict(sorted(descriptor.annotations.items()))
    return written
