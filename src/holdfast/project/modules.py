"""The program's own modules: imported from its folders, and in no distribution that is installed.

What `sys.modules` says is what the model was made with. Nothing is imported here, and no attribute
of a module is asked for: a lazy one would then be loaded.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path
from typing import Any

from holdfast.project.discover import Project, starting_folders

CODE_SUFFIXES = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
_NEVER = frozenset({"__main__", "__mp_main__", "holdfast"})
_INSTALLED = {"site-packages", "dist-packages"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnModule:
    """A module of the program's own.

    Attributes:
        name: As it was imported: "a.b.c".
        base: The folder that `name` was found from, as if it had stood on `sys.path`.
        path: Its file relative to `base`, with "/": "a/b/c.py".
    """

    name: str
    base: Path
    path: str

    @property
    def top(self) -> str:
        """The first part of its name."""
        return self.name.partition(".")[0]


def own_modules(project: Project | None) -> list[OwnModule]:
    """The modules imported so far whose files lie in the project, or beside the code that runs."""
    folders = own_folders(project)
    found: list[OwnModule] = []
    for name, module in list(sys.modules.items()):
        file = _file_of(module)
        # Thousands are of the installation: they are told first, and at once.
        if file.startswith(_of_python()) or not file.startswith(folders):
            continue
        folder = os.path.dirname(file) + os.sep
        if any(folder.startswith(each) and _is_own(folder, each) for each in folders):
            found += _as_named(name, file)
    return sorted(found, key=lambda one: one.name)


def own_folders(project: Project | None) -> tuple[str, ...]:
    """Where own code lies, each ending with a separator; never the root of the file system.

    Without a project, the folder that a virtual environment was made in counts as one.
    """
    folders = list(starting_folders())
    around = Path(sys.prefix).resolve().parent
    if project is not None:
        folders += [project.root, project.folder]
    elif sys.prefix != sys.base_prefix and any(each.is_relative_to(around) for each in folders):
        folders.append(around)
    real = dict.fromkeys(path for each in folders for path in (str(each), os.path.realpath(each)))
    return tuple(f"{path}{os.sep}" for path in real if path != os.sep)


def _file_of(module: Any) -> str:
    """Its `__file__`, past any `__getattr__`; "" where there is none."""
    try:
        file = object.__getattribute__(module, "__dict__").get("__file__")
    except AttributeError:
        return ""
    if not isinstance(file, str):
        return ""
    return os.path.normpath(file) if os.pardir in file else file


def _as_named(name: str, file: str) -> Iterator[OwnModule]:
    """The module, if its file lies where its name says: others are loaded by path, not imported."""
    if name.partition(".")[0] in _NEVER:
        return
    stem = name.replace(".", "/")
    for path in (f"{stem}{ending}" for ending in _endings()):
        if file.endswith(f"{os.sep}{path.replace('/', os.sep)}"):
            yield OwnModule(name=name, base=Path(file[: -len(path) - 1]), path=path)
            return


@cache
def _endings() -> tuple[str, ...]:
    return tuple(f"{part}{suffix}" for part in ("", "/__init__") for suffix in CODE_SUFFIXES)


@cache
def _is_own(folder: str, root: str) -> bool:
    """Whether no folder from `root` down to `folder` is hidden, or belongs to an installation."""
    parts = folder[len(root) :].split(os.sep)[:-1]
    if _INSTALLED.intersection(parts) or any(part.startswith(".") for part in parts):
        return False
    if os.path.realpath(folder).startswith(_of_python()):
        return False
    return not any(is_environment(Path(root, *parts[:end])) for end in range(1, len(parts) + 1))


def is_environment(folder: Path) -> bool:
    """Whether `folder` is the root of a virtual or a conda environment."""
    return (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").is_dir()


@cache
def _of_python() -> tuple[str, ...]:
    """The folders of the standard library and of what is installed."""
    paths = map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
    return tuple({each + os.sep for path in paths for each in (path, os.path.realpath(path))})
