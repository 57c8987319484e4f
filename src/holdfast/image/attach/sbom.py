"""The bill of materials: CycloneDX 1.6, as JSON.

What the lock says, not what a scanner guesses: every package with the hash of the one file that it
was made of, who needs whom, the model itself, and the base by its digest.
"""

from __future__ import annotations

import json
import uuid
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
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from holdfast import __version__
from holdfast.environment.plan import Package
from holdfast.image.attach.contents import Contents, address
from holdfast.redact import bare_url, redact

# So that the same image has the same serial number (RFC 9562, 5.5).
_SERIALS = uuid.UUID("6f3d8f0e-5d53-5f57-9a7e-3f1d7e2f6c55")


def sbom(contents: Contents) -> dict[str, Any]:
    """The document: of the packages and the base, and so the same for each model that has them.

    What hangs on an image names the image, and the provenance names the model: a registry that has
    the document has it for the next model, too. For the same reason there is no time in it.
    """
    tool = Component(name="holdfast", version=__version__, type=ComponentType.APPLICATION)
    image = Component(name="environment", type=ComponentType.CONTAINER, bom_ref="image")
    metadata = BomMetaData(component=image, tools=ToolRepository(components=[tool]))
    bom = Bom(serial_number=uuid.uuid5(_SERIALS, _pins(contents)), metadata=metadata)
    _fill(bom, image, contents)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]
    return document


def _pins(contents: Contents) -> str:
    """What decides the document."""
    pins = (
        f"{place} {package.chosen.name} {package.pin}" for place, package in contents.all_packages()
    )
    return "\n".join((__version__, contents.base_digest, *sorted(pins)))


def _fill(bom: Bom, image: Component, contents: Contents) -> None:
    base, declared = _base(contents), _declared(contents)
    parts = {
        (place, package.chosen.name): _package(place, package, declared)
        for place, package in contents.all_packages()
    }
    for component in (base, *parts.values()):
        bom.components.add(component)
    # Which of them the project named itself is not in a lock: the image stands on all of them.
    bom.register_dependency(image, [base, *parts.values()])
    for name, others in contents.needs().items():
        needed = [parts["environment", other] for other in sorted(others - {name})]
        bom.register_dependency(parts["environment", name], needed)


def _base(contents: Contents) -> Component:
    return Component(
        name=contents.base or "base",
        version=contents.base_digest,
        type=ComponentType.CONTAINER,
        bom_ref="base",
    )


def _package(place: str, package: Package, declared: frozenset[str]) -> Component:
    chosen = package.chosen
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=chosen.sha256)] if chosen.sha256 else []
    fetched = address(package)
    references = [
        ExternalReference(
            type=ExternalReferenceType.VCS
            if chosen.kind == "vcs"
            else ExternalReferenceType.DISTRIBUTION,
            url=XsUri(fetched),
            hashes=hashes,
        )
    ]
    return Component(
        name=chosen.name,
        version=chosen.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{place}/{chosen.name}",
        purl=_purl(package, declared),
        hashes=hashes,
        external_references=references if fetched else [],
        properties=[_property("place", place), _property("file", chosen.filename)],
    )


def _purl(package: Package, declared: frozenset[str]) -> PackageURL:
    """By the purl specification's type "pypi".

    What no index has is "generic": a public package of that name is another one, and no scanner
    shall report its flaws, or its fixes, as ours.
    """
    chosen = package.chosen
    if package.path:
        checksum = {"checksum": f"sha256:{chosen.sha256}"}
        return PackageURL("generic", None, chosen.name, chosen.version, checksum)
    if chosen.kind == "vcs":
        qualifiers = {"vcs_url": address(package)}
    elif chosen.index is None:
        qualifiers = {"download_url": address(package)}
    elif bare_url(chosen.index) in declared:
        qualifiers = {"repository_url": redact(chosen.index)}
    else:
        qualifiers = {}
    return PackageURL("pypi", None, chosen.name, chosen.version, qualifiers)


def _declared(contents: Contents) -> frozenset[str]:
    """The indexes that the project named beside its default one: names there are their own."""
    indexes = contents.model.seal.indexes
    return frozenset(bare_url(one.url) for one in indexes if one.url and not one.default)


def _property(name: str, value: str) -> Property:
    return Property(name=f"dev.holdfast.{name}", value=value)
