"""An attachment as OCI has it: a manifest with a `subject`, and the one blob it names.

By the image specification 1.1, manifest.md, "Guidelines for Artifact Usage": the config is the
empty one, and `artifactType` says what it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.image.values import EMPTY, MANIFEST, Blob, Descriptor, as_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What is attached, before it is.

    Attributes:
        kind: Its media type, which is the artifact's type too.
        content: Its bytes.
        annotations: What is to be known of it without fetching it.
    """

    kind: str
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


def canonical(document: Any) -> bytes:
    """JSON with one spelling: keys sorted, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def in_memory(content: bytes, media_type: str, **more: Any) -> Blob:
    """Bytes with their name; `more` is what else a descriptor says."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    descriptor = Descriptor(media_type=media_type, digest=digest, size=len(content), **more)
    return Blob(descriptor=descriptor, content=content)


# The config of every artifact (manifest.md, "Guidance for an Empty Descriptor").
NOTHING = in_memory(b"{}", EMPTY)


def hang(attachment: Attachment, subject: Descriptor) -> tuple[Blob, Blob]:
    """The artifact's manifest, and the blob of its content; its config is `NOTHING`.

    Args:
        attachment: What is attached.
        subject: The manifest that it is attached to.
    """
    content = in_memory(attachment.content, attachment.kind)
    named = Descriptor(media_type=subject.media_type, digest=subject.digest, size=subject.size)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": attachment.kind,
        "config": as_json(NOTHING.descriptor),
        "layers": [as_json(content.descriptor)],
        "subject": as_json(named),
        **({"annotations": dict(attachment.annotations)} if attachment.annotations else {}),
    }
    # Registries copy type and annotations into what they answer when asked for referrers.
    more = {"artifact_type": attachment.kind, "annotations": attachment.annotations}
    return in_memory(canonical(manifest), MANIFEST, **more), content
