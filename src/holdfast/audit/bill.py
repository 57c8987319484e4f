"""The bill of materials of a lock: CycloneDX 1.6 or SPDX 2.3, every package with all of its files.

Of a project it has what models get, and no developers' tools.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cyclonedx.model.component import Component, ComponentType
from packaging.utils import canonicalize_name

from holdfast.audit.audited import Audit, Audited
from holdfast.audit.subject import Subject
from holdfast.bom.cyclonedx import cyclonedx
from holdfast.bom.spdx import spdx
from holdfast.seal.digest import digest_bytes

_SPDX = (".spdx.json", ".spdx")


def bill(audit: Audit, file: str) -> dict[str, Any]:
    """The document for a file of that name: SPDX for "….spdx.json", else CycloneDX."""
    subject = audit.subject
    packages = [one for one in audit.packages if _is_part(one, subject)]
    parts = [replace(one.locked.part, licence=one.licence) for one in packages]
    there = {one.ref for one in parts}
    needs = {
        one.locked.part.ref: [ref for ref in one.locked.needs if ref in there] for one in packages
    }
    pins = digest_bytes(subject.lock_text.encode())
    if file.endswith(_SPDX):
        return spdx(subject.title, parts, needs, pins=pins, created=subject.created)
    whole = Component(
        name=subject.title,
        version=subject.version or None,
        type=ComponentType.MACHINE_LEARNING_MODEL if subject.model else ComponentType.APPLICATION,
        bom_ref="whole",
    )
    return cyclonedx(whole, parts, needs, pins=pins)


def _is_part(one: Audited, subject: Subject) -> bool:
    """The project itself is what is made of the others."""
    whole = subject.project is not None and one.locked.name == canonicalize_name(subject.title)
    return one.locked.production and not whole
