"""Own modules that are in no wheel go along with a model as MLflow's code paths.

A project that is no package, a script's neighbours, a notebook's: nothing else would bring them
back. They are copied into the model's `code` folder and `MLmodel` names it, so that stock MLflow
finds them too. What the user gave as `code_paths` stays as it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from packaging.utils import canonicalize_name

from holdfast.capture.material import WHEELS, Material
from holdfast.project.modules import CODE_SUFFIXES, OwnModule, is_environment, own_modules
from holdfast.seal.grade import Grade

_CODE = "code"
_PYFUNC = "python_function"
_MOST_BYTES = 32 << 20
_MOST_FILES = 5_000

# Nobody's package data, wherever they stand.
_NOT_CODE = {"__pycache__", "node_modules", "mlruns", "mlartifacts"}


@dataclass(slots=True)
class _Copy:
    """Copying into `to`: what was done, what may still be, and what could not be."""

    to: Path
    copied: int = 0
    size: int = 0
    too_much: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def add(self, base: Path, path: str) -> None:
        """Copy the file at `path` below `base`, unless it is there, or is too much."""
        target = self.to / path
        if target.exists():
            return
        try:
            size = (base / path).stat().st_size
            if self.copied >= _MOST_FILES or self.size + size > _MOST_BYTES:
                self.too_much.append(path)
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(base / path, target)
        except OSError as error:
            self.unreadable.append(f"{path} ({error.strerror})")
            return
        self.copied += 1
        self.size += size


def with_own_code(folder: Path, material: Material, about: Any) -> Material:
    """Copy the program's own modules into the model in `folder`; `material` says what could not be.

    Args:
        folder: The model's, its wheels in place.
        material: What the project gave.
        about: MLflow's `Model`, which it may write again; None where it is not known.
    """
    try:
        wanted = _wanted(folder, material)
        return _with_modules(folder, material, about, wanted) if wanted else material
    except Exception as error:  # noqa: BLE001 - whatever it is, the model is logged
        said = f"{type(error).__name__}: {error}"
        return material.fallen(Grade.FROZEN, f"own modules could not be copied: {said}")


def _wanted(folder: Path, material: Material) -> list[OwnModule]:
    excluded = {canonicalize_name(name) for name in material.settings.exclude}
    here = folder.absolute()
    return [
        one
        for one in own_modules(material.project)
        if canonicalize_name(one.top) not in excluded and not one.base.is_relative_to(here)
    ]


def _with_modules(
    folder: Path, material: Material, about: Any, modules: Iterable[OwnModule]
) -> Material:
    in_wheels = _in_wheels(folder)
    about = about if about is not None else _read_about(folder)
    name = about.flavors.get(_PYFUNC, {}).get(_CODE) or _CODE
    copy = _Copy(to=folder / name)
    half: list[str] = []
    done: set[tuple[Path, str]] = set()
    for one in modules:
        if one.path in in_wheels:
            continue
        if f"{one.top}/__init__.py" in in_wheels:
            half.append(one.name)
        elif (one.base, one.top) not in done and not _is_given(copy.to, one, done):
            done.add((one.base, one.top))
            for path in _files_of(one):
                if path not in in_wheels:
                    copy.add(one.base, path)
    if copy.copied:
        _name_in_mlmodel(folder, about, name)
    for problem in _problems(copy, half):
        material = material.fallen(Grade.FROZEN, problem)
    return material


def _is_given(code: Path, one: OwnModule, done: Iterable[tuple[Path, str]]) -> bool:
    """Whether the user, or an earlier round, has put it there whole."""
    ours = any(top == one.top for _, top in done)
    return not ours and ((code / one.path).exists() or (code / one.top / "__init__.py").exists())


def _problems(copy: _Copy, half: list[str]) -> Iterator[str]:
    if copy.too_much:
        most = f"{_MOST_BYTES >> 20} MiB and {_MOST_FILES} files of own code"
        yield f"more than {most} are not copied into a model, left out: {_some(copy.too_much)}"
    if copy.unreadable:
        yield f"own code could not be read: {_some(copy.unreadable)}"
    if half:
        yield f"imported, but not in the wheel of the package they belong to: {_some(half)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""  # noqa: PLR2004
    return ", ".join(names[:5]) + more


def _in_wheels(folder: Path) -> set[str]:
    """The files that the model's wheels install, relative to site-packages."""
    found: set[str] = set()
    for wheel in (folder / WHEELS).glob("*.whl"):
        with ZipFile(wheel) as archive:
            for name in archive.namelist():
                first, _, rest = name.partition("/")
                inner = rest.partition("/")[2] if first.endswith(".data") else ""
                found.add(inner if rest.startswith(("purelib/", "platlib/")) and inner else name)
    return found


def _files_of(one: OwnModule) -> Iterator[str]:
    """What goes along for a module: its file, or everything of its top-level package.

    Of a namespace package only code goes along: it may be any folder at all, data beside it.
    """
    if "/" not in one.path:
        yield one.path
        return
    yield from sorted(_walk(one.base, one.base / one.top), key=_code_first)


def _walk(base: Path, top: Path) -> Iterator[str]:
    seen: set[str] = set()
    packages: set[Path] = set()
    for here, folders, files in os.walk(top, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        if "__init__.py" in files or Path(here).parent in packages:
            packages.add(Path(here))
        folders[:] = [name for name in folders if _may_hold_code(here, name)]
        for name in files:
            if _is_code(name) or (Path(here) in packages and not name.startswith(".")):
                yield Path(here, name).relative_to(base).as_posix()


def _may_hold_code(here: str, name: str) -> bool:
    if name in _NOT_CODE or name.startswith("."):
        return False
    return not is_environment(Path(here, name))


def _is_code(name: str) -> bool:
    return name.endswith(CODE_SUFFIXES) and not name.startswith(".")


def _code_first(path: str) -> tuple[bool, str]:
    return not _is_code(path.rpartition("/")[2]), path


def _read_about(folder: Path) -> Any:
    from mlflow.models import Model

    return Model.load(str(folder))


def _name_in_mlmodel(folder: Path, about: Any, name: str) -> None:
    """Say in `MLmodel` where the code is, for every flavor that can be told."""
    for flavor, configuration in about.flavors.items():
        if flavor == _PYFUNC or _CODE in configuration:
            configuration[_CODE] = name
    about.save(str(folder / "MLmodel"))
