"""The operations of the guides' tables: resolving, installing, saving a model, making an image."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from holdfast.bench.programs import Programs, run_program
from holdfast.bench.values import Operation, Way

Run = Callable[[Path], object]
"""Does it, with the cache that it is given."""

_SAVE = """
import logging, os, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
import mlflow.pyfunc

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return model_input

mlflow.pyfunc.save_model(sys.argv[1], python_model=Echo())
"""


def resolutions(programs: Programs, asked: Path) -> Iterator[Operation]:
    """From what the project asks for to exact versions, with nothing in a cache, and with all."""

    def pip(cache: Path) -> str:
        told = ["--quiet", "--dry-run", "--ignore-installed", "--report", "-", "-r", str(asked)]
        return programs.pip("install", *told, cache=cache)

    def uv(cache: Path) -> str:
        python = ["--python", str(programs.python)]
        return programs.uv("pip", "compile", "--quiet", *python, asked, cache=cache)

    for name, cold in (("resolve, cold cache", True), ("resolve, warm cache", False)):
        ways = tuple(
            Way(tool, *_cached(programs, f"resolve {tool}", run, cold=cold))
            for tool, run in (("pip", pip), ("uv", uv))
        )
        yield Operation(name, ways)


def installations(programs: Programs, locked: Path) -> Iterator[Operation]:
    """From exact versions to an environment; uv compiles bytecode only where it is told to."""
    target = programs.folder / "installed"

    def pip(cache: Path) -> str:
        told = ["--quiet", "--no-deps", "-r", str(locked)]
        return programs.pip("install", *told, cache=cache, target=target)

    def uv(*more: str) -> Run:
        told = ["--quiet", "--no-deps", "--python", str(target), "-r", str(locked), *more]
        return lambda cache: programs.uv("pip", "install", *told, cache=cache)

    runs: tuple[tuple[str, Run], ...] = (
        ("pip", pip),
        ("uv", uv()),
        ("uv, bytecode", uv("--compile-bytecode")),
    )
    for name, cold in (("install, cold cache", True), ("install, warm cache", False)):
        ways = tuple(
            Way(tool, *_cached(programs, f"install {tool}", run, cold=cold, target=target))
            for tool, run in runs
        )
        yield Operation(name, ways, absent=_conda())


def saving(programs: Programs, project: Path, python: Path) -> Operation:
    """What logging costs: MLflow's own inference of requirements, and a seal in its place."""
    target = programs.folder / "saved"

    def save(**env: str) -> None:
        run_program([python, "-c", _SAVE, target], project, programs.timeout, env)

    def clear() -> None:
        shutil.rmtree(target, ignore_errors=True)

    stock = {"HOLDFAST_OFF": "1"}
    return Operation(
        "save a model",
        (
            Way("MLflow", lambda: save(**stock, MLFLOW_UV_AUTO_DETECT="false"), clear),
            Way("MLflow, uv.lock", lambda: save(**stock), clear),
            Way("Holdfast", save, clear),
        ),
    )


def images(programs: Programs, model: str, base: str) -> Operation:
    """An image of a model that nothing is kept of, wheels in uv's own cache apart."""
    home, target = programs.folder / "home", programs.folder / "image.oci"
    given = [model, "--quiet", "-o", str(target), *(["--base", base] if base else [])]

    def make() -> None:
        command = [sys.executable, "-m", "holdfast", "image", *given]
        run_program(command, programs.folder, programs.timeout, {"HOLDFAST_HOME": str(home)})

    def clear() -> None:
        shutil.rmtree(home, ignore_errors=True)
        target.unlink(missing_ok=True)

    absent = () if shutil.which("docker") else (("docker build", "there is no docker on PATH"),)
    return Operation("image of a model", (Way("holdfast image", make, clear),), absent=absent)


def _cached(
    programs: Programs, name: str, run: Run, *, cold: bool, target: Path | None = None
) -> tuple[Callable[[], None], Callable[[], None]]:
    """A run with a cache of its own, and what goes before it.

    The cache is empty each time, or as the time before left it, and the environment at `target` is
    new.
    """
    cache = programs.folder / "caches" / f"{name.replace(' ', '-')}-{'cold' if cold else 'warm'}"

    def prepare() -> None:
        filled = cache.exists()
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        _fresh(programs, target)
        if not cold and not filled:
            run(cache)
            _fresh(programs, target)

    return lambda: _discard(run(cache)), prepare


def _fresh(programs: Programs, target: Path | None) -> None:
    if target is not None:
        shutil.rmtree(target, ignore_errors=True)
        programs.uv(
            "venv", "--quiet", "--python", programs.python, target, cache=programs.folder / "none"
        )


def _discard(_: object) -> None:
    return


def _conda() -> tuple[tuple[str, str], ...]:
    if shutil.which("conda") is None:
        return (("conda", "there is no conda on PATH"),)
    return (("conda", "its packages are other builds, and the lock names none of them"),)
