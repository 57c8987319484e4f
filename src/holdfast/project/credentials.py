"""The credentials that a project's own files have for a URL: used to fetch it, and never kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from holdfast.project.discover import Project
from holdfast.redact import bare_url

# In a table of sources, or in a requirement: "name @ git+https://host/x@rev#egg ; marker".
_URL = re.compile(r"(?:git\+)?(?P<url>[A-Za-z][A-Za-z0-9+.-]*://[^\s;#]+)")
_REVISION = re.compile(r"@[^/@]*$")


def with_credentials(project: Project | None, url: str) -> str:
    """The URL as `pyproject.toml` has it, with its credentials; `url` itself where it has none."""
    for text in _texts(list(project.pyprojects)) if project else ():
        for match in _URL.finditer(text):
            for written in (match["url"], _REVISION.sub("", match["url"])):
                if written != url and bare_url(written) == bare_url(url):
                    return written
    return url


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
