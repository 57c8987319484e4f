"""Making images, as a verb: `holdfast.build_image("models:/churn@champion", base=…, push=…)`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.extras import needed
from holdfast.model import Model, open_model
from holdfast.progress import Progress, silent

if TYPE_CHECKING:
    from holdfast.image.built import Built


def build_image(  # noqa: PLR0913 - an option means the same in every verb
    model: Model | str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    push: str | None = None,
    base: str | None = None,
    platforms: Iterable[str] = (),
    tag: str = "latest",
    gzip: bool = False,
    bytecode: bool = False,
    verify: bool = False,
    sbom: bool = False,
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    on_progress: Progress = silent,
) -> Built:
    """Make an OCI image that serves a model in its sealed environment.

    Nothing of the model is loaded, but to verify it or to find a slim environment.

    Args:
        model: What `open_model` gives, or takes.
        output: Where to: an archive where it ends in .oci or .tar, else an OCI layout's folder,
            which may hold other images.
        push: A registry's reference to push to, "registry.example/churn:1".
        base: What brings Python: a registry's reference, an OCI layout or archive, or the tar or
            folder of a root file system; else HOLDFAST_IMAGE_BASE says it.
        platforms: "linux/amd64", "linux/arm64"; this machine's where none is named.
        tag: What the image is called in a layout.
        gzip: Compress layers for clients that cannot read zstd.
        bytecode: Compile modules, by a Python of this machine of the same minor release: a quicker
            start, more bytes. Another patch release of that Python may give another digest.
        verify: Verify the model here first; its receipt is attached.
        sbom: Make the SBOM also where nothing is pushed: `Built.sbom()`.
        slim: Only the packages that the model was seen to need.
        slim_include: Packages that a slim environment has in any case.
        offline: Fetch nothing but what is pushed.
        strict: Refuse a base with another patch release of Python than the sealed one.
        on_progress: Told what takes time, a line at a time.

    Returns:
        What was made. The same arguments give the same digest, on any day and machine.

    Raises:
        InputError: Neither `output` nor `push` is given, or the base cannot carry the model.
        MismatchError: The model, a wheel or a blob is not what it must be, or does not verify.
        ToolError: The extra `image` is not installed; or an index or a registry failed.
        HoldfastError: The model cannot be had; each leaf says why.
    """
    with needed("image", "making images"):
        from holdfast.image.built import Wishes
        from holdfast.image.make import make
    if output is None and push is None:
        raise InputError("an image goes somewhere: say an output, a reference to push to, or both")
    wishes = Wishes(
        output=None if output is None else Path(output),
        push=push,
        base=base,
        platforms=tuple(platforms),
        tag=tag,
        gzip=gzip,
        bytecode=bytecode,
        verify=verify,
        sbom=sbom,
        slim=slim,
        slim_include=tuple(slim_include),
        offline=offline,
        strict=strict,
    )
    return make(model if isinstance(model, Model) else open_model(model), wishes, on_progress)
