"""Projects to measure in: real ones, made by uv below a temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tomli_w

from holdfast.uv import run_uv, uv_program

REPOSITORY = Path(__file__).parents[1]
EXCLUDE_NEWER = "2026-11-18T00:00:00Z"

# A common notebook-style project: some 170 packages, of which a model needs a third.
NOTEBOOK = ("fastapi", "jupyter", "lightgbm", "matplotlib", "mlflow", "scikit-learn", "seaborn")
# What a training script needs, no more.
SCRIPT = ("lightgbm", "matplotlib", "mlflow", "pandas", "scikit-learn")

_FOREIGN = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


def make_project(folder: Path, dependencies: tuple[str, ...], *, with_holdfast: bool) -> Path:
    """A synced uv project of `dependencies` in `folder`; its interpreter."""
    folder.mkdir(parents=True)
    names = [*dependencies, *(["holdfast"] if with_holdfast else [])]
    uv = {"exclude-newer": EXCLUDE_NEWER}
    if with_holdfast:
        run_uv(["build", "--wheel", "--quiet", "--out-dir", str(folder / "dist"), str(REPOSITORY)])
        uv["sources"] = {"holdfast": {"path": str(next((folder / "dist").glob("*.whl")))}}
    project = {"name": "measured", "version": "1", "requires-python": ">=3.10"}
    document = {"project": {**project, "dependencies": names}, "tool": {"uv": uv}}
    (folder / "pyproject.toml").write_text(tomli_w.dumps(document), encoding="utf-8")
    run_uv(["sync", "--quiet", "--python", real_python()], cwd=folder)
    return folder / ".venv" / "bin" / "python"


def real_python() -> str:
    """This Python, past virtual environments and shims."""
    version = sys.version.split()[0]
    return run_uv(["python", "find", "--no-project", "--system", version]).strip()


def surroundings(**extra: str) -> dict[str, str]:
    """This process's variables, without those of its environment; uv is on PATH.

    Bytecode is written, as it is where people work: imports would else be timed, not what follows.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    path = os.pathsep.join((str(uv_program().parent), kept["PATH"]))
    return kept | {"PATH": path} | extra


def run_script(python: Path, script: str, *, cwd: Path, **extra: str) -> str:
    """Run `script` (its text) with `python`; what it printed."""
    path = cwd / "measure.py"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [str(python), str(path)],
        cwd=cwd,
        env=surroundings(**extra),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout
