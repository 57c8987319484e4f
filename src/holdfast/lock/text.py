"""Writing a pylock.toml: TOML with just what PEP 751 needs of it.

Pure. A lock is written at every log, and holds thousands of strings: tomli-w, which looks at each
character in Python, was the largest part of what sealing added. What is written is read back with
tomli in the tests, for random locks too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from json.encoder import encode_basestring
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_lock(lock: Mapping[str, Any]) -> str:
    """The text of a lock: its own values, then a `[[packages]]` each; all the rest is inline."""
    return "\n".join(_lines(lock)) + "\n"


def _lines(lock: Mapping[str, Any]) -> Iterator[str]:
    yield from (_pair(key, value) for key, value in lock.items() if key != "packages")
    if not lock["packages"]:  # the key is required (PEP 751), also where it names none
        yield "packages = []"
    for package in lock["packages"]:
        yield "\n[[packages]]"
        yield from (_pair(key, value) for key, value in package.items())


def _pair(key: str, value: Any) -> str:
    return f"{_key(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return _inline(value)
    return _array(value)


def _inline(table: Mapping[str, Any]) -> str:
    pairs = ", ".join(_pair(key, value) for key, value in table.items())
    return f"{{ {pairs} }}" if pairs else "{}"


def _array(items: Sequence[Any]) -> str:
    if any(isinstance(item, Mapping) for item in items):
        return "[\n" + "".join(f"    {_value(item)},\n" for item in items) + "]"
    return f"[{', '.join(map(_value, items))}]"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    """A basic string: JSON's, but that TOML wants DEL escaped as well."""
    # What json.dumps comes to, without an encoder made for each of thousands of strings.
    return encode_basestring(text).replace("\x7f", "\\u007f")
