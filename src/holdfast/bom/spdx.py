"""SPDX 2.3, as JSON (ISO/IEC 5962 is its version 2.2.1)."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from license_expression import ExpressionError, LicenseExpression, get_spdx_licensing
from spdx_tools.spdx.model.actor import Actor, ActorType
from spdx_tools.spdx.model.checksum import Checksum, ChecksumAlgorithm
from spdx_tools.spdx.model.document import CreationInfo, Document
from spdx_tools.spdx.model.package import (
    ExternalPackageRef,
    ExternalPackageRefCategory,
    Package,
)
from spdx_tools.spdx.model.relationship import Relationship, RelationshipType
from spdx_tools.spdx.model.spdx_no_assertion import SpdxNoAssertion
from spdx_tools.spdx.validation.uri_validators import validate_download_location
from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream

from holdfast.bom.cyclonedx import SERIALS
from holdfast.bom.part import Part
from holdfast.own import version

_ROOT = "SPDXRef-whole"
_DOCUMENT = "SPDXRef-DOCUMENT"
# SPDX 2.3, 3.2: letters, numbers, "." and "-".
_FOREIGN = re.compile(r"[^A-Za-z0-9.-]")


def spdx(
    name: str,
    parts: Sequence[Part],
    needs: Mapping[str, Iterable[str]],
    *,
    pins: str,
    created: datetime,
) -> dict[str, Any]:
    """The document.

    Args:
        name: Of what is made of the parts.
        parts: The packages.
        needs: By a part's `ref`, those of the parts that it needs.
        pins: What decides the document: its namespace is made of that.
        created: When; to the second, UTC.
    """
    info = CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id=_DOCUMENT,
        name=name,
        document_namespace=f"urn:uuid:{uuid.uuid5(SERIALS, f'spdx {pins}')}",
        creators=[Actor(ActorType.TOOL, f"holdfast-{version()}")],
        created=created.replace(microsecond=0, tzinfo=None),
    )
    whole = Package(
        spdx_id=_ROOT, name=name, download_location=SpdxNoAssertion(), files_analyzed=False
    )
    relationships = [Relationship(_DOCUMENT, RelationshipType.DESCRIBES, _ROOT)]
    relationships += [_needs(_ROOT, _id(part.ref)) for part in parts]
    relationships += [
        _needs(_id(ref), _id(other)) for ref, others in needs.items() for other in sorted(others)
    ]
    document = Document(info, [whole, *map(_package, parts)], relationships=relationships)
    text = io.StringIO()
    write_document_to_stream(document, text)  # which looks first whether SPDX allows it
    made: dict[str, Any] = json.loads(text.getvalue())
    return made


def _package(part: Part) -> Package:
    file = part.file
    purl = ExternalPackageRef(
        ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", part.purl.to_string()
    )
    licence = _licence(part.licence)
    return Package(
        spdx_id=_id(part.ref),
        name=part.name,
        version=part.version,
        download_location=_location(part),
        file_name=file.name if file and part.kind != "vcs" else None,
        files_analyzed=False,
        checksums=[Checksum(ChecksumAlgorithm.SHA256, file.sha256)] if file and file.sha256 else [],
        license_concluded=SpdxNoAssertion(),
        license_declared=SpdxNoAssertion() if licence is None else licence,
        license_comment=part.licence if part.licence and licence is None else None,
        external_references=[purl],
    )


def _location(part: Part) -> str | SpdxNoAssertion:
    """Where it is fetched from; where the library refuses the host, only the package URL has it."""
    url = part.file.url if part.file else ""
    return url if url and not validate_download_location(url) else SpdxNoAssertion()


def _licence(text: str) -> LicenseExpression | None:
    """The SPDX expression that `text` is; older metadata have whatever their author wrote."""
    if not text:
        return None
    try:
        return get_spdx_licensing().parse(text, validate=True, strict=True)
    except ExpressionError:
        return None


def _needs(one: str, other: str) -> Relationship:
    return Relationship(one, RelationshipType.DEPENDS_ON, other)


def _id(ref: str) -> str:
    return f"SPDXRef-{_FOREIGN.sub('-', ref)}"
