"""`holdfast diff`: what changed between two models."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json, print_lines, print_pairs
from holdfast.diff.difference import AnswerChange, Change, CodeChange, ModelDiff, PackageChange
from holdfast.units import size

_MOST = 40
_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_ALARM = ("!", "bold red")
_SAME, _OTHER, _UNKNOWN = ("✓", "green"), ("✗", "bold red"), ("?", "yellow")
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_SHORT = 16


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--code", is_flag=True, help="Print how each file of first-party code changed.")
@click.option(
    "--replay", is_flag=True, help="Ask each model, in its environment, for the other's input."
)
@options.tolerance
@options.offline
@options.strict
@options.timeout
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    a: str,
    b: str,
    *,
    code: bool,
    replay: bool,
    tolerance: float,
    offline: bool,
    strict: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Say what changed from model A to model B: packages, Python, code, files, predictions.

    Nothing of the models is loaded, unless --replay is given. Exits with 1 when they differ.

    \b
    holdfast diff models:/churn/3 models:/churn@champion
    """  # noqa: D301 - click's sign for lines that stay as they are
    from holdfast.diff.diff import diff

    with screen.progress("opening") as doing:
        found = diff(
            a,
            b,
            replay=replay,
            tolerance=tolerance,
            offline=offline,
            strict=strict,
            timeout=timeout,
            on_progress=doing,
        )
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found, code=code, most=None if screen.verbose else _MOST)
    if not found.same:
        sys.exit(1)


def _print(found: ModelDiff, *, code: bool, most: int | None) -> None:
    print_pairs(
        [
            (name, f"{side.model}  {side.grade}, {side.seal[:_SHORT]}…  made {side.created}")
            for name, side in (("a", found.a), ("b", found.b))
        ]
    )
    _part("grade", map(_change, found.seal), most)
    _part("python", map(_change, found.python), most)
    _part("packages", map(_package, found.packages), most)
    _part("project", map(_change, found.project), most)
    _part("pyproject.toml", map(_change, found.asked), most)
    _print_code(found.code) if code else _part("own code", map(_code, found.code), most)
    _part("files", (_file(one.path, one.before, one.after) for one in found.files), most)
    _part("signature", map(_change, found.signature), most)
    _part("MLmodel", map(_change, found.metadata), most)
    _part("predictions", map(_answer, found.answers), most)
    print_data("")
    print_data("no difference" if found.same else "they differ")


_Line = tuple[tuple[str, str], str]


def _part(name: str, lines: Iterable[_Line], most: int | None) -> None:
    """A part that has something to say."""
    said = list(lines)
    if not said:
        return
    print_data("")
    print_data(name)
    print_lines(([mark, (f" {text}", "")] for mark, text in said[:most]), indent=2)
    if most is not None and len(said) > most:
        print_data(f"  … {len(said) - most} more: -v or --json")


def _change(one: Change) -> _Line:
    if one.before is None:
        return _MARKS["added"], f"{one.name}  {one.after}"
    if one.after is None:
        return _MARKS["removed"], f"{one.name}  {one.before}"
    return _MARKS["changed"], f"{one.name}  {one.before or '-'} → {one.after or '-'}"


def _package(one: PackageChange) -> _Line:
    own = (" (own code)" if one.own else "") + ("" if one.here else " (on other machines)")
    if one.what[0] in {"added", "removed"}:
        version = one.after if one.what[0] == "added" else one.before
        return _MARKS[one.what[0]], f"{one.name} {version or ''}{own}"
    said = [f"{one.before} → {one.after}" if "version" in one.what else str(one.before)]
    if "source" in one.what:
        said.append(f"from {one.after_source or '?'}, was from {one.before_source or '?'}")
    if "files" in one.what:
        said.append("the index has more files of it, or fewer")
    replaced = "hashes" in one.what and not one.own
    if "hashes" in one.what:
        said.append("THE SAME VERSION HAS OTHER FILES" if replaced else "built again")
    alarm = replaced or "source" in one.what
    return _ALARM if alarm else _MARKS["changed"], f"{one.name} {', '.join(said)}{own}"


def _print_code(changes: Sequence[CodeChange]) -> None:
    """First-party code with every line that changed."""
    if changes:
        print_data("")
        print_data("own code")
    for one in changes:
        mark, text = _code(one)
        print_lines([[mark, (f" {text}", "bold")]], indent=2)
        print_lines(([(line, _COLOURS.get(line[:1], ""))] for line in one.lines[2:]), indent=4)


def _code(one: CodeChange) -> _Line:
    owner = f"{one.owner}: " if one.owner else ""
    said = one.note or f"+{one.added} -{one.removed}"
    return _MARKS[one.what], f"{owner}{one.path}  {said}"


def _file(path: str, before: int | None, after: int | None) -> _Line:
    if before is None:
        return _MARKS["added"], f"{path}  {size(after or 0)}"
    if after is None:
        return _MARKS["removed"], f"{path}  {size(before)}"
    return _MARKS["changed"], f"{path}  {size(before)} → {size(after)}"


def _answer(one: AnswerChange) -> _Line:
    mark = _UNKNOWN if one.same is None else _SAME if one.same else _OTHER
    return mark, f"{one.what}  {one.summary}"
