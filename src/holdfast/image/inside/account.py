"""The image's user in the base's lists of accounts: some libraries fail for one without a name."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.image.inside.places import USER
from holdfast.image.values import Entry

_ROOT = "root:x:0:0:root:/root:/sbin/nologin\n"
_ROOTS_GROUP = "root:x:0:\n"
_NAMES = ("holdfast", "nonroot", f"holdfast-{USER}")
_ID = 2  # both files: name:password:id:…


def account_entries(passwd: str | None, group: str | None) -> list[Entry]:
    """`/etc/passwd` and `/etc/group` with the image's user; neither, where the base has it.

    Args:
        passwd: The base's, None where it has none.
        group: As `passwd`.
    """
    users, groups = passwd or _ROOT, group or _ROOTS_GROUP
    entries = []
    if not _has(users):
        # A home that can be written where little else can.
        row = f"{_free_name(users)}:x:{USER}:{USER}:Holdfast:/tmp:/sbin/nologin"
        entries.append(_with("etc/passwd", users, row))
    if not _has(groups):
        entries.append(_with("etc/group", groups, f"{_free_name(groups)}:x:{USER}:"))
    return entries


def _has(text: str) -> bool:
    return any(fields[_ID] == str(USER) for fields in _rows(text))


def _free_name(text: str) -> str:
    taken = {fields[0] for fields in _rows(text)}
    return next((name for name in _NAMES if name not in taken), _NAMES[-1])


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) > _ID:
            yield fields


def _with(path: str, text: str, row: str) -> Entry:
    whole = text if text.endswith("\n") else f"{text}\n"
    return Entry(path=path, content=f"{whole}{row}\n".encode())
