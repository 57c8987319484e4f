"""What every scenario needs: a real uv, a real Holdfast wheel, and uv projects to train in."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w
from filelock import FileLock

from holdfast.uv import run_uv, uv_program

REPOSITORY = Path(__file__).parents[1]
EXCLUDE_NEWER = "2026-11-18T00:00:00Z"
# Without bytecode every import compiles anew: no user trains like that.
_FOREIGN = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "CONDA_PREFIX",
)


def surroundings(**extra: str) -> dict[str, str]:
    """This process's environment variables, without those of its own virtual environment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN and not name.startswith(("HOLDFAST_", "MLFLOW_", "UV_PROJECT"))
    }
    return kept | extra


def real_python(version: str = "") -> str:
    """The path of a CPython on this machine, past virtual environments and shims."""
    wanted = version or ".".join(map(str, sys.version_info[:3]))
    # A shim of pyenv's stands for Pythons that it does not have; those that it has lie here.
    shimmed = os.environ["PATH"].split(os.pathsep)
    folders = [folder for folder in shimmed if not folder.endswith("shims")]
    folders += map(
        str, Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob("versions/*/bin")
    )
    env = {"PATH": os.pathsep.join(folders)}
    return run_uv(["python", "find", "--no-project", "--system", wanted], env=env).strip()


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def run(
    command: list[str], *, cwd: Path, env: dict[str, str] | None = None, timeout: float = 300
) -> Ran:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env or surroundings(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def made_once(root: Path, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` has filled: once in a run, for all of xdist's processes.

    Args:
        root: pytest's base folder of this process.
        name: The folder's.
        make: Gets the empty folder; what fails is made anew by whoever comes next.
    """
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / name
    with FileLock(root / f"{name}.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "done").touch()
    return folder


@dataclass
class UvProject:
    """A user's uv project, on disk, with Holdfast added to it from a wheel."""

    folder: Path
    wheel: Path
    python: str
    environment: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def interpreter(self) -> Path:
        return self.environment / "bin" / "python"

    def write(self, path: str, text: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def pyproject(self, *dependencies: str, packaged: bool = False, **tables: object) -> None:
        """Write pyproject.toml; `tables` are merged in, `tool_uv` and `tool_holdfast` too."""
        tool_uv = {
            "exclude-newer": EXCLUDE_NEWER,
            **dict(tables.pop("tool_uv", {})),  # type: ignore[call-overload]
        }
        sources = {"holdfast": {"path": str(self.wheel)}, **tool_uv.get("sources", {})}
        document: dict[str, object] = {
            "project": {
                "name": "trainer",
                "version": "1.0.0",
                "requires-python": ">=3.10",
                "dependencies": ["holdfast", *dependencies],
                **dict(tables.pop("project", {})),  # type: ignore[call-overload]
            },
            "tool": {
                "uv": {**tool_uv, "sources": sources},
                "holdfast": tables.pop("tool_holdfast", {}),
            },
            **tables,
        }
        if packaged:
            document["build-system"] = {
                "requires": ["hatchling"],
                "build-backend": "hatchling.build",
            }
        self.write("pyproject.toml", tomli_w.dumps(document))

    def uv(self, *arguments: str) -> Ran:
        """Run uv in the project; it must succeed."""
        env = surroundings(
            UV_PYTHON=self.python, UV_PROJECT_ENVIRONMENT=str(self.environment), **self.env
        )
        ran = run([str(uv_program()), *arguments], cwd=self.folder, env=env)
        assert ran.code == 0, ran
        return ran

    def sync(self) -> None:
        self.uv("sync", "--quiet")

    def train(
        self,
        script: str,
        *arguments: str | Path,
        cwd: str = ".",
        path: str | None = None,
        **env: str,
    ) -> Ran:
        """Run a script with the project's own interpreter, as `uv run` would."""
        tracking = f"sqlite:///{self.folder.parent / 'mlflow.db'}"
        search = path if path is not None else os.environ["PATH"]
        return run(
            [str(self.interpreter), str((self.folder / script).resolve()), *map(str, arguments)],
            cwd=self.folder / cwd,
            env=surroundings(
                **{
                    "MLFLOW_TRACKING_URI": tracking,
                    "PATH": search,
                    **self.env,
                    **env,
                }
            ),
        )

    def delete(self) -> None:
        shutil.rmtree(self.folder)


@dataclass
class Holdfast:
    """The command line, with a home of its own, run from nowhere near a project."""

    home: Path
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, **env: str) -> Ran:
        command = [sys.executable, "-m", "holdfast", *map(str, arguments)]
        extra = {"HOLDFAST_HOME": str(self.home), **self.env, **env}
        return run(command, cwd=self.folder, env=surroundings(**extra))

    def receipt(self, model: Path | str, *options: str, **env: str) -> dict[str, object]:
        ran = self("verify", model, "--json", *options, **env)
        assert ran.code in {0, 1}, ran
        receipt: dict[str, object] = json.loads(ran.out)
        return receipt


def seal_of(model: Path) -> dict[str, object]:
    seal: dict[str, object] = json.loads((model / "holdfast" / "seal.json").read_text())
    return seal


def answers(holdfast: Holdfast, model: Path, rows: Path) -> list[str]:
    """What a model predicts for a CSV file, as `holdfast predict` prints it."""
    ran = holdfast("predict", model, "-i", rows)
    assert ran.code == 0, ran
    return [row["prediction"] for row in csv.DictReader(io.StringIO(ran.out))]
