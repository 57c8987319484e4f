"""Write docs/handbook/commands.md of commands.toml beside it: `python docs/guide_commands.py`.

A test compares the page with the data, and a slow one runs every form that the page calls run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import tomli

PAGE = Path(__file__).parent / "handbook" / "commands.md"
DATA = PAGE.with_suffix(".toml")
HEAD = """\
# The guides' commands, today

Every command of the five guides: what to write, and whether the tests ran it. Of {all}, {run} are
run: {same} as the guide has them, {changed} in another form. {named} are not run, but what stands
in their place is tested, by the test that is named. {left} cannot be run. "Stand-ins" means that
smaller packages, or names for a `…`, took the place of the guide's;
[`commands.toml`](commands.toml) has the very lines. Where the guide's form is said to fail, the
test has seen it fail.

This page is written by `python docs/guide_commands.py`. Run were uv 0.13 and MLflow 3.17.
"""

Row = Mapping[str, str]


def reference() -> str:
    """The whole page."""
    data = tomli.loads(DATA.read_text(encoding="utf-8"))
    commands: list[Row] = data["command"]
    lines = [HEAD.format(**_counts(commands))]
    for guide, title in data["guides"].items():
        lines += [f"\n## {title}\n\n", "| | the guide | write | because | proven |\n", "|---" * 5]
        lines += ["|\n", *_rows(one for one in commands if one["id"].startswith(guide))]
    return "".join(lines)


def _counts(commands: list[Row]) -> dict[str, int]:
    run = [one for one in commands if "place" in one]
    named = [one for one in commands if "test" in one]
    changed = sum("write" in one for one in run)
    return {
        "all": len(commands),
        "run": len(run),
        "same": len(run) - changed,
        "changed": changed,
        "named": len(named),
        "left": len(commands) - len(run) - len(named),
    }


def _rows(commands: Iterator[Row]) -> Iterator[str]:
    for one in commands:
        write = _code(one["write"]) if "write" in one else "as it is"
        guide = _code(one["guide"])
        why = one.get("because", "").replace("|", "\\|")
        yield f"| {one['id']} | {guide} | {write} | {why} | {_proof(one)} |\n"


def _proof(one: Row) -> str:
    if "not_run" in one:
        test = f"; `{one['test']}` stands for it" if "test" in one else ""
        return f"not run: {one['not_run']}{test}"
    ran = "run with stand-ins" if "run" in one else "run"
    return f"{ran}; the guide's fails" if "fails" in one else ran


def _code(command: str) -> str:
    """A command as code, and what stands in brackets behind it as words."""
    line, _, remark = command.partition("  (")
    escaped = line.replace("|", "\\|")
    return f"`{escaped}` ({remark}" if remark else f"`{escaped}`"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
