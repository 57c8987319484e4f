"""Make docs/proven.md of docs/proven.json: `python docs/proven.py`.

The JSON is what a test run found: `pytest -m "slow or not slow" --proven=docs/proven.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
HEAD = """# What was proven

Each cell is a test that ran: it trained something real, logged it, deleted the project, restored
and verified. The tables are printed by `python docs/proven.py` from what the last full run wrote:

```sh
uv run pytest -m "slow or not slow" --proven=docs/proven.json && uv run python docs/proven.py
```
"""

Cell = Mapping[str, str]


def table(name: str, rows: Mapping[str, Mapping[str, Cell]]) -> Iterator[str]:
    """One table, a line at a time."""
    columns = sorted({column for row in rows.values() for column in row}, key=_numbers)
    yield f"\n## {name[:1].upper()}{name[1:]}\n"
    yield f"| | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for label, row in sorted(rows.items()):
        yield f"| {label} | {' | '.join(_said(row.get(column)) for column in columns)} |"
    days = sorted({cell["on"] for row in rows.values() for cell in row.values()})
    yield f"\nRun on {days[-1]}." if len(days) == 1 else f"\nRun from {days[0]} to {days[-1]}."


def _said(cell: Cell | None) -> str:
    if cell is None:
        return ""
    outcome = {"passed": "yes", "failed": "**no**", "skipped": "not run"}[cell["outcome"]]
    return f"{outcome}: {cell['note']}" if cell["note"] else outcome


def _numbers(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


if __name__ == "__main__":
    found = json.loads((HERE / "proven.json").read_text(encoding="utf-8"))
    lines = [line for name, rows in sorted(found.items()) for line in table(name, rows)]
    (HERE / "proven.md").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
