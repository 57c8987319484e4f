"""A request, and what may stand in it where a value is expected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"

_NUMBERS = (
    *("-0", "00", "01", "+1", ".5", "1.", "1E2", "1e+2", "0x1", "1_0", "-", "nan", "- 1", "1.0"),
    *("1.7976931348623157e308", "1.7976931348623159e308", "4e-325", "2.2250738585072011e-308"),
    *("0.1000000000000000055511151231257827", "9007199254740993.0", "-9223372036854775808"),
    *("-9223372036854775809", "9223372036854775807", "255", "256", "-1", "1e-7", "3.4028236e38"),
)
# What may stand where a value is expected: a name, and its JSON.
CELLS: dict[str, str | bytes] = {
    **{text: text for text in ("null", "true", "false", "NaN", "Infinity", "-Infinity")},
    **{text: text for text in ("0", "1", "2", "-0.0", "1.5", "0.1", "1e3", "5e-324", "1e400")},
    "float32": "16777217.0",
    "not float32": "1e300",
    "past double": "9007199254740993",
    "past int32": "2147483648",
    "past int64": "9223372036854775808",
    "past uint64": "18446744073709551616",
    "a long int": "1" + "0" * 400,
    "an endless int": "1" * 5000,
    **{f"text {text!r}": json.dumps(text) for text in ("", "1", "1.5", "x", "NaN", "true", "é")},
    "half a character": '"\\ud800"',
    "half a character, raw": b'"\xed\xa0\x80"',
    "a pair the wrong way": '"\\udc00\\ud800"',
    "a pair of halves": '"\\ud83d\\ude00"',
    "no UTF-8": b'"\xff"',
    "UTF-8 too long": b'"\xc0\x80"',
    "a raw newline": '"a\nb"',
    "an escaped NUL": '"a\\u0000b"',
    "an escape that is none": '"\\x41"',
    "an escaped slash": '"\\/"',
    **{f"number {text}": text for text in _NUMBERS},
    "a date": '"2024-02-29"',
    "a moment": '"2024-02-29T12:30:00.123456789"',
    "base64": '"aGFsbG8="',
    "a list": "[]",
    "a list of one": "[1]",
    "an object": "{}",
    "an object of one": '{"a": 1}',
}
HOLE = "a hole"


# The difference: what is the client's mistake is 4xx.
MISTAKE = "mistake"


@dataclass(frozen=True)
class Payload:
    """A request, what it is about, and in what MLflow's answer to it differs; "" for nothing."""

    name: str
    body: bytes
    content_type: str | None = JSON
    differs: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.content_type} {self.body[:300]!r}"


# What may stand where rows are expected.
STRANGE: dict[str, Any] = {
    "null": None,
    "a number": 1,
    "a float": 1.5,
    "a text": "x",
    "no text": "",
    "true": True,
    "an empty list": [],
    "an empty object": {},
    "a list of null": [None],
    "a list of empty objects": [{}],
    "objects and lists": [{"a": 1}, [1]],
    "an object of objects": {"a": {"b": 1}},
}


def named(name: str, document: Any) -> Payload:
    """A document in JSON."""
    return Payload(name, json.dumps(document).encode())


def named_payloads(documents: Mapping[str, Any], differs: str = "") -> Iterator[Payload]:
    """Documents, by name."""
    for name, document in documents.items():
        yield Payload(name, json.dumps(document).encode(), differs=differs)


def filled(name: str, document: Any, cell: str | bytes) -> Payload:
    """A document, with a cell in the place of `HOLE`."""
    body, filling = json.dumps(document).encode(), cell.encode() if isinstance(cell, str) else cell
    body = body.replace(json.dumps(HOLE).encode(), filling)
    return Payload(name, body, differs=MISTAKE if cell is CELLS["an endless int"] else "")


def filled_payloads(documents: Mapping[str, Any]) -> Iterator[Payload]:
    """Documents, by name, with every cell in the place of `HOLE`."""
    for where, document in documents.items():
        for name, cell in CELLS.items():
            yield filled(f"a value is {name} in {where}", document, cell)
