"""What was proven: tests that stand in a table of the documentation say so when they run.

`proven("flavors", "sklearn", "3.17.2")` at the start of a test puts its outcome into that cell of
`docs/proven.json`, when pytest runs with `--proven=docs/proven.json`. What other runs found stays,
so that a part can be run again; `docs/proven.py` makes `docs/proven.md` of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

_Cell = dict[str, str]


@pytest.fixture
def proven(request: pytest.FixtureRequest) -> Callable[..., _Cell]:
    """Say which cell of which table this test proves: `proven(table, row, column)`.

    What it returns may be given a `note` ("identical", "locked") while the test goes on.
    """

    def say(table: str, row: str, column: str = "outcome", note: str = "") -> _Cell:
        cell = {"table": table, "row": row, "column": column, "note": note}
        request.node.user_properties.append(("proven", cell))
        return cell

    return say


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--proven", metavar="FILE", help="write what was proven into this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    named = config.getoption("--proven")
    if named and not hasattr(config, "workerinput"):  # with xdist, the main process hears of all
        config.pluginmanager.register(_Writer(Path(named)))


class _Writer:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[_Cell, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            said = [cell for name, cell in report.user_properties if name == "proven"]
            self._found += [(cell, report.outcome) for cell in said]  # type: ignore[misc]

    def pytest_sessionfinish(self) -> None:
        known: dict[str, Any] = {}
        if self._path.is_file():
            known = json.loads(self._path.read_text(encoding="utf-8"))
        for cell, outcome in self._found:
            row = known.setdefault(cell["table"], {}).setdefault(cell["row"], {})
            row[cell["column"]] = {
                "outcome": outcome,
                "note": cell["note"],
                "on": datetime.now(timezone.utc).date().isoformat(),
            }
        text = json.dumps(known, indent=1, sort_keys=True)
        self._path.write_text(f"{text}\n", encoding="utf-8")
