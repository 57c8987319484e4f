"""Credentials in the URLs of old files: they never reach `pyproject.toml`, and that is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, MutableSequence
from typing import Any

from holdfast.migrate.wanted import Index, variables_of
from holdfast.redact import redact


def about_indexes(indexes: Iterable[Index]) -> Iterator[str]:
    """What is to be said of indexes whose URLs had credentials."""
    for one in indexes:
        if one.guarded:
            prefix = variables_of(one.name)
            yield (
                f"the credentials in the URL of {one.name} are not taken over: uv has them from "
                f"{prefix}_USERNAME and {prefix}_PASSWORD, netrc or a keyring; the old file has "
                "them still"
            )


def take_credentials(document: Any) -> list[str]:
    """Take them out of all URLs in the tables that uv reads; what was found."""
    tables = [document.get("project"), document.get("dependency-groups")]
    tables.append(document.get("tool", {}).get("uv"))
    taken = sorted({url for table in tables if table is not None for url in _cleaned(table)})
    return [
        f"credentials stood in a URL: {url} is without them now. uv and git have them from netrc, "
        "a keyring, git's credential helper, or UV_INDEX_<NAME>_USERNAME and _PASSWORD"
        for url in taken
    ]


def _cleaned(table: Any) -> Iterator[str]:
    items: Iterable[tuple[Any, Any]] = (
        list(table.items()) if isinstance(table, MutableMapping) else list(enumerate(table))
    )
    for key, value in items:
        if isinstance(value, str):
            if redact(value) != value:
                table[key] = redact(str(value))
                yield redact(value)
        elif isinstance(value, (MutableMapping, MutableSequence)):
            yield from _cleaned(value)
