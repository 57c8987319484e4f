"""Finding the uv project that a script, a notebook or a shell stands in.

The search goes upwards, as uv's own does, from each place the training may have been started from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from holdfast.errors import InputError
from holdfast.project.script import read_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project on disk.

    Attributes:
        root: The folder of `uv.lock`: the workspace's root, or the project's own folder.
        folder: The folder of the `pyproject.toml` nearest to the code that runs: a workspace
            member, or `root`.
        pyproject: What that file says.
        root_pyproject: What the file in `root` says: the same, but in a workspace's member.
        uv_toml: What `uv.toml` in `root` says, which takes the place of all `[tool.uv]`.
        script: The one file that the project is, where it says itself what it needs (PEP 723);
            `pyproject` is what it says.
    """

    root: Path
    folder: Path
    pyproject: Mapping[str, Any]
    root_pyproject: Mapping[str, Any]
    uv_toml: Mapping[str, Any] | None = None
    script: Path | None = None

    @property
    def name(self) -> str:
        """`project.name`, or "" where the file has none; a script's file name."""
        if self.script is not None:
            return self.script.name
        return str(self.pyproject.get("project", {}).get("name", ""))

    @property
    def version(self) -> str:
        """`project.version`, or "" where it is dynamic."""
        return str(self.pyproject.get("project", {}).get("version", ""))

    @property
    def pyprojects(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The root's, and that of the project itself, which counts more."""
        return self.root_pyproject, self.pyproject

    @property
    def uv_settings(self) -> Mapping[str, Any]:
        """Uv's own settings, where uv reads them: at the root."""
        if self.uv_toml is not None:
            return self.uv_toml
        settings: Mapping[str, Any] = self.root_pyproject.get("tool", {}).get("uv", {})
        return settings

    @property
    def default_groups(self) -> tuple[str, ...]:
        """The dependency groups that uv installs unasked, without `dev` (uv's `--no-dev`)."""
        named = self.pyproject.get("tool", {}).get("uv", {}).get("default-groups", ())
        if named == "all":
            named = self.pyproject.get("dependency-groups", {})
        return tuple(str(group) for group in named if group != "dev")

    @property
    def other_tool(self) -> str:
        """The tool that manages the project in uv's place, or ""."""
        tools = self.root_pyproject.get("tool", {})
        for tool in ("Poetry", "PDM"):
            if tool.lower() in tools or _has(self.root, f"{tool.lower()}.lock"):
                return tool
        return ""

    @property
    def environment(self) -> Path:
        """Where uv has the project's environment, whether it is there or not."""
        return self.root / (os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv")

    @property
    def lockfile(self) -> Path:
        """Where `uv.lock`, or the script's own lock, is, if there is one."""
        if self.script is not None:
            return self.script.with_name(f"{self.script.name}.lock")
        return self.root / "uv.lock"

    @property
    def lock_command(self) -> str:
        """What makes the lock, or makes it new."""
        return f"uv lock --script {self.script.name}" if self.script else "uv lock"


def find_project(named: str = "") -> Project | None:
    """The project of the running program; None where it runs in none.

    `HOLDFAST_PROJECT` names a folder to search upwards from. Otherwise it is the script itself, if
    that says what it needs (PEP 723), or it is looked for from the script's folder, then from the
    working directory (a notebook's folder), then from the environment's.

    Args:
        named: A folder to search upwards from, before all others: MLflow's `uv_project_path`.

    Raises:
        InputError: The folder that is named is in no project, or a file of it cannot be read.
    """
    for what, folder in (
        ("uv_project_path", named),
        ("HOLDFAST_PROJECT", os.environ.get("HOLDFAST_PROJECT")),
    ):
        if folder:
            project = project_above(Path(folder))
            if project is None:
                raise InputError(f"{what} is {folder!r}; no pyproject.toml is there or above")
            return project
    return _script_project() or next(filter(None, map(project_above, _starting_points())), None)


def project_above(start: Path) -> Project | None:
    """The project that `start` is in: its nearest `pyproject.toml`, and the lock above that.

    Raises:
        InputError: A file of it is not TOML.
    """
    start = start.resolve()
    folders = [start, *start.parents]
    folder = next((each for each in folders if _has(each, "pyproject.toml")), None)
    if folder is None:
        return None
    root = _root_of(folder)
    pyproject = _read(folder / "pyproject.toml")
    return Project(
        root=root,
        folder=folder,
        pyproject=pyproject,
        root_pyproject=pyproject if root == folder else _read(root / "pyproject.toml"),
        uv_toml=_read(root / "uv.toml") if _has(root, "uv.toml") else None,
    )


def _script_project() -> Project | None:
    """The script that runs, if it says itself what it needs, and was not run as one of a project.

    `uv run train.py` looks at no project then; `python train.py` in a project's environment does
    not look at what the script says.
    """
    script = running_script()
    block = read_block(script) if script is not None else None
    if script is None or block is None:
        return None
    project = Project(
        root=script.parent,
        folder=script.parent,
        pyproject=block,
        root_pyproject=block,
        script=script,
    )
    around = project_above(script.parent)
    if around is None or _is_of_uv(Path(sys.prefix), script):
        return project
    return project if project.lockfile.is_file() and not _is_of(around) else None


def _is_of_uv(environment: Path, script: Path) -> bool:
    """Whether `uv run` made the environment for the script, in its cache."""
    return environment.parent.name.startswith("environments-v") and environment.name.startswith(
        f"{script.stem}-"
    )


def _is_of(project: Project) -> bool:
    """Whether this is the project's own environment."""
    return Path(sys.prefix).resolve() == project.environment.resolve()


def _root_of(folder: Path) -> Path:
    """The nearest folder at or above `folder` with a lock; without one, `folder` itself."""
    for each in (folder, *folder.parents):
        if _has(each, "uv.lock") and _has(each, "pyproject.toml"):
            return each
    return folder


def _has(folder: Path, name: str) -> bool:
    """Whether the file is there; in a folder that may not be read, none is."""
    try:
        return (folder / name).is_file()
    except OSError:
        return False


def _starting_points() -> Iterator[Path]:
    yield from starting_folders()
    if sys.prefix != sys.base_prefix:
        yield Path(sys.prefix).resolve().parent


def starting_folders() -> Iterator[Path]:
    """The folder of the script that runs, and the working directory: a notebook's own folder."""
    script = running_script()
    if script is not None:
        yield script.parent
    with suppress(OSError):  # it was removed, or may not be read
        yield Path.cwd()


def running_script() -> Path | None:
    """The file that Python was started with, where that is the user's own."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is None:
        return None
    path = Path(script).resolve()
    # pytest, ipython and their like live in the environment: they say nothing of the project.
    return None if Path(sys.prefix).resolve() in path.parents else path


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
