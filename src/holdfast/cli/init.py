"""`holdfast init`: a project of one's own, from a template."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json, print_pairs
from holdfast.errors import MismatchError
from holdfast.start.init import Made


def _pairs(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    wrong = [one for one in value if "=" not in one]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not KEY=VALUE", ctx=ctx, param=param)
    return dict(one.split("=", 1) for one in value)


@click.command("init")
@click.argument("folder", metavar="[NAME]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-t", "--template", default="tabular", show_default=True, help="Which one; --list says all."
)
@click.option(
    "--python", metavar="3.12", default="", help="The project's Python; this one's by default."
)
@click.option(
    "--data",
    "answers",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_pairs,
    help="An answer to a question of the template. Can be given several times.",
)
@click.option("--list", "only_list", is_flag=True, help="Say which templates there are.")
@click.option(
    "--update",
    "only_update",
    is_flag=True,
    help="Bring a project that init made (NAME, or the one here) to this Holdfast's template.",
)
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    folder: Path | None,
    template: str,
    python: str,
    answers: dict[str, str],
    *,
    only_list: bool,
    only_update: bool,
    as_json: bool,
) -> None:
    """Make a uv project in the folder NAME: training, tests, service, CI, sealed from the start.

    The folder must be new or empty. Nothing is asked: --data answers what has a default.
    """
    from holdfast.start.catalogue import list_templates, read_questions
    from holdfast.start.init import init, update

    if only_list:
        listed = list_templates()
        if as_json:
            print_json(
                {name: {"about": listed[name], "asks": read_questions(name)} for name in listed}
            )
        else:
            print_pairs(list(listed.items()))
        return
    if only_update:
        made = update((folder or Path()).absolute())
    elif folder is None:
        raise click.UsageError("Name a folder for the project: holdfast init my-model")
    else:
        with screen.progress(f"Making {folder}"):
            made = init(folder.absolute(), template, python=python, answers=answers)
    if as_json:
        print_json(_as_json(made))
    elif not only_update:
        _say_next(made, folder or Path())
    else:
        print_data(f"{made.project} stands at version {made.version} of {made.template}")
    if made.conflicts:
        raise MismatchError(
            f"you and the template changed the same lines in {', '.join(made.conflicts)}",
            hint="look for <<<<<<< there, choose, then git add and commit",
        )


def _as_json(made: Made) -> dict[str, object]:
    return {
        "folder": str(made.folder),
        "project": made.project,
        "template": made.template,
        "version": made.version,
        "conflicts": made.conflicts,
    }


def _say_next(made: Made, folder: Path) -> None:
    print_data(f"{made.project} ({made.template}) is in {folder}. Next:")
    for line in (
        f"cd {shlex.quote(str(folder))}",
        "uv sync                                  # the packages, and uv.lock",
        "uv run pytest                            # its own tests",
        "uv run train                             # trains, logs to MLflow, seals",
        f"uv run holdfast verify models:/{made.project}@champion",
        "git add . && git commit -m 'A beginning'",
    ):
        print_data(f"  {line}")
