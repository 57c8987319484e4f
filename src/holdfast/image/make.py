"""What `build_image` does: images for all platforms, what hangs on them, written and pushed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from platform import machine
from typing import TYPE_CHECKING

from holdfast.environment.layout import explained
from holdfast.errors import InputError, MismatchError
from holdfast.home import home
from holdfast.image.assemble import Asked, Assembled, assemble
from holdfast.image.base.open import named_base
from holdfast.image.built import Built, Wishes
from holdfast.image.layers.compress import Compression
from holdfast.image.oci.manifest import index_of
from holdfast.image.oci.write import write_images
from holdfast.image.registry.reference import Reference, parse_reference
from holdfast.image.values import MACHINES, Blob, Images, Platform
from holdfast.model import Model
from holdfast.progress import Progress
from holdfast.restore.findings import Finding
from holdfast.restore.restore import restore
from holdfast.restore.restored import spec_of

if TYPE_CHECKING:
    from holdfast.image.registry.push import Pushed
    from holdfast.verify.receipt import Receipt


def make(model: Model, wishes: Wishes, on_progress: Progress) -> Built:
    """Make images of `model`, write and push them; see `build_image`."""
    base = named_base(wishes.base, os.environ)
    platforms = sorted(map(Platform.parse, wishes.platforms)) or [_here()]
    reference = parse_reference(wishes.push) if wishes.push else None
    model.check_recorded()
    model.check_files()
    receipt = _verified(model, wishes, on_progress) if wishes.verify else None
    slim = _slim(model, wishes, on_progress) if wishes.slim else None
    with (
        explained("the image cannot be made"),
        tempfile.TemporaryDirectory(dir=home(), prefix="image-") as scratch,
    ):
        asked = Asked(
            model=model,
            spec=spec_of(
                model,
                slim.names if slim else None,
                offline=wishes.offline,
                on_progress=on_progress,
            ),
            base=base,
            compression=Compression.GZIP if wishes.gzip else Compression.ZSTD,
            mtime=_time(os.environ.get("SOURCE_DATE_EPOCH", "0")),
            slim=slim.slim if slim else None,
            slim_include=tuple(wishes.slim_include),
            bytecode=wishes.bytecode,
            offline=wishes.offline,
            strict=wishes.strict,
            scratch=Path(scratch),
            on_progress=on_progress,
        )
        made = [assemble(asked, platform) for platform in platforms]
        images = _together(made)
        if wishes.attached:
            images = _with_attachments(images, made, model, receipt)
        if wishes.output is not None:
            on_progress(f"writing {wishes.output}")
            # Alone: tools that are given no name take a layout's image only if it is the only one.
            write_images(replace(images, attachments=(), blobs=()), wishes.output, wishes.tag)
        pushed = _push(images, reference, on_progress) if reference else None
    return Built(
        images=images,
        output=wishes.output,
        reference=reference,
        pushed=pushed,
        slim=slim.slim if slim else None,
        notes=tuple(dict.fromkeys(note for one in made for note in one.notes)),
    )


def _here() -> Platform:
    found = {python: architecture for architecture, python in MACHINES.items()}
    if machine() not in found:
        raise InputError(
            f"no images are made for this machine ({machine()})", hint="--platform linux/amd64"
        )
    return Platform(found[machine()])


def _time(text: str) -> int:
    """SOURCE_DATE_EPOCH, as reproducible-builds.org specifies it."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):  # noqa: PLR2004 - until 2286
        raise InputError(f"SOURCE_DATE_EPOCH is {text!r}, which is no number of seconds")
    return int(text)


def _verified(model: Model, wishes: Wishes, on_progress: Progress) -> Receipt:
    from holdfast.verify.verify import verify

    receipt = verify(
        model,
        slim=wishes.slim,
        slim_include=wishes.slim_include,
        offline=wishes.offline,
        strict=wishes.strict,
        on_progress=on_progress,
    )
    if not receipt.matches:
        raise MismatchError(
            f"{model.uri} does not verify, so no image was made of it",
            hint="holdfast verify says what does not match",
        )
    return receipt


def _slim(model: Model, wishes: Wishes, on_progress: Progress) -> Finding:
    """The part that is enough, found and proven here, in the model's own environment."""
    return Finding.of(
        restore(
            model,
            slim=True,
            slim_include=wishes.slim_include,
            offline=wishes.offline,
            strict=wishes.strict,
            on_progress=on_progress,
        )
    )


def _together(made: Sequence[Assembled]) -> Images:
    """The images, and an index where there are several."""
    images = tuple(one.image for one in made)
    return Images(images=images, index=index_of(images, {}) if len(images) > 1 else None)


def _with_attachments(
    images: Images, made: Sequence[Assembled], model: Model, receipt: Receipt | None
) -> Images:
    # Its library takes a quarter of the time of an image of which only the model is new.
    from holdfast.image.attach.attach import attachments

    manifests: list[Blob] = []
    blobs: list[Blob] = []
    for one in made:
        base = (one.base.name, one.base.digest)
        found, contents = attachments(
            one.image, model, one.packages, *base, receipt, gateway=one.gateway
        )
        manifests += found
        blobs += contents
    return replace(images, attachments=tuple(manifests), blobs=tuple(blobs))


def _push(images: Images, reference: Reference, on_progress: Progress) -> Pushed:
    from holdfast.image.registry.push import push  # an HTTP client, which a layout does not need

    return push(images, reference, on_progress)
