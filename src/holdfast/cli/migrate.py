"""`holdfast migrate`: from pip, pip-tools, Pipenv, Poetry, conda or setuptools to uv."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json, print_mark
from holdfast.extras import needed

if TYPE_CHECKING:
    from holdfast.migrate.plan import Plan, Proof


@click.command("migrate")
@click.argument(
    "folder",
    default=".",
    metavar="[DIR]",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--apply", "do_it", is_flag=True, help="Write it, lock, install, and import what was imported."
)
@click.option(
    "--without",
    multiple=True,
    metavar="NAME",
    help="A dependency to leave out. Can be given several times.",
)
@click.option("--upgrade", is_flag=True, help="Do not keep the versions that were locked.")
@click.option("--no-holdfast", is_flag=True, help="Do not make Holdfast a dependency.")
@click.option("--force", is_flag=True, help="With --apply: even if git has uncommitted changes.")
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    folder: Path,
    *,
    do_it: bool,
    without: tuple[str, ...],
    upgrade: bool,
    no_holdfast: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make the project in DIR a uv project; say what that would change, and with --apply do it.

    Read are requirement files, pip-tools', Pipenv's and Poetry's files, conda's environment.yml
    (exports, too), setup.py and setup.cfg. Versions that were locked stay. Nothing is deleted: old
    files get .before-uv after their names.
    """
    with needed("migrate", "migrating"):
        from holdfast.migrate.migrate import Options, migrate, plan_migration

    how = Options(holdfast=not no_holdfast, upgrade=upgrade, without=without, force=force)
    proof = None
    with screen.progress("migrating") as doing:
        if do_it:
            plan, proof = migrate(folder.resolve(), how, doing)
        else:
            plan = plan_migration(folder.resolve(), how, doing)
    if as_json:
        print_json({**plan.to_dict(), "proof": proof.to_dict() if proof else None})
    else:
        _print_plan(plan, diffs=proof is None)
        _print_proof(proof) if proof else print_data("nothing is written; --apply does it")
    if proof and not proof.holds:
        sys.exit(1)


def _print_plan(plan: Plan, *, diffs: bool) -> None:
    for line in (line for one in plan.changes if diffs for line in one.diff()):
        print_data(line)
    print_data(f"read: {', '.join(plan.found)}; Python {plan.python}")
    for path in plan.put_by:
        print_data(f"{path} becomes {path}.before-uv")
    if plan.pins:
        print_data(f"versions that were locked, and are kept in uv.lock: {len(plan.pins)}")
    for note in plan.notes:
        print_mark("!", "yellow", note)


def _print_proof(proof: Proof) -> None:
    for package in proof.moved:
        print_mark("!", "yellow", f"not in the version that was locked: {package}")
    for name, why in proof.failed.items():
        print_mark("✗", "bold red", f"{name} is not imported any more: {why}")
    who = f"as {proof.old} did" if proof.old else "by what the code cannot do without"
    if proof.holds:
        print_mark(
            "✓", "green", f"locked, installed; it imports {len(proof.imported)} modules, {who}"
        )
    else:
        print_data("uv add what brings them, then: holdfast doctor")
