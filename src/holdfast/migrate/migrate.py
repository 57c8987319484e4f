"""The verb `migrate`: everything is tried in a copy, and written only when it locks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.migrate.apply import check_free, write
from holdfast.migrate.binding import bind
from holdfast.migrate.copied import copied
from holdfast.migrate.draft import add_holdfast, choose_python, write_draft
from holdfast.migrate.locking import lock
from holdfast.migrate.mentions import mentions, needed_by_build
from holdfast.migrate.plan import Change, Plan, Proof
from holdfast.migrate.proof import find_old, needed_modules, release_of, try_imports
from holdfast.migrate.reading import read_project
from holdfast.progress import Progress, silent
from holdfast.project.discover import project_above
from holdfast.uv import run_uv


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to migrate.

    Attributes:
        holdfast: Make Holdfast a dependency, so that models are sealed.
        upgrade: Do not keep the versions that were locked.
        without: Names of dependencies to leave out.
        force: Write, even if git has changes that are not committed.
    """

    holdfast: bool = True
    upgrade: bool = False
    without: tuple[str, ...] = ()
    force: bool = False


def plan_migration(folder: Path, options: Options, on_progress: Progress = silent) -> Plan:
    """What `migrate` would write; nothing is written.

    Raises:
        InputError: There is nothing to migrate, or a file cannot be read.
        ToolError: uv, migrate-to-uv or the project's own build fails.
    """
    with copied(folder) as copy, _named(folder, copy):
        return _plan(folder, copy, options, on_progress)


def migrate(folder: Path, options: Options, on_progress: Progress = silent) -> tuple[Plan, Proof]:
    """Make the project in `folder` uv's: written, locked, installed, and proven by its imports.

    Raises:
        InputError: There is nothing to migrate, a file cannot be read, or something could be lost.
        ToolError: uv, migrate-to-uv or the project's own build fails; unless it was `uv sync`,
            nothing was written.
        StoreError: A file cannot be written.
    """
    with copied(folder) as copy, _named(folder, copy):
        plan = _plan(folder, copy, options, on_progress)
        check_free(folder, plan, force=options.force)
        on_progress("locking")
        moved = lock(copy, plan.pins, plan.secrets)
        notes = bind(copy, plan.indexes)
        if notes:
            lock(copy, {}, plan.secrets)
            plan = replace(plan, changes=tuple(_changes(folder, copy)), notes=(*plan.notes, *notes))
        on_progress("asking the old environment what it imports")
        old, expected = _expected(folder, copy)
        write(folder, copy, plan)
    on_progress("installing")
    environment = os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    env = {**plan.secrets, "UV_PROJECT_ENVIRONMENT": environment}
    _sync(folder, env, "--all-extras")
    on_progress("importing what the project does")
    results = try_imports(folder / environment / "bin" / "python", expected)
    _sync(folder, env)
    return plan, Proof(
        old=old,
        imported=tuple(name for name, why in results.items() if not why),
        failed={name: why for name, why in results.items() if why},
        moved=moved,
    )


def _sync(folder: Path, env: Mapping[str, str], *options: str) -> None:
    try:
        run_uv(["sync", "--quiet", *options], cwd=folder, env=env)
    except HoldfastError as error:
        message = f"the project is written and locked, but not installed: {error.message}"
        raise type(error)(message, hint=error.hint) from error


@contextmanager
def _named(folder: Path, copy: Path) -> Iterator[None]:
    """What goes wrong in the copy is said of the project."""
    try:
        yield
    except HoldfastError as error:
        message = error.message.replace(str(copy), str(folder))
        raise type(error)(message, hint=error.hint) from error


def _expected(folder: Path, copy: Path) -> tuple[str, list[str]]:
    """The old environment's folder, and what the new one has to import.

    Without an old one, that is what the project's code cannot do without.
    """
    project = project_above(copy)
    assert project is not None  # noqa: S101 - its pyproject.toml was written just now
    python = find_old(folder)
    if python is None:
        return "", needed_modules(project, surely=True)
    results = try_imports(python, needed_modules(project, surely=False))
    return str(python.parent.parent), [name for name, why in results.items() if not why]


def _plan(folder: Path, copy: Path, options: Options, on_progress: Progress) -> Plan:
    on_progress("reading what there is")
    found, wanted = read_project(copy)
    old = find_old(folder)
    python = choose_python(
        copy, (wanted.python, _pinned_python(copy), release_of(old) if old else "")
    )
    notes = [*wanted.notes, *write_draft(copy, wanted, python, options.without)]
    notes += add_holdfast(copy) if options.holdfast else []
    pin = copy / ".python-version"
    if not pin.is_file() or choose_python(copy, (_pinned_python(copy),)) != _pinned_python(copy):
        pin.write_text(f"{choose_python(copy, (python,))}\n", encoding="utf-8")
    there = [path for path in wanted.files if _is_within(folder, path)]
    kept = needed_by_build(copy, there)
    put_by = tuple(path for path in there if path not in kept)
    return Plan(
        found=found,
        changes=tuple(_changes(folder, copy)),
        put_by=put_by,
        notes=tuple(dict.fromkeys((*notes, *mentions(folder, put_by)))),
        pins={} if options.upgrade else wanted.pins,
        python=pin.read_text(encoding="utf-8").strip(),
        indexes=wanted.indexes,
    )


def _is_within(folder: Path, path: str) -> bool:
    """Whether it is a file of the project's own, and not what `../` leads to."""
    return not path.startswith(("../", "/")) and (folder / path).is_file()


def _changes(folder: Path, copy: Path) -> Iterator[Change]:
    for path in ("pyproject.toml", ".python-version"):
        before, after = _text(folder / path), _text(copy / path)
        if after is not None and after != before:
            yield Change(path=path, before=before, after=after)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _pinned_python(copy: Path) -> str:
    """What pyenv or Heroku was told: "3.11" of "3.11.4" or "python-3.11.4"."""
    for name in (".python-version", "runtime.txt"):
        found = re.search(r"\d+\.\d+", _text(copy / name) or "")
        if found:
            return found[0]
    return ""
