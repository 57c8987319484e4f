"""conda's environment files: written by hand, or by `conda env export` in any of its ways.

Names become those of the index, build strings and channels go, and what has no wheel is listed with
what to do. An export is a lock: its names become dependencies, its versions are kept in `uv.lock`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml
from packaging.utils import canonicalize_name

from holdfast.errors import InputError
from holdfast.migrate.conda_names import FINER_NUMBERS, index_name, not_on_an_index
from holdfast.migrate.conda_spec import Spec, read_spec
from holdfast.migrate.pip_file import read_file
from holdfast.migrate.wanted import OWN, Wanted

_FILES = ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml", "env.yml", "env.yaml")


def find_environment(folder: Path) -> Path | None:
    """The conda environment file of a project."""
    others = sorted(folder.glob("environment*.y*ml"))
    there = [folder / name for name in _FILES if (folder / name).is_file()]
    return next(iter([*there, *others]), None)


def read_environment(path: Path) -> Wanted:
    """What an environment file asks for.

    Raises:
        InputError: It is none, or has an entry that conda does not know either.
    """
    environment = _load(path)
    entries = environment.get("dependencies") or []
    specs = [_spec(path, one) for one in entries if isinstance(one, str)]
    lines = [str(line) for one in entries if isinstance(one, dict) for line in one.get("pip") or ()]
    export = _is_export(environment, specs)
    python = next((one for one in specs if one.name == "python"), None)
    packages = [one for one in specs if one.name != "python"]
    wanted = _packages(packages, export=export) + _pip(path, lines)
    return replace(
        wanted,
        python=python.minor if python else "",
        files=(path.name, *wanted.files),
        notes=(*_about(path, environment, export=export), *wanted.notes),
    )


def _is_export(environment: Mapping[str, Any], specs: Sequence[Spec]) -> bool:
    """Whether it says all that was installed; `--from-history` says what was asked for."""
    if any(one.build for one in specs):
        return True
    return "prefix" in environment and all(one.exact or one.name == "python_abi" for one in specs)


def _load(path: Path) -> Mapping[str, Any]:
    try:
        environment = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(environment, dict) or not isinstance(environment.get("dependencies"), list):
        raise InputError(f"{path.name} is no environment of conda's: it has no dependencies")
    return environment


def _spec(path: Path, text: str) -> Spec:
    spec = read_spec(text)
    if spec is None:
        raise InputError(
            f"{path.name}: {text!r} is not understood", hint="write it as name=version"
        )
    return spec


def _packages(specs: Iterable[Spec], *, export: bool) -> Wanted:
    wanted = Wanted()
    for one in specs:
        why = not_on_an_index(one.name)
        if why is None:
            wanted += _package(one, export=export)
        elif why:
            wanted += Wanted(notes=(f"{one.name} has no wheel. {why}",))
    dropped = [one.name for one in specs if not_on_an_index(one.name) == ""]
    if dropped:
        note = f"left out, since wheels bring it or uv does without: {', '.join(dropped)}"
        wanted += Wanted(notes=(note,))
    return wanted


def _package(spec: Spec, *, export: bool) -> Wanted:
    name = index_name(spec.name)
    renamed = canonicalize_name(spec.name) != name
    notes: tuple[str, ...] = (f"{spec.name} is called {name} on an index",) if renamed else ()
    exact = spec.exact
    if exact and name in FINER_NUMBERS:
        return Wanted(requirements={OWN: (f"{name}=={exact}.*",)}, notes=notes)
    specifier = spec.specifier()
    if specifier is None:
        notes += (f"{spec.name}{spec.version}: uv has no word for that version; any is taken",)
    line = name if exact and export else f"{name}{specifier or ''}"
    return Wanted(requirements={OWN: (line,)}, pins={name: exact} if exact else {}, notes=notes)


def _pip(path: Path, lines: Sequence[str]) -> Wanted:
    """The pip section: lines of a requirement file, which may include others."""
    if not lines:
        return Wanted()
    with NamedTemporaryFile("w", dir=path.parent, suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        wanted = read_file(path.parent, Path(file.name), OWN, set())
        return replace(
            wanted, files=tuple(one for one in wanted.files if one != Path(file.name).name)
        )


def _about(path: Path, environment: Mapping[str, Any], *, export: bool) -> Iterator[str]:
    channels = [str(one) for one in environment.get("channels") or ()]
    if channels:
        yield (
            f"channels are conda's ({', '.join(channels)}): packages come from a Python index now"
        )
    if export:
        yield (
            f"{path.name} is an export: all that it names is asked for by name, and uv.lock keeps "
            "the versions; take out of pyproject.toml what only other packages need"
        )
    if environment.get("variables"):
        names = ", ".join(sorted(map(str, environment["variables"])))
        yield f"variables are not uv's: put {names} in a .env, for `uv run --env-file .env`"
