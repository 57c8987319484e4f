"""A part: one package of a bill of materials, and the files that it may be made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packageurl import PackageURL


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A wheel, an archive, or what a repository has at a commit.

    Attributes:
        name: The file's own, or the commit.
        url: Where it is fetched from, without credentials; "" for one beside the lock.
        sha256: In hex; "" where it is not known.
    """

    name: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One package.

    Attributes:
        ref: Its name in the document, of no other part.
        name: Normalised (PEP 503).
        version: None where nobody knows it.
        kind: "index", "url" (an archive), "vcs" (a commit of a repository) or "own" (it lies beside
            the lock, and nowhere else).
        files: Those it may be made of: one for each kind of machine, or the only one.
        repository: The index that it is bound to, where that is not everybody's; else "".
        licence: As its metadata say it; "" where that is not known.
        properties: What Holdfast says of it.
    """

    ref: str
    name: str
    version: str | None
    kind: str
    files: tuple[File, ...]
    repository: str = ""
    licence: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> File | None:
        """The one file; None where there are several, and the machine decides."""
        return self.files[0] if len(self.files) == 1 else None

    @property
    def purl(self) -> PackageURL:
        """By the purl specification's type "pypi".

        What no index has is "generic": a public package of that name is another one, and no scanner
        shall report its flaws, or its fixes, as ours.
        """
        file = self.file
        if self.kind == "own":
            checksum = {"checksum": f"sha256:{file.sha256}"} if file and file.sha256 else {}
            return PackageURL("generic", None, self.name, self.version, checksum)
        return PackageURL("pypi", None, self.name, self.version, self._qualifiers())

    def _qualifiers(self) -> dict[str, str]:
        if self.kind == "index":
            return {"repository_url": self.repository} if self.repository else {}
        url = self.files[0].url if self.files else ""
        return {"vcs_url" if self.kind == "vcs" else "download_url": url} if url else {}
