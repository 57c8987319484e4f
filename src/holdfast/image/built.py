"""What images are asked for, and what came of it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.image.oci.manifest import read_manifest
from holdfast.image.registry.reference import Reference
from holdfast.image.values import Images
from holdfast.restore.restored import Slim

if TYPE_CHECKING:
    from holdfast.image.registry.push import Pushed


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How images are made; see `build_image`."""

    output: Path | None = None
    push: str | None = None
    base: str | None = None
    platforms: tuple[str, ...] = ()
    tag: str = "latest"
    gzip: bool = False
    bytecode: bool = False
    verify: bool = False
    slim: bool = False
    slim_include: tuple[str, ...] = ()
    offline: bool = False
    strict: bool = False
    sbom: bool = False

    @property
    def attached(self) -> bool:
        """Whether attachments are of any use."""
        return self.push is not None or self.sbom


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What was made.

    Attributes:
        images: The images; their blobs on disk are gone, where they were not written or pushed.
        output: The layout that was written, or None.
        reference: Where they were pushed to, or None.
        pushed: What that took, or None.
        slim: How a slim environment stands to the whole one; None for the whole one.
        notes: What the user should know.
    """

    images: Images
    output: Path | None
    reference: Reference | None
    pushed: Pushed | None
    slim: Slim | None
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What names them, "sha256:…": the index's, or the only image's."""
        return self.images.top.descriptor.digest

    @property
    def pinned(self) -> str:
        """The pushed reference by its digest, which no later push changes; "" if none was."""
        return f"{self.reference.source}@{self.digest}" if self.reference else ""

    def sbom(self) -> bytes:
        """The SBOM of the image, CycloneDX 1.6 as JSON; where it was pushed, or asked for.

        Raises:
            InputError: There are several images, and so several SBOMs.
        """
        from holdfast.image.attach.attach import SBOM

        found = [one for one in self.images.attachments if one.descriptor.artifact_type == SBOM]
        if len(found) != 1:
            raise InputError(
                f"each of {len(found)} platforms has an SBOM of its own",
                hint="they are attached to what is pushed; or make one platform at a time",
            )
        content = {one.descriptor.digest: one.content for one in self.images.blobs}
        (named,) = read_manifest(_bytes(found[0].content), "the SBOM's manifest").layers
        return _bytes(content[named.digest])


def _bytes(content: Path | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()
