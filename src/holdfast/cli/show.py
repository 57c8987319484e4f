"""`holdfast show`: what a seal says, read and not run."""

from __future__ import annotations

from collections.abc import Iterator

import click

from holdfast.cli import options
from holdfast.cli.render import print_json, print_pairs, print_table
from holdfast.model import Model, describe_column, open_model, read_golden, read_signature
from holdfast.seal.seal import Seal
from holdfast.units import size

_FEW = 6
# MLflow's folder for modules that go along.
_CODE = "code/"


@click.command("show")
@options.model
@click.option("--packages", is_flag=True, help="List every package, too.")
@click.option(
    "--html", "page", metavar="FILE", help="Write it as a page for a browser; - for stdout."
)
@options.as_json
@options.talk
def command(uri: str, *, packages: bool, page: str | None, as_json: bool) -> None:
    """Say what the seal of MODEL says; nothing of the model is loaded.

    Nothing is compared, either: that is what `holdfast verify` is for.
    """
    model = open_model(uri)
    if page is not None:
        _write_page(model, page)
        return
    if as_json:
        named = {"model": model.uri, "digest": model.digest, "signature": read_signature(model)}
        print_json({**named, **model.seal.to_dict()})
        return
    print_pairs(_lines(model))
    if packages:
        rows = [(name, one.version) for name, one in sorted(model.seal.distributions.items())]
        print_table(("package", "version"), rows)


def _write_page(model: Model, target: str) -> None:
    """The page that lies beside a seal, for a model that may have none yet."""
    from holdfast.cli.output import open_output
    from holdfast.page.page import render
    from holdfast.page.write import uri_in

    golden = read_golden(model) if model.seal.golden.sha256 else None
    with open_output(target) as write:
        write(render(model.seal, golden, uri_in(model.path)).encode())


def _lines(model: Model) -> list[tuple[str, str]]:
    seal = model.seal
    lines = [
        ("model", model.uri),
        ("grade", "\n".join((seal.grade.value, *(f"- {reason}" for reason in seal.reasons)))),
        ("seal", f"{model.digest[:16]}…  made {seal.created}"),
        ("project", _project(seal)),
        ("python", f"{seal.python.implementation} {seal.python.version}, {seal.python.platform}"),
        ("packages", f"{len(seal.distributions)} on the platform it was logged on"),
        *_signature(model),
        ("own code", "\n".join(_own_code(seal)) or "none"),
        ("predictions", _golden(seal)),
        ("files", f"{len(seal.files)}, {size(sum(one.size for one in seal.files.values()))}"),
        ("made by", ", ".join(f"{name} {version}" for name, version in seal.tools.items())),
    ]
    return [(name, value) for name, value in lines if value]


def _own_code(seal: Seal) -> Iterator[str]:
    """Wheels, and modules that are in none."""
    yield from (f"{one.name} {one.version}" for one in seal.wheels)
    modules = [path for path in seal.files if path.startswith(_CODE)]
    if modules:
        yield f"{len(modules)} {'file' if len(modules) == 1 else 'files'} in {_CODE}"


def _signature(model: Model) -> list[tuple[str, str]]:
    """What the model takes and answers, as its own metadata say."""
    found = read_signature(model)
    sides = (("takes", "inputs"), ("answers", "outputs"), ("parameters", "params"))
    return [(word, _first(list(map(describe_column, found.get(side, ()))))) for word, side in sides]


def _first(names: list[str]) -> str:
    """The first of many; all where they are few."""
    if len(names) <= _FEW:
        return ", ".join(names)
    return f"{', '.join(names[: _FEW - 1])}, … {len(names) - _FEW + 1} more: --json"


def _project(seal: Seal) -> str:
    project = seal.project
    if not project.name:
        return ""
    commit = f", commit {project.commit[:12]}" if project.commit else ""
    return f"{project.name} {project.version}{commit}" + (" with changes" if project.dirty else "")


def _golden(seal: Seal) -> str:
    if not seal.golden.sha256:
        return f"cannot be proven: {seal.golden.reason}"
    rows = f"{seal.golden.rows} golden ones"
    return rows if seal.golden.repeatable else f"{rows}, of shape and type: {seal.golden.reason}"
