"""An image's bill of materials: every package with the hash of the one file it was made of.

And who needs whom, and the base by its digest.
"""

from __future__ import annotations

from typing import Any

from cyclonedx.model.component import Component, ComponentType

from holdfast import __version__
from holdfast.bom.cyclonedx import cyclonedx
from holdfast.bom.part import File, Part
from holdfast.environment.plan import Package
from holdfast.image.attach.contents import Contents, address
from holdfast.redact import bare_url, redact


def sbom(contents: Contents) -> dict[str, Any]:
    """The document: of the packages and the base, and so the same for each model that has them.

    What hangs on an image names the image, and the provenance names the model: a registry that has
    the document has it for the next model, too. For the same reason there is no time in it.
    """
    declared = _declared(contents)
    parts = [_part(place, package, declared) for place, package in contents.all_packages()]
    needs = {
        _ref("environment", name): [_ref("environment", other) for other in others - {name}]
        for name, others in contents.needs().items()
    }
    image = Component(name="environment", type=ComponentType.CONTAINER, bom_ref="image")
    return cyclonedx(image, parts, needs, pins=_pins(contents), others=[_base(contents)])


def _pins(contents: Contents) -> str:
    """What decides the document."""
    pins = (
        f"{place} {package.chosen.name} {package.pin}" for place, package in contents.all_packages()
    )
    return "\n".join((__version__, contents.base_digest, *sorted(pins)))


def _base(contents: Contents) -> Component:
    return Component(
        name=contents.base or "base",
        version=contents.base_digest,
        type=ComponentType.CONTAINER,
        bom_ref="base",
    )


def _part(place: str, package: Package, declared: frozenset[str]) -> Part:
    chosen = package.chosen
    if package.path:
        kind = "own"
    elif chosen.kind == "vcs":
        kind = "vcs"
    else:
        kind = "url" if chosen.index is None else "index"
    bound = chosen.index is not None and bare_url(chosen.index) in declared
    return Part(
        ref=_ref(place, chosen.name),
        name=chosen.name,
        version=chosen.version,
        kind=kind,
        files=(File(name=chosen.filename, url=address(package), sha256=chosen.sha256 or ""),),
        repository=redact(chosen.index or "") if bound else "",
        properties={"place": place, "file": chosen.filename},
    )


def _ref(place: str, name: str) -> str:
    return f"{place}/{name}"


def _declared(contents: Contents) -> frozenset[str]:
    """The indexes that the project named beside its default one: names there are their own."""
    indexes = contents.model.seal.indexes
    return frozenset(bare_url(one.url) for one in indexes if one.url and not one.default)
