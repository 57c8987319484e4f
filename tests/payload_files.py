"""Requests in CSV and Parquet, right and damaged."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from payload_cells import CSV, PARQUET, Payload


def csv_payloads(row: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Payload]:
    """Tables in CSV."""
    names, values = list(row), list(map(str, row.values()))
    head, line = ",".join(names), ",".join(values)
    last = ",".join(values[:-1])
    for name, text in {
        "good": f"{head}\n{line}\n",
        "three rows": f"{head}\n" + f"{line}\n" * 3,
        "no newline at the end": f"{head}\n{line}",
        "carriage returns": f"{head}\r\n{line}\r\n",
        "blank lines": f"\n{head}\n\n{line}\n\n",
        "permuted": ",".join(names[::-1]) + "\n" + ",".join(values[::-1]) + "\n",
        "a column missing": ",".join(names[:-1]) + f"\n{last}\n",
        "a column too many": f"{head},more\n{line},1\n",
        "a column twice": f"{head},{names[0]}\n{line},{values[0]}\n",
        "a name in capitals": f"{head.upper()}\n{line}\n",
        "quoted": ",".join(f'"{name}"' for name in names)
        + "\n"
        + ",".join(f'"{value}"' for value in values),
        "blanks after commas": ", ".join(names) + "\n" + ", ".join(values) + "\n",
        "semicolons": f"{head}\n{line}\n".replace(",", ";"),
        "tabs": f"{head}\n{line}\n".replace(",", "\t"),
        "a row too short": f"{head}\n{line}\n{last}\n",
        "a row too long": f"{head}\n{line}\n{line},1\n",
        "each row too long": f"{head}\n{line},1\n{line},1\n",
        "each row longer by two": f"{head}\n{line},1,2\n",
        "a comma at the end": f"{head}\n{line},\n",
        "an index": f",{head}\n0,{line}\n",
        "no first line": f"{line}\n{line}\n",
        "only the first line": f"{head}\n",
        "only names": head,
        "nothing": "",
        "a newline": "\n",
        "an open quote": f'{head}\n"{line}\n',
        "a quote inside": f'{head}\n{values[0]}"x",{",".join(values[1:])}\n',
        "a comment": f"# this\n{head}\n{line}\n",
        "a NUL": f"{head}\n{line}\x00\n",
        "JSON": json.dumps({"inputs": [[1.0]]}),
        "a mark of byte order": f"\ufeff{head}\n{line}\n",
        "another alphabet": f"{head},größe\n{line},ß\n",
        "a path": "/etc/passwd",
    }.items():
        yield Payload(f"CSV: {name}", text.encode(), CSV)
    for kind, column in kinds.items():
        for cell in _CSV_CELLS:
            cells = ",".join(str({**row, column: cell}[name]) for name in names)
            yield Payload(f"CSV: {kind} is {cell[:30]!r}", f"{head}\n{cells}\n".encode(), CSV)
    yield Payload("CSV: no UTF-8", f"{head}\n{line}\n".encode() + b"\xff,\xfe\n", CSV)
    yield Payload("CSV: UTF-16", f"{head}\n{line}\n".encode("utf-16"), CSV)


_CSV_CELLS = (
    *("", "NaN", "nan", "null", "NA", "None", "inf", "-inf", "Infinity", "true", "False"),
    *("1", "1.5", "x", " 2 ", "1e3", "1e400", "0x10", "1_000", '"1,5"', "2024-02-29", "1" * 400),
    *("2147483648", "9223372036854775808", "aGFsbG8="),
)


def parquet_payloads(row: Mapping[str, Any]) -> Iterator[Payload]:
    """Tables in Parquet."""
    frame = pd.DataFrame([dict(row)])
    tables = {
        "good": frame,
        "permuted": frame[frame.columns[::-1]],
        "a column missing": frame[frame.columns[:-1]],
        "a column too many": frame.assign(more=1.0),
        "as text": frame.astype(str),
        "no rows": frame[:0],
        "an index": frame.set_axis(["a"]),
        "two rows": pd.concat([frame, frame]),
    }
    for name, table in tables.items():
        out = io.BytesIO()
        table.to_parquet(out)
        yield Payload(f"Parquet: {name}", out.getvalue(), PARQUET)
        if name == "good":
            yield Payload("Parquet: cut off", out.getvalue()[:-20], PARQUET)
            yield Payload("Parquet: damaged", b"PAR1" + out.getvalue()[8:], PARQUET)
    yield Payload("Parquet: nothing", b"", PARQUET)
    yield Payload("Parquet: a path", b"/etc/passwd", PARQUET)
