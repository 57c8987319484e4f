"""Opening a base: from whatever names it to its layers on disk and what is in them.

A base is an image of a registry, an OCI layout (a folder or an archive), or a root file system (a
tar or a folder). There is no base that is taken when none is named: which one a model stands on is
for its user to say, once, in HOLDFAST_IMAGE_BASE.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import InputError
from holdfast.image.base.libraries import Loader
from holdfast.image.base.listing import listing_of
from holdfast.image.base.python import BasePython, choose, target
from holdfast.image.base.rootfs import layer_of
from holdfast.image.base.stream import PLAIN, compression_of
from holdfast.image.base.taken import Kept
from holdfast.image.base.tree import Tree
from holdfast.image.oci.layout import MARKER, open_layout
from holdfast.image.oci.saved import SAVED
from holdfast.image.oci.take import Taken, take
from holdfast.image.values import Layer, Platform
from holdfast.lock.target import Target
from holdfast.progress import Progress, silent

VARIABLE = "HOLDFAST_IMAGE_BASE"
# What stands at the top of an archive of a layout, or of what `docker save` writes, beside the file
# that marks it; a root file system has other names there.
_OF_LAYOUTS = re.compile(r"\.?|blobs|index\.json|repositories|[0-9a-f]{64}(\..+)?")
_TAR_NAMES = (".tar", ".tgz", ".txz", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".oci")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base for one platform, on disk.

    Attributes:
        name: The reference it was pulled by; "" of what came from a file, whose name says nothing
            elsewhere.
        digest: Of its manifest, or of a root file system's tar: "sha256:…".
        platform: What it is for.
        config: Its config (OCI image specification, config.md); empty of a root file system.
        layers: The lowest first, with the media types they came with.
        tree: What they hold together.
    """

    name: str
    digest: str
    platform: Platform
    config: Mapping[str, Any]
    layers: tuple[Layer, ...]
    tree: Tree

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its config sets; PATH among them."""
        said = self.config.get("config")
        said = said.get("Env") if isinstance(said, dict) else None
        pairs = [one.partition("=") for one in said or () if isinstance(one, str)]
        return {name: value for name, _, value in pairs}

    def loader(self) -> Loader:
        """Its dynamic loader."""
        return Loader(self.tree, self.platform.machine, self.environment)

    def python(self, wanted: str, implementation: str = "cpython") -> BasePython:
        """The interpreter in it for a model that wants the release `wanted`, or its minor's.

        Args:
            wanted: Full version, "3.11.7".
            implementation: As `sys.implementation.name`.

        Raises:
            InputError: There is none; the message says which there are.
        """
        path = self.environment.get("PATH", "")
        return choose(self.tree, self.loader(), self.platform, path, wanted, implementation)


def target_of(base: Base, python: BasePython) -> Target:
    """What packages are chosen for, for an image on `base` with `python`."""
    return target(python, base.platform.machine)


def named_base(given: str | None, environ: Mapping[str, str]) -> str:
    """Which base is meant: the one given, else the one of HOLDFAST_IMAGE_BASE.

    What a model's project says of it does not count: a model must not choose what is fetched and
    run in its place.

    Raises:
        InputError: None is named.
    """
    text = given or environ.get(VARIABLE, "")
    if not text:
        raise InputError(
            "no base is named, the root file system with a Python that the image stands on",
            hint=f"--base, or {VARIABLE}: an image of a registry with that Python, an OCI layout, "
            "or a root file system tar as mmdebstrap makes it (docs/images.md)",
        )
    return text


def open_base(
    text: str,
    platform: Platform,
    *,
    kept: Path,
    offline: bool = False,
    on_progress: Progress = silent,
) -> Base:
    """The base that `text` names.

    Args:
        text: A path of an OCI layout, folder or archive, or of what `docker save` wrote, with
            `:name` behind it where it holds several images; a path of a root file system, tar or
            folder; or a reference, "registry.example/python:3.11".
        platform: What the image shall run on.
        kept: A folder of ours: layers and what is in them are kept there.
        offline: Ask no registry.
        on_progress: Told before something slow.

    Raises:
        InputError: There is no such base, not for that platform, or it cannot be read.
        MismatchError: Something is not what its digest says.
        ToolError: The registry failed.
        StoreError: It cannot be kept.
    """
    path, name = _path_of(text)
    if path is None:
        from holdfast.image.registry.pull import pull  # its HTTP is not loaded for a file

        taken = pull(text, platform, kept / "pulled", on_progress, offline=offline)
        return _base(text, platform, taken, kept)
    on_progress(f"reading the base {path.name}")
    if not _is_layout(path):
        return _of_root_files(layer_of(path, kept), platform, kept)
    return _base("", platform, take(Kept(open_layout(path), kept), name, platform, kept), kept)


def _base(name: str, platform: Platform, taken: Taken, kept: Path) -> Base:
    return Base(
        name=name,
        digest=taken.digest,
        platform=platform,
        config=taken.config.document,
        layers=taken.layers,
        tree=_tree(taken.layers, kept),
    )


def _of_root_files(layer: Layer, platform: Platform, kept: Path) -> Base:
    return Base(
        name="",
        digest=layer.diff_id,
        platform=platform,
        config={},
        layers=(layer,),
        tree=_tree((layer,), kept),
    )


def _tree(layers: tuple[Layer, ...], kept: Path) -> Tree:
    for layer in layers:  # used now, for `prune_bases`
        os.utime(str(layer.blob.content))
    return Tree(
        [
            listing_of(
                Path(str(layer.blob.content)),
                layer.diff_id,
                kept / "listings",
                f"the layer {layer.blob.descriptor.digest}",
            )
            for layer in layers
        ]
    )


def _path_of(text: str) -> tuple[Path | None, str]:
    """The path that `text` is, and the name behind it; None for what is a reference."""
    ends = [len(text), *(at for at, character in enumerate(text) if character == ":")]
    for end in ends:
        path = Path(text[:end]).expanduser()
        if end and path.exists():
            return path, text[end + 1 :]
    if text.startswith((".", "/", "~")) or text.lower().endswith(_TAR_NAMES):
        raise InputError(f"there is no base at {text}")
    return None, ""


def _is_layout(path: Path) -> bool:
    """Whether it is an OCI layout, or what `docker save` writes, and not a root file system."""
    if path.is_dir():
        return (path / MARKER).is_file()
    try:
        if compression_of(path) != PLAIN:
            return False
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                name = member.name.removeprefix("./").partition("/")[0]
                if name in {MARKER, SAVED}:
                    return True
                if not _OF_LAYOUTS.fullmatch(name):
                    return False
    except (tarfile.TarError, ValueError) as error:
        raise InputError(f"{path} is no tar that can be read: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return False
