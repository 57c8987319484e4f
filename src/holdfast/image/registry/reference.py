"""Names of images in registries: `registry.example/team/model:1`, `…@sha256:…`.

Pure. OCI distribution specification 1.1, "Pulling manifests". No registry is the default one: what
a name means must not depend on the tool that reads it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from holdfast.errors import InputError
from holdfast.image.oci.blobs import is_digest

_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
    r"|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# Host and repository together, as clients and registries limit them.
_MOST_CHARACTERS = 255
_DEFAULT_TAG = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Which image in which registry.

    Attributes:
        host: The registry, with its port where one was given.
        repository: The path in it.
        tag: "" where there is only a digest.
        digest: "" where there is only a tag.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def source(self) -> str:
        """The repository with its registry: "registry.example/team/model"."""
        return f"{self.host}/{self.repository}"

    @property
    def wanted(self) -> str:
        """What is asked of the registry: the digest, which cannot change, else the tag."""
        return self.digest or self.tag

    @property
    def url(self) -> str:
        """Where the registry's API for this repository begins."""
        scheme = "http" if is_loopback(self.host) else "https"
        return f"{scheme}://{self.host}/v2/{self.repository}/"

    def __str__(self) -> str:
        """As users write it."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.source}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """The reference that `text` is; its tag is "latest" where it names neither tag nor digest.

    Raises:
        InputError: It is none, or it names no registry.
    """
    name, _, digest = text.partition("@")
    if digest and not is_digest(digest):
        raise InputError(f"{text[:300]!r} has no SHA-256 digest after the @")
    host, _, path = name.partition("/")
    if not _names_a_host(host) or not path:
        raise InputError(
            f"{text[:300]!r} names no registry",
            hint="write it whole, as in registry.example/team/model:1",
        )
    repository, colon, tag = path.partition(":")
    if (
        len(host) + 1 + len(repository) > _MOST_CHARACTERS
        or _HOST.fullmatch(host) is None
        or _REPOSITORY.fullmatch(repository) is None
        or (colon and _TAG.fullmatch(tag) is None)
    ):
        raise InputError(f"{text[:300]!r} is no name of an image")
    if not tag and not digest:
        tag = _DEFAULT_TAG
    return Reference(host=host, repository=repository, tag=tag, digest=digest)


def _names_a_host(part: str) -> bool:
    """Whether the first part of a name is a host and no folder, as all clients tell them apart."""
    return "." in part or ":" in part or part == "localhost"


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine hears what is said to `host` (with or without a port)."""
    name = host.rpartition(":")[0] if re.search(r"[^:]:[0-9]+$|\]:[0-9]+$", host) else host
    name = name.strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost"
