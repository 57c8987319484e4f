"""What an image holds and comes from, as its SBOM and its provenance tell it alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tomli

from holdfast.environment.plan import Package
from holdfast.errors import LockError
from holdfast.image.inside.labels import model_name
from holdfast.image.values import Image
from holdfast.lock.slim import Needs, needs_of
from holdfast.model import Model
from holdfast.redact import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """See `attach.attachments`, which takes these one by one."""

    image: Image
    model: Model
    packages: tuple[Package, ...]
    gateway: tuple[Package, ...]
    base_name: str
    base_digest: str
    lock: str

    @property
    def digest(self) -> str:
        """Of the image's manifest, "sha256:…"."""
        return self.image.manifest.descriptor.digest

    @property
    def name(self) -> str:
        """The model's URI; of a folder, whose path is this machine's, the project's name."""
        return model_name(self.model) or self.model.seal.project.name or "model"

    @property
    def base(self) -> str:
        """The base's name; a registry's reference may not carry who fetched it."""
        return redact(self.base_name)

    def needs(self) -> Needs:
        """Which package of the environment needs which; {} where the lock does not say."""
        names = [package.chosen.name for package in self.packages]
        try:
            return needs_of(tomli.loads(self.lock).get("packages", ()), names)
        except LockError:
            return {}

    def all_packages(self) -> Iterator[tuple[str, Package]]:
        """Every package and where it is: in the "environment" or in the "gateway"."""
        yield from (("environment", package) for package in self.packages)
        yield from (("gateway", package) for package in self.gateway)


def address(package: Package) -> str:
    """Where a package's file is fetched from, without credentials; "" for one beside the lock."""
    if package.path:
        return ""
    vcs = package.table.get("vcs")
    if vcs:
        return redact(f"{vcs['type']}+{vcs['url']}@{vcs['commit-id']}")
    return redact(package.chosen.location)
