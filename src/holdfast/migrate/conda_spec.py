"""One entry of a conda environment: conda's "package match specification", in PEP 440's words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

# channel::name, a version glued to it or after a space, a build; name[version="…", build=…]
_SPEC = re.compile(
    r"(?:[^:\s]+::)?(?P<name>[A-Za-z0-9_.-]+)"
    r"(?P<version>\s*[=!<>~][^\s\[=]*(?:=(?=[0-9*])[^\s\[=]*)?|\s+[0-9*][^\s\[=]*)?"
    r"(?P<build>(?:\s*=|\s+)[^\s\[=]+)?\s*(?:\[(?P<bracket>[^\]]*)\])?"
)
_BRACKET = re.compile(r"version\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,\s]+))")
# With so many parts a version is a release, and conda's fuzzy "=1.26.4" means that one.
_PARTS_OF_A_RELEASE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A package, the versions that will do, and whether a build of it is named.

    Attributes:
        version: In conda's words: "=1.26", "==1.26.4", ">=1,<2", "" for any.
    """

    name: str
    version: str
    build: bool

    @property
    def exact(self) -> str:
        """The one version that it names, as PEP 440 writes it; "" where it names several."""
        release = self.version.lstrip("=")
        fuzzy = not self.build and not self.version.startswith("==")
        if fuzzy and release.count(".") + 1 < _PARTS_OF_A_RELEASE:
            return ""
        try:
            return str(Version(release))
        except InvalidVersion:  # a range, a list, or none at all
            return ""

    @property
    def minor(self) -> str:
        """The first release that it names, to its second part: "3.11"; "" where it names none."""
        found = re.search(r"\d+\.\d+", self.version)
        return found[0] if found else ""

    def specifier(self) -> str | None:
        """What PEP 440 says for it; None where that has no words (`1.2|1.4`)."""
        if self.exact:
            return f"=={self.exact}"
        if self.version in {"", "*"}:
            return ""
        try:
            return str(SpecifierSet(",".join(map(_clause, self.version.split(",")))))
        except InvalidSpecifier:
            return None


def _clause(text: str) -> str:
    """`=1.2`, `1.2` and `1.2*` are all versions that begin so."""
    bare = text.strip().lstrip("=")
    if bare[:1].isdigit() and not text.strip().startswith("=="):
        return f"=={bare.rstrip('*').rstrip('.')}.*"
    return re.sub(r"^([<>]=?)(.*)\.\*$", r"\1\2", text.strip())


def read_spec(text: str) -> Spec | None:
    """One entry; None where it is none."""
    found = _SPEC.fullmatch(text.strip())
    if found is None:
        return None
    bracket = _BRACKET.search(found["bracket"] or "")
    version = found["version"] or (next(filter(None, bracket.groups()), "") if bracket else "")
    return Spec(
        name=found["name"].lower(),
        version=re.sub(r"\s+", "", version),
        build=bool(found["build"]) or "build" in (found["bracket"] or ""),
    )
