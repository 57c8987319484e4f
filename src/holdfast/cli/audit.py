"""`holdfast audit`: what is known against the packages of a model's or a project's lock."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from holdfast.cli import options
from holdfast.cli.output import open_output
from holdfast.cli.render import Screen, print_data, print_json, print_mark, print_table
from holdfast.errors import InputError
from holdfast.extras import needed
from holdfast.units import size

if TYPE_CHECKING:
    from holdfast.audit.audited import Audit
    from holdfast.audit.ignores import Ignore
    from holdfast.audit.vulnerability import Vulnerability

_SUMMARY = 72


def _ignores(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Ignore, ...]:
    from holdfast.audit.ignores import read_ignore

    try:
        return tuple(read_ignore(value, "--ignore") for value in values)
    except InputError as error:
        raise click.BadParameter(error.message, ctx, param) from None


@click.command("audit")
@click.argument("named", default=".", metavar="[MODEL|DIR]")
@options.advisories
@click.option(
    "--ignore",
    "ignores",
    multiple=True,
    callback=_ignores,
    metavar="ID[:until YYYY-MM-DD]",
    help="An advisory that does not count, up to a day. Can be given several times.",
)
@click.option("--outdated", is_flag=True, help="Ask the indexes for newer versions, too.")
@click.option("--packages", is_flag=True, help="List every package: licence, size, newest.")
@click.option("--sarif", "sarif_file", metavar="FILE", help="Write SARIF, for code hosts.")
@click.option(
    "--sbom",
    "sbom_files",
    multiple=True,
    metavar="FILE",
    help="Write a bill of materials: SPDX for .spdx.json, else CycloneDX. Can be given twice.",
)
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    named: str,
    *,
    service: str,
    database: Path | None,
    ignores: tuple[Ignore, ...],
    outdated: bool,
    packages: bool,
    sarif_file: str | None,
    sbom_files: tuple[str, ...],
    as_json: bool,
) -> None:
    """Look what is known against the packages that MODEL was sealed with, or that DIR has locked.

    The whole lock is looked at, for every machine. No model is loaded; nothing is changed. Exit
    code 1 where an advisory counts, which is one that no --ignore and no ignore in
    [tool.holdfast.audit] names, or whose day is past.
    """
    service, database = _chosen(service, database)
    with needed("audit", "auditing"):
        from holdfast.audit.audit import audit

    with screen.progress("auditing") as doing:
        found = audit(
            named,
            service=service,
            database=database,
            ignores=ignores,
            outdated=outdated,
            on_progress=doing,
        )
        _write(found, sarif_file, sbom_files)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found, packages=packages or outdated, newest=outdated)
    if found.counting:
        sys.exit(1)


def _chosen(service: str, database: Path | None) -> tuple[str, Path | None]:
    """One of the two: what the command line says goes before a variable."""
    if not service or database is None:
        return service, database
    context = click.get_current_context()
    line = ParameterSource.COMMANDLINE
    named = [one for one in ("service", "database") if context.get_parameter_source(one) is line]
    if len(named) != 1:
        raise click.UsageError("--service and --database are two ways to ask; name one of them.")
    return (service, None) if named == ["service"] else ("", database)


def _write(found: Audit, sarif_file: str | None, sbom_files: tuple[str, ...]) -> None:
    documents = {}
    if sbom_files:
        with needed("audit", "writing a bill of materials"):
            from holdfast.audit.bill import bill
        documents = {file: bill(found, file) for file in sbom_files}
    if sarif_file is not None:
        from holdfast.audit.sarif import sarif

        documents[sarif_file] = sarif(found)
    with ExitStack() as stack:  # that all can be written is known before the first is
        writers = {file: stack.enter_context(open_output(file)) for file in documents}
        for file, write in writers.items():
            write(f"{json.dumps(documents[file], indent=2)}\n".encode())


def _print(found: Audit, *, packages: bool, newest: bool) -> None:
    if packages:
        _print_packages(found, newest=newest)
        print_data("")
    if found.vulnerabilities:
        columns = ("package", "version", "advisory", "severity", "fixed in", "what")
        print_table(columns, [_row(one) for one in found.vulnerabilities])
        print_data("")
    for one in found.vulnerabilities:
        if one.ignore and not one.ignored:
            print_mark("!", "yellow", f"{one.id} was ignored until {one.ignore.until}: it counts")
    for ignore in found.unused:
        print_mark("!", "yellow", f"{ignore.id} is ignored, and was not found: no need to")
    _print_sum(found)


def _row(one: Vulnerability) -> tuple[str, ...]:
    aliases = [alias for alias in one.aliases if alias.startswith("CVE-")]
    what = "ignored: " * one.ignored + "developers only: " * (not one.production) + one.summary
    return (
        one.name,
        one.version,
        " ".join([one.id, *aliases[:1]]),
        one.rating,
        one.fixed_in[0] if one.fixed_in else "-",
        what if len(what) <= _SUMMARY else f"{what[: _SUMMARY - 1]}…",
    )


def _print_packages(found: Audit, *, newest: bool) -> None:
    columns = ("package", "version", *(["newest"] if newest else []), "size ", "licence", "for")
    rows = [
        (
            one.locked.name,
            one.locked.version or "-",
            *([one.newest if one.outdated else ""] if newest else []),
            size(one.size) if one.size else "-",
            one.licence or "-",
            "models" if one.locked.production else "developers",
        )
        for one in found.packages
    ]
    print_table(columns, rows)


def _print_sum(found: Audit) -> None:
    asked = sum(one.asked for one in found.packages)
    as_of = f", newest advisory of {found.as_of[:10]}" if found.as_of else ""
    where = f"{asked} packages of {found.subject.lock_name} ({found.source}{as_of})"
    ignored = len(found.vulnerabilities) - len(found.counting)
    besides = f"; {ignored} ignored" if ignored else ""
    if not found.counting:
        print_mark("✓", "green", f"nothing is known against {where}{besides}")
        return
    names = {(one.name, one.version) for one in found.counting}
    print_mark(
        "✗",
        "bold red",
        f"{len(found.counting)} known against {len(names)} of {where}{besides}",
    )
