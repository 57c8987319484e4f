"""The indexes that a project declares, and the packages that it takes from each.

A package that is bound to an index is never asked of another: one of the same name elsewhere is
somebody else's (the 2022 torchtriton case).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from holdfast.project.discover import Project
from holdfast.redact import bare_url, redact
from holdfast.seal.seal import SealedIndex


def declared_indexes(project: Project | None) -> tuple[SealedIndex, ...]:
    """What `[[tool.uv.index]]` says, in its order, with the packages that sources bind to each."""
    if project is None:
        return ()
    declared = project.uv_settings.get("index", [])
    indexes = tuple(
        SealedIndex(
            name=str(index.get("name", "")),
            url=address(project, str(index["url"])),
            explicit=bool(index.get("explicit")),
            default=bool(index.get("default")),
        )
        for index in declared
        if "url" in index
    )
    urls = {index.name: index.url for index in indexes if index.name}
    named = {package: urls[name] for package, name in _sources(project) if name in urls}
    return with_packages(indexes, named)


def address(project: Project, location: str) -> str:
    """The URL of an index, without credentials; a folder is named as the project's root sees it."""
    if "://" in location:
        return redact(location)
    return (project.root / location).resolve().as_uri()


def with_packages(
    indexes: tuple[SealedIndex, ...], urls: Mapping[str, str]
) -> tuple[SealedIndex, ...]:
    """`indexes`, with the packages that `urls` names the index of; others stay where they were."""
    known = {bare_url(index.url) for index in indexes}
    urls = {package: bare_url(url) for package, url in urls.items() if bare_url(url) in known}
    return tuple(
        replace(
            index,
            packages=tuple(
                sorted(
                    {package for package in index.packages if package not in urls}
                    | {package for package, url in urls.items() if url == bare_url(index.url)}
                )
            ),
        )
        for index in indexes
    )


def _sources(project: Project) -> Iterator[tuple[str, str]]:
    """Each package of `[tool.uv.sources]` that comes from an index here, and the index's name."""
    for pyproject in project.pyprojects:
        table = pyproject.get("tool", {}).get("uv", {}).get("sources", {})
        for name, source in table.items():
            for one in source if isinstance(source, list) else [source]:
                if isinstance(one, Mapping) and "index" in one and _holds(one):
                    yield canonicalize_name(name), str(one["index"])


def _holds(source: Mapping[str, Any]) -> bool:
    try:
        return "marker" not in source or Marker(str(source["marker"])).evaluate()
    except InvalidMarker:
        return False
