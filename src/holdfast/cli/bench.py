"""`holdfast bench`: what pip, uv, MLflow and Holdfast cost on a project of the user's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from holdfast.bench.values import KINDS
from holdfast.cli import options
from holdfast.cli.output import open_output
from holdfast.cli.render import Screen, print_data, print_json, print_table

if TYPE_CHECKING:
    from holdfast.bench.values import Bench


@click.command("bench")
@click.argument(
    "folder", default=".", metavar="[DIR]", type=click.Path(exists=True, path_type=Path)
)
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True, metavar="N")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(KINDS),
    help="What to measure. Can be given several times.",
)
@click.option("--model", default="", metavar="MODEL", help="Measure an image of it, too.")
@click.option(
    "--base", default="", metavar="BASE", help="Of that image: what brings it its Python."
)
@click.option("--svg", metavar="FILE", help="Draw it into a file, too.")
@click.option("--save", metavar="FILE", help="Keep every figure, as JSON, in a file.")
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    folder: Path,
    *,
    runs: int,
    only: tuple[str, ...],
    model: str,
    base: str,
    svg: str | None,
    save: str | None,
    as_json: bool,
) -> None:
    """Measure what tools cost on the project in DIR: resolving, installing, saving, an image.

    Each tool in turn, --runs times, with caches of its own in a folder that is removed; the project
    and everybody's caches stay as they are. Medians; packages are downloaded for every cold run.
    """
    from holdfast.bench.run import Wishes, bench

    with screen.progress("measuring") as doing:
        found = bench(folder.resolve(), Wishes(runs=runs, only=only, model=model, base=base), doing)
    for target, text in ((save, json.dumps(found.to_dict(), indent=1)), (svg, _drawn(found))):
        if target is not None:
            with open_output(target) as write:
                write(text.encode())
    print_json(found.to_dict()) if as_json else _print(found, runs)


def _print(found: Bench, runs: int) -> None:
    print_data(f"{found.project}, {found.packages} packages; {', '.join(found.versions)}")
    print_data(f"{found.machine}; medians of {runs}")
    rows = []
    for one in found.timed:
        times = found.times(one)
        rows.append(
            (
                one.operation,
                one.tool,
                "" if one.median is None else f"{one.median:.2f}",
                "" if times is None else f"{times:.1f}",
                one.why_not.splitlines()[0] if one.why_not else "",
            )
        )
    print_table(("", "", "seconds ", "times as fast ", ""), rows)


def _drawn(found: Bench) -> str:
    from holdfast.page.bars import Bar, bars

    rows = [
        Bar(f"{one.operation}: {one.tool}", (one.median,), f"{one.median:.2f} s")
        for one in found.timed
        if one.median is not None
    ]
    told = f"{found.packages} packages, {found.machine}, {', '.join(found.versions)}"
    return bars(f"What tools cost: {found.project}", told, rows)
