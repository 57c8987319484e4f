"""Options of pip's requirement files in uv's words (uv's guide "Compatibility with pip")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from holdfast.migrate.wanted import Index, Wanted, project_name, read_index, relative

_BINARY = {
    "no_binary": ("no-binary", "no-binary-package"),
    "only_binary": ("no-build", "no-build-package"),
}


def read_options(folder: Path, options: Iterable[tuple[Path, Mapping[str, Any]]]) -> Wanted:
    """What options ask for.

    Args:
        folder: The project's.
        options: The file that each stands in, and its values by pip's own names.
    """
    return sum(
        (
            _option(folder, path, name, value)
            for path, given in options
            for name, value in given.items()
        ),
        Wanted(),
    )


def _option(folder: Path, path: Path, name: str, value: Any) -> Wanted:
    match name:
        case "index_url":
            wanted = Wanted(indexes=(read_index(value, "default"),))
        case "extra_index_urls":
            wanted = _extra([read_index(url, "extra") for url in value])
        case "find_links":
            wanted = Wanted(indexes=tuple(_links(folder, path, one) for one in value))
        case "trusted_hosts":
            wanted = Wanted(notes=tuple(map(_about_trust, value)))
        case _:
            wanted = Wanted(settings=_setting(name, value))
    return wanted


def _setting(name: str, value: Any) -> dict[str, Any]:
    """The rest (hashes, --prefer-binary) is what uv does anyhow, or has no need of."""
    if name in _BINARY:
        return _binary(name, value)
    known: dict[str, dict[str, Any]] = {
        "no_index": {"no-index": True},
        "pre": {"prerelease": "allow"},
    }
    return known.get(name, {})


def _about_trust(host: str) -> str:
    return (
        f"pip was told to trust {host} without TLS; that is not taken over. Where it must be, the "
        f"variable UV_INSECURE_HOST={host} says it"
    )


def _extra(indexes: list[Index]) -> Wanted:
    notes = (
        f"pip took what had the newest version, {one.url} or the public index; uv asks {one.name} "
        "first, and takes what is there from there only"
        for one in indexes
    )
    return Wanted(indexes=tuple(indexes), notes=tuple(notes))


def _links(folder: Path, path: Path, written: str) -> Index:
    if "://" in written:
        return read_index(written, "flat")
    where = relative(folder, path.parent / written)
    return Index(name=f"links-{project_name(where)}", url=where, kind="flat")


def _binary(name: str, packages: Iterable[str]) -> dict[str, Any]:
    every, some = _BINARY[name]
    if ":all:" in packages:
        return {every: True}
    listed = sorted(one for one in packages if not one.startswith(":"))
    return {some: listed} if listed else {}
