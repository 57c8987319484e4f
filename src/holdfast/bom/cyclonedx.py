"""CycloneDX 1.6, as JSON: what a lock says, not what a scanner guesses."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import (
    DisjunctiveLicense,
    LicenseAcknowledgement,
    LicenseExpression,
)
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import fixup_id, is_expression

from holdfast.bom.part import File, Part
from holdfast.own import version

# So that the same parts have the same serial number (RFC 9562, 5.5).
SERIALS = uuid.UUID("6f3d8f0e-5d53-5f57-9a7e-3f1d7e2f6c55")


def cyclonedx(
    whole: Component,
    parts: Sequence[Part],
    needs: Mapping[str, Iterable[str]],
    *,
    pins: str,
    others: Sequence[Component] = (),
) -> dict[str, Any]:
    """The document. No time is in it: the same arguments give the same document.

    Args:
        whole: What is made of them.
        parts: The packages.
        needs: By a part's `ref`, those of the parts that it needs.
        pins: What decides the document: its serial number is made of that.
        others: What `whole` is made of besides.
    """
    tool = Component(name="holdfast", version=version(), type=ComponentType.APPLICATION)
    metadata = BomMetaData(component=whole, tools=ToolRepository(components=[tool]))
    bom = Bom(serial_number=uuid.uuid5(SERIALS, pins), metadata=metadata)
    made = {part.ref: _component(part) for part in parts}
    for component in (*others, *made.values()):
        bom.components.add(component)
    # Which of them a project named itself is not in a pylock.toml: the whole stands on all.
    bom.register_dependency(whole, [*others, *made.values()])
    for ref, needed in needs.items():
        bom.register_dependency(made[ref], [made[other] for other in sorted(needed)])
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]
    return document


def _component(part: Part) -> Component:
    one = part.file
    return Component(
        name=part.name,
        version=part.version,
        type=ComponentType.LIBRARY,
        bom_ref=part.ref,
        purl=part.purl,
        hashes=_hashes(one) if one else [],
        licenses=[_licence(part.licence)] if part.licence else [],
        external_references=[_reference(part, file) for file in part.files if file.url],
        properties=[
            Property(name=f"dev.holdfast.{name}", value=value)
            for name, value in part.properties.items()
        ],
    )


def _licence(text: str) -> DisjunctiveLicense | LicenseExpression:
    """As SPDX has it, where it does; else by the name that its author gave it."""
    declared = LicenseAcknowledgement.DECLARED
    if known := fixup_id(text):
        return DisjunctiveLicense(id=known, acknowledgement=declared)
    if is_expression(text):
        return LicenseExpression(text, acknowledgement=declared)
    return DisjunctiveLicense(name=text, acknowledgement=declared)


def _reference(part: Part, file: File) -> ExternalReference:
    kinds = ExternalReferenceType
    return ExternalReference(
        type=kinds.VCS if part.kind == "vcs" else kinds.DISTRIBUTION,
        url=XsUri(file.url),
        hashes=_hashes(file),
    )


def _hashes(file: File) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=file.sha256)] if file.sha256 else []
