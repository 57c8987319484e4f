"""The verb `bench`: all operations, each tool in turn, again and again."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from holdfast.bench.operations import images, installations, resolutions, saving
from holdfast.bench.programs import Programs
from holdfast.bench.values import KINDS, Bench, Operation, Timed
from holdfast.cores import available
from holdfast.environment.layout import open_layout
from holdfast.environment.python import project_python
from holdfast.errors import HoldfastError, InputError
from holdfast.home import scratch
from holdfast.progress import Progress, silent
from holdfast.project.discover import Project, project_above
from holdfast.uv import run_uv

# For one run of one tool.
_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be measured.

    Attributes:
        runs: How often each way is run; the medians are of these.
        only: Of `KINDS`; empty for all.
        model: The model that an image is made of; "" for none.
        base: What brings that image its Python; "" for what `holdfast image` takes by itself.
    """

    runs: int = 3
    only: Collection[str] = ()
    model: str = ""
    base: str = ""


def bench(folder: Path, wishes: Wishes, on_progress: Progress = silent) -> Bench:
    """Measure what tools cost on the project in `folder`, on this machine.

    The project, its lock, its environment and everybody's caches stay as they are: all is done in a
    temporary folder, which is removed.

    Raises:
        InputError: There is no project, or no lock.
        ToolError: uv cannot read the lock, or there is no Python for the project.
    """
    project = project_above(folder)
    if project is None or not project.lockfile.is_file():
        raise InputError(
            f"{folder} is in no project with a uv.lock", hint="uv lock, or `holdfast migrate`"
        )
    python = project_python(project.folder, remembered=open_layout(None).pythons)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir=scratch()) as name:
        programs = Programs(Path(name), python.path, _SECONDS)
        asked, locked = _requirements(project, programs.folder)
        timed = [
            one
            for operation in _operations(project, programs, asked, locked, wishes)
            for one in _timed(operation, wishes.runs, on_progress)
        ]
        versions = (
            f"Python {python.version}",
            programs.pip("--version", cache=programs.folder).rpartition(" from ")[0],
            run_uv(["--version"]).partition(" (")[0].strip(),
        )
        packages = sum(line[:1].isalnum() for line in locked.read_text("utf-8").splitlines())
    return Bench(
        project=project.name or project.folder.name,
        packages=packages,
        machine=f"{available()} cores, {platform.system()} {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}",
        versions=versions,
        timed=tuple(timed),
    )


def _requirements(project: Project, folder: Path) -> tuple[Path, Path]:
    """What the project asks for, and what its lock says: files for pip and uv alike."""
    asked, locked = folder / "asked.txt", folder / "locked.txt"
    lines = project.pyproject.get("project", {}).get("dependencies", ())
    # What comes from a folder or from git is nobody's question to an index.
    elsewhere = set(map(canonicalize_name, project.uv_settings.get("sources", {})))
    kept = [line for line in lines if canonicalize_name(Requirement(line).name) not in elsewhere]
    asked.write_text("\n".join([*kept, ""]), encoding="utf-8")
    told = ["--frozen", "--no-dev", "--no-hashes", "--no-header", "--no-annotate"]
    exported = run_uv(
        ["export", "--quiet", *told, "--no-emit-workspace", "--no-emit-local"], cwd=project.folder
    )
    locked.write_text(exported, encoding="utf-8")
    return asked, locked


def _operations(
    project: Project, programs: Programs, asked: Path, locked: Path, wishes: Wishes
) -> Iterator[Operation]:
    wanted = set(wishes.only or KINDS)
    if "resolve" in wanted:
        yield from resolutions(programs, asked)
    if "install" in wanted:
        yield from installations(programs, locked)
    if "save" in wanted:
        own = project.environment / "bin" / "python"
        if own.exists():
            yield saving(programs, project.folder, own)
        else:
            yield Operation(
                "save a model", (), (("MLflow", "the project is not installed: uv sync"),)
            )
    if "image" in wanted:
        if wishes.model:
            yield images(programs, wishes.model, wishes.base)
        else:
            yield Operation("image of a model", (), (("holdfast image", "--model names none"),))


def _timed(operation: Operation, runs: int, on_progress: Progress) -> Iterator[Timed]:
    seconds: dict[str, list[float]] = {way.tool: [] for way in operation.ways}
    failed: dict[str, str] = {}
    for number in range(runs):
        for way in operation.ways:
            if way.tool in failed:
                continue
            on_progress(f"{operation.name}: {way.tool}, {number + 1} of {runs}")
            try:
                way.prepare()
                start = time.perf_counter()
                way.run()
                seconds[way.tool].append(time.perf_counter() - start)
            except HoldfastError as error:
                failed[way.tool] = error.message
    for tool, taken in seconds.items():
        why = failed.get(tool, "")
        yield Timed(operation=operation.name, tool=tool, seconds=tuple(taken), why_not=why)
    for tool, why in operation.absent:
        yield Timed(operation=operation.name, tool=tool, seconds=(), why_not=why)
