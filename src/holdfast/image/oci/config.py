"""An image's config: what runs in it and which layers, unpacked, it is made of.

Pure. OCI image specification 1.1, config.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.errors import InputError
from holdfast.image.oci.blobs import blob_of
from holdfast.image.oci.fields import digest_at, items_at, parse, table_at, text
from holdfast.image.values import CONFIG, Blob, Layer, Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A config that was read.

    Attributes:
        platform: What it runs on.
        diff_ids: Digests of the layers' tars, the lowest first.
        runs: What is run and how: "Env", "Entrypoint", "User", …; as it stands there.
        created_by: How each layer was made, as far as the history says; as many as layers.
        document: All of it.
    """

    platform: Platform
    diff_ids: tuple[str, ...]
    runs: Mapping[str, Any]
    created_by: tuple[str, ...]
    document: Mapping[str, Any]


def config_of(
    platform: Platform, layers: Sequence[Layer], runs: Mapping[str, Any], created: str
) -> Blob:
    """The config of an image.

    Args:
        platform: What it runs on.
        layers: The base's first; the history has a line for each.
        runs: What is run and how: "Env", "Entrypoint", "User", …
        created: When, as RFC 3339 has it; the same for each layer.
    """
    document = {
        "architecture": platform.architecture,
        "os": "linux",
        "created": created,
        "config": dict(runs),
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": created, "created_by": layer.created_by} for layer in layers],
    }
    return blob_of(document, CONFIG)


def read_config(content: bytes, what: str) -> Config:
    """The config in `content`.

    Raises:
        InputError: It is none of a Linux image.
    """
    document = parse(content, what)
    if text(document, "os", what) != "linux":
        raise InputError(f"{what} is not of a Linux image")
    rootfs = table_at(document, "rootfs", what)
    found = items_at(rootfs, "diff_ids", f"{what}.rootfs")
    diff_ids = tuple(digest_at(item, where) for where, item in found)
    return Config(
        platform=Platform(text(document, "architecture", what)),
        diff_ids=diff_ids,
        runs=table_at(document, "config", what),
        created_by=_created_by(document, what, len(diff_ids)),
        document=document,
    )


def _created_by(document: Mapping[str, Any], what: str, count: int) -> tuple[str, ...]:
    """The history's words, less those of steps that made no layer."""
    said = [
        text(item, "created_by", where)
        for where, item in items_at(document, "history", what)
        if isinstance(item, dict) and not item.get("empty_layer")
    ]
    return tuple(said) if len(said) == count else ("",) * count
