"""An advisory, as the OSV schema 1.x has it, and which versions it is about.

Pure: takes what a JSON or YAML reader gave. https://ossf.github.io/osv-schema/ is the source of the
rules; versions are compared as PEP 440 says, which is what its ecosystem "PyPI" means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ECOSYSTEM = "PyPI"
_ORDERED = ("ECOSYSTEM", "SEMVER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Versions from `introduced` on, up to one of the others.

    Attributes:
        introduced: None for the first there ever was.
        fixed: The first that is not in it.
        last: The last that is in it; with neither, all later ones are.
    """

    introduced: Version | None
    fixed: Version | None = None
    last: Version | None = None

    def __contains__(self, version: Version) -> bool:
        if self.introduced is not None and version < self.introduced:
            return False
        if self.fixed is not None and version >= self.fixed:
            return False
        return self.last is None or version <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Versions of one package.

    Attributes:
        name: Normalised (PEP 503).
        versions: Those that are listed, besides the ranges.
    """

    name: str
    versions: frozenset[Version]
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One record.

    Attributes:
        id: "GHSA-…", "PYSEC-…".
        aliases: What others call the same.
        vectors: Kind and text of each CVSS vector: ("CVSS_V3", "CVSS:3.1/…").
        rating: The database's own word for how bad it is, in lower case; "" where it has none.
        withdrawn: It was taken back.
        url: Where people read about it; "" where it names no page.
    """

    id: str
    aliases: tuple[str, ...]
    summary: str
    vectors: tuple[tuple[str, str], ...]
    rating: str
    modified: str
    withdrawn: bool
    url: str
    affected: tuple[Affected, ...]

    @property
    def names(self) -> frozenset[str]:
        """All that it is called."""
        return frozenset((self.id, *self.aliases))

    def affects(self, name: str, version: Version) -> bool:
        """Whether it is about that version ("Evaluation" in the schema).

        A local version ("2.5.1+cpu") is a build of the public one, and is as bad as that.
        """
        public = Version(version.public)
        return not self.withdrawn and any(
            public in one.versions or any(public in span for span in one.ranges)
            for one in self.affected
            if one.name == name
        )

    def fixes(self, name: str) -> Iterator[Version]:
        """The versions of which it says that they are the first without it, in no order."""
        for one in self.affected:
            if one.name == name:
                yield from (span.fixed for span in one.ranges if span.fixed is not None)


def read_advisory(record: Mapping[str, Any]) -> Advisory:
    """The advisory in an OSV record; what it says of other ecosystems is left out.

    Raises:
        ValueError: It is not one.
    """
    try:
        return Advisory(
            id=_text(record["id"]),
            aliases=tuple(map(_text, record.get("aliases") or ())),
            summary=_summary(record),
            vectors=tuple(
                (_text(one.get("type")), _text(one.get("score")))
                for one in record.get("severity") or ()
            ),
            rating=_text((record.get("database_specific") or {}).get("severity")).lower(),
            modified=_text(record.get("modified")),
            withdrawn=bool(record.get("withdrawn")),
            url=_page(record),
            affected=tuple(
                _affected(one)
                for one in record.get("affected") or ()
                if _text(one["package"]["ecosystem"]).partition(":")[0] == ECOSYSTEM
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no OSV record: {error!r}") from error


def _affected(table: Mapping[str, Any]) -> Affected:
    spans = [one for one in table.get("ranges") or () if one.get("type") in _ORDERED]
    return Affected(
        name=canonicalize_name(_text(table["package"]["name"])),
        versions=frozenset(filter(None, map(_version, table.get("versions") or ()))),
        ranges=tuple(span for one in spans for span in _ranges(one)),
    )


def _ranges(table: Mapping[str, Any]) -> Iterator[Range]:
    """The intervals that the events of one range make, in whatever order they stand.

    An event whose version is none by PEP 440 says nothing: `versions` lists those it means.
    """
    events = [
        (kind, version, text == "0")
        for event in table.get("events") or ()
        for kind, text in event.items()
        if (version := _version(text)) is not None
    ]
    ends = sorted(
        ((version, kind) for kind, version, _ in events if kind in {"fixed", "last_affected"}),
        key=lambda end: end[0],
    )
    starts = sorted(
        (None if first else version for kind, version, first in events if kind == "introduced"),
        key=lambda start: (start is not None, start or Version("0")),
    )
    for start in starts:
        end, kind = next((one for one in ends if _is_after(one, start)), (None, ""))
        if kind == "fixed":
            yield Range(introduced=start, fixed=end)
        else:
            yield Range(introduced=start, last=end)


def _is_after(end: tuple[Version, str], start: Version | None) -> bool:
    version, kind = end
    return start is None or version > start or (version == start and kind == "last_affected")


def _version(text: object) -> Version | None:
    try:
        return Version(_text(text))
    except InvalidVersion:
        return None


def _summary(record: Mapping[str, Any]) -> str:
    """One line: what many records have only as the beginning of their details."""
    text = _text(record.get("summary")) or _text(record.get("details"))
    return " ".join(text.strip().partition("\n\n")[0].split())


def _page(record: Mapping[str, Any]) -> str:
    pages = [
        (_text(one.get("type")) != "ADVISORY", _text(one.get("url")))
        for one in record.get("references") or ()
    ]
    return min(pages)[1] if pages else ""


def _text(value: object) -> str:
    if isinstance(value, (list, dict)):
        raise TypeError("expected text, found a list or a table")
    return "" if value is None else str(value)
