"""`holdfast patch`: the smallest change of the lock, and what the model's predictions say to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json, print_mark

if TYPE_CHECKING:
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
    required=True,
    type=_Version(),
    metavar="NAME==VERSION",
    help="A version to try. Can be given several times.",
)
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
    write: bool,
    project: Path,
    force: bool,
    offline: bool,
    strict: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Try other versions of packages in MODEL's lock, and replay its golden predictions with each.

    Each by itself, with as little else changed as can be, then all that are safe together. The
    model and its seal stay as they are. Exits with 1 when something breaks or differs.
    """
    from holdfast.model import open_model
    from holdfast.patch.patch import patch

    with screen.progress("opening") as doing:
        model = open_model(uri)
        found = patch(
            model, wanted, offline=offline, strict=strict, timeout=timeout, on_progress=doing
        )
    if write and found.safe:
        from holdfast.patch.apply import apply

        lock = apply(model, found.safe, project, force=force)
        screen.say(f"{lock} has {', '.join(map(str, found.safe))}; now train, and log the model")
    print_json(found.to_dict()) if as_json else _print(found)
    if len(found.safe) < len(wanted):
        sys.exit(1)


def _print(found: Patched) -> None:
    for one in found.attempts:
        _print_attempt(one)
    if found.together is not None:
        _print_attempt(found.together, "all of them: ")


def _print_attempt(one: Attempt, before: str = "") -> None:
    names = ", ".join(map(str, one.wanted))
    print_mark(*_MARKS[one.trial.verdict.value], f"{before}{names}  {one.trial.said}")
    wanted = {each.name for each in one.wanted}
    others = [str(change) for change in one.changes if change.name not in wanted]
    if others:
        print_data(f"  with it: {', '.join(others)}")
