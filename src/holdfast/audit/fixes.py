"""The nearest versions without what was found: one for each package that has any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from holdfast.audit.vulnerability import Vulnerability


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A version that mends what counts against a package.

    Attributes:
        name: The package's.
        version: The oldest newer one that nobody knows any of these of; "" where there is none yet.
        ids: Of what it mends, or of what nothing mends.
    """

    name: str
    version: str
    ids: tuple[str, ...]


def fixes(found: Iterable[Vulnerability]) -> tuple[Fix, ...]:
    """What would mend all that is found, by package; what is ignored need not be mended."""
    by_name: dict[str, list[Vulnerability]] = {}
    for one in found:
        if not one.ignored:
            by_name.setdefault(one.name, []).append(one)
    return tuple(_fix(name, by_name[name]) for name in sorted(by_name))


def _fix(name: str, against: list[Vulnerability]) -> Fix:
    newest = max(Version(one.version) for one in against)
    named = sorted({Version(version) for one in against for version in one.fixed_in})
    good = (
        str(version)
        for version in named
        if version > newest and not any(one.affects(version) for one in against)
    )
    ids = tuple(dict.fromkeys(one.id for one in against))
    return Fix(name=name, version=next(good, ""), ids=ids)
