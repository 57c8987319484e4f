"""What an audit came to: values, and nothing that looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from holdfast.audit.ignores import Ignore
from holdfast.audit.locked import Locked
from holdfast.audit.subject import Subject
from holdfast.audit.vulnerability import Vulnerability


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One package.

    Attributes:
        locked: What the lock says.
        asked: Whether advisories were looked for; own code has none, and what is private is not
            told.
        licence: "" where it is not known here.
        size: Bytes where it is installed; 0 where that is not known here.
        newest: The newest version, where it was asked for; else "".
    """

    locked: Locked
    asked: bool
    licence: str
    size: int
    newest: str

    @property
    def outdated(self) -> bool:
        """Whether there is a newer one."""
        version = self.locked.version
        return bool(version and self.newest) and Version(self.newest) > Version(version)

    def to_dict(self) -> dict[str, Any]:
        """For programs; what is not known is null."""
        part = self.locked.part
        return {
            "name": part.name,
            "version": part.version,
            "kind": part.kind,
            "purl": part.purl.to_string(),
            "production": self.locked.production,
            "asked": self.asked,
            "licence": self.licence or None,
            "size": self.size or None,
            "newest": self.newest or None,
            "outdated": self.outdated if self.newest else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """All of it.

    Attributes:
        source: Who was asked: a service's address, or a folder.
        as_of: When the newest advisory of a database was changed; "" for a service, which has all.
        packages: By name, then version.
        vulnerabilities: The worst first; what is ignored last.
        unused: Ignores that name nothing that was found.
    """

    subject: Subject
    source: str
    as_of: str
    packages: tuple[Audited, ...]
    vulnerabilities: tuple[Vulnerability, ...]
    unused: tuple[Ignore, ...]

    @property
    def counting(self) -> tuple[Vulnerability, ...]:
        """Those that are not ignored."""
        return tuple(one for one in self.vulnerabilities if not one.ignored)

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "subject": self.subject.named,
            "lock": self.subject.lock_name,
            "seal": self.subject.model.digest if self.subject.model else None,
            "source": self.source,
            "as_of": self.as_of or None,
            "clean": not self.counting,
            "vulnerabilities": [one.to_dict() for one in self.vulnerabilities],
            "unused_ignores": [one.to_dict() for one in self.unused],
            "packages": [one.to_dict() for one in self.packages],
        }
