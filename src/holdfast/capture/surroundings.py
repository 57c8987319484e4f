"""What uv is told at log time, so that the lock decides and not the caller's surroundings.

A lock says which indexes it was made from and under which options. Where the project's own files do
not say so, they came from variables or from settings of a user, and another shell may have others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.lock.graph import LockGraph
from holdfast.project.discover import Project
from holdfast.project.indexes import address
from holdfast.redact import bare_url

# By the lock's name of an option: the setting's, the variable's, and uv's own default.
_OPTIONS = {
    "resolution-mode": ("resolution", "UV_RESOLUTION", "highest"),
    "prerelease-mode": ("prerelease", "UV_PRERELEASE", "if-necessary-or-explicit"),
    "fork-strategy": ("fork-strategy", "UV_FORK_STRATEGY", "requires-python"),
    "exclude-newer": ("exclude-newer", "UV_EXCLUDE_NEWER", ""),
}


def lock_variables(graph: LockGraph, project: Project) -> dict[str, str]:
    """Variables for uv in the project: the indexes and options that its lock was made with."""
    return dict((*_indexes(graph, project), *_options(graph, project)))


def declared_variables(project: Project | None) -> dict[str, str]:
    """The project's own indexes as variables: for a build outside of its folder.

    With their credentials, if they have any: for uv's surroundings, and nothing else.
    """
    if project is None:
        return {}
    declared = [one for one in project.uv_settings.get("index", ()) if "url" in one]
    others = [_named(one) for one in declared if not (one.get("explicit") or one.get("default"))]
    default = [_named(one) for one in declared if one.get("default")]
    found = {"UV_INDEX": " ".join(others), "UV_DEFAULT_INDEX": "".join(default[:1])}
    return {name: value for name, value in found.items() if value}


def _named(index: Mapping[str, Any]) -> str:
    name = f"{index['name']}=" if "name" in index else ""
    return name + str(index["url"])


def _indexes(graph: LockGraph, project: Project) -> Iterator[tuple[str, str]]:
    """The indexes that only the lock names; none where the project names all of them."""
    declared = {bare_url(address(project, url)) for url in _declared(project)}
    used = dict.fromkeys(
        one.source.location for one in graph.packages if one.source.kind == "registry"
    )
    unknown = [url for url in used if "://" in url and bare_url(url) not in declared]
    first = unknown[0] if unknown else ""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        # The caller's may be the same with credentials.
        if not first or bare_url(os.environ.get(name, "")) != bare_url(first):
            yield name, first
    yield "UV_INDEX", " ".join(unknown[1:])


def _declared(project: Project) -> Iterator[str]:
    settings = project.uv_settings
    yield from (str(index["url"]) for index in settings.get("index", ()) if "url" in index)
    yield from (str(settings[key]) for key in ("index-url",) if key in settings)
    yield from map(str, settings.get("extra-index-url", ()))


def _options(graph: LockGraph, project: Project) -> Iterator[tuple[str, str]]:
    for key, (setting, variable, default) in _OPTIONS.items():
        value = graph.options.get(f"{key}-span") or graph.options.get(key, default)
        if value and setting not in project.uv_settings:
            yield variable, value
