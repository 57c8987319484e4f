"""`holdfast patch`: the smallest change of the lock, and what the model's predictions say to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json, print_mark
from holdfast.extras import needed

if TYPE_CHECKING:
    from holdfast.audit.fixes import Fix
    from holdfast.patch.patch import Attempt, Patched, Wanted

_MARKS = {
    "identical": ("✓", "green"),
    "differs": ("≈", "yellow"),
    "unproven": ("?", "yellow"),
    "breaks": ("✗", "bold red"),
}


class _Version(click.types.StringParamType):
    """NAME==VERSION."""

    name = "name==version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click."""
        from packaging.requirements import InvalidRequirement, Requirement

        from holdfast.patch.patch import Wanted

        try:
            found = Requirement(str(value))
            (version,) = found.specifier
        except (InvalidRequirement, ValueError):
            self.fail(f"{value!r} is not like jinja2==3.1.6", param, ctx)
        if version.operator != "==" or version.version.endswith("*") or found.marker or found.url:
            self.fail(f"{value!r} is not like jinja2==3.1.6", param, ctx)
        return Wanted(name=found.name, version=version.version)


@click.command("patch")
@options.model
@click.option(
    "--to",
    "wanted",
    multiple=True,
    type=_Version(),
    metavar="NAME==VERSION",
    help="A version to try, in the place of what an audit finds. Can be given several times.",
)
@options.advisories
@click.option("--apply", "write", is_flag=True, help="Give the project's lock what is safe.")
@click.option(
    "--project",
    default=".",
    metavar="DIR",
    type=click.Path(exists=True, path_type=Path),
    help="Whose lock --apply changes.  [default: here]",
)
@click.option("--force", is_flag=True, help="Also where that is not the lock that was sealed.")
@options.offline
@options.strict
@options.timeout
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    uri: str,
    *,
    wanted: tuple[Wanted, ...],
    service: str,
    database: Path | None,
    write: bool,
    project: Path,
    force: bool,
    offline: bool,
    strict: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Try the versions that mend what an audit finds against MODEL, by its golden predictions.

    Each by itself, with as little else changed as can be, then all that are safe together. The
    model and its seal stay as they are. Exits with 1 when something breaks or differs.
    """
    from holdfast.model import open_model
    from holdfast.patch.patch import patch

    with screen.progress("opening") as doing:
        model = open_model(uri)
        hopeless: tuple[Fix, ...] = ()
        if not wanted:
            doing("auditing")
            wanted, hopeless = _from_audit(uri, service, database)
        found = patch(
            model, wanted, offline=offline, strict=strict, timeout=timeout, on_progress=doing
        )
    if write and found.safe:
        from holdfast.patch.apply import apply

        lock = apply(model, found.safe, project, force=force)
        screen.say(f"{lock} has {', '.join(map(str, found.safe))}; now train, and log the model")
    unmended = [{"name": one.name, "ids": list(one.ids)} for one in hopeless]
    if as_json:
        print_json({**found.to_dict(), "unmended": unmended})
    else:
        _print(found)
        for one in hopeless:
            print_mark("✗", "bold red", f"{one.name}  no version mends {', '.join(one.ids)} yet")
        if not wanted and not hopeless:
            print_mark("✓", "green", "nothing is known that would have to be mended")
    if hopeless or len(found.safe) < len(wanted):
        sys.exit(1)


def _from_audit(
    uri: str, service: str, database: Path | None
) -> tuple[tuple[Wanted, ...], tuple[Fix, ...]]:
    """What an audit would have, and what it finds no version against."""
    with needed("audit", "auditing"):
        from holdfast.audit.audit import audit
        from holdfast.audit.fixes import fixes
    from holdfast.patch.patch import Wanted

    found = fixes(audit(uri, service=service, database=database).vulnerabilities)
    wanted = (
        Wanted(name=one.name, version=one.version, why=", ".join(one.ids))
        for one in found
        if one.version
    )
    return tuple(wanted), tuple(one for one in found if not one.version)


def _print(found: Patched) -> None:
    for one in found.attempts:
        _print_attempt(one)
    if found.together is not None:
        _print_attempt(found.together, "all of them: ")


def _print_attempt(one: Attempt, before: str = "") -> None:
    names = ", ".join(map(str, one.wanted))
    why = f" ({one.wanted[0].why})" if len(one.wanted) == 1 and one.wanted[0].why else ""
    print_mark(*_MARKS[one.trial.verdict.value], f"{before}{names}{why}  {one.trial.said}")
    wanted = {each.name for each in one.wanted}
    others = [str(change) for change in one.changes if change.name not in wanted]
    if others:
        print_data(f"  with it: {', '.join(others)}")
