"""`holdfast demo`: the main job, for real, in a folder of its own.

Every step is a command that a user would type; the demo types it and shows what it says. Nothing
outside the folder is changed: even the environments stand there (`HOLDFAST_HOME`).
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from holdfast import own
from holdfast.errors import InputError, ToolError
from holdfast.redact import redact
from holdfast.uv import run_uv, uv_environment, uv_program

Say = Callable[[str], None]

_LONGEST_WORDS = 3000


def run_demo(folder: Path, say: Say) -> None:
    """Make a project in `folder`, train, seal, restore, verify, predict, tamper, verify.

    Args:
        folder: Must not exist, or be empty.
        say: Called with each line of talk.

    Raises:
        InputError: There is something in `folder`.
        ToolError: A step failed; the message has what it said.
    """
    _make(folder)
    project, copy = folder / "project", folder / "model"
    say(f"In {folder}:")
    _title(say, 1, "A uv project, and a script that knows only MLflow")
    _write_project(project)
    _shell(say, folder, ["uv", "sync", "--quiet", "--project", "project"])
    _shell(say, folder, ["uv", "run", "--project", "project", "python", "project/train.py"])

    _title(say, 2, "The model goes elsewhere; the project is deleted")
    model = _logged_model(folder)
    shutil.copytree(model, copy)
    shutil.rmtree(project)
    say("  project/ is gone; the model's files, as MLflow stored them, are in model/")
    _holdfast(say, folder, "show", "model")

    _title(say, 3, "It comes back, and proves it")
    _holdfast(say, folder, "verify", "model")
    _holdfast(say, folder, "predict", "model", "-i", "rows.csv", "-o", "answers.csv")
    answers = (folder / "answers.csv").read_text(encoding="utf-8").split()
    say(f"  {len(answers) - 1} answers: {' '.join(answers[1:15])} …")

    _title(say, 4, "Somebody changes one byte of one installed file")
    key = _tamper(folder)
    say(f"  one byte of {_SPOILT} is another one now, and nothing is loaded any more:")
    _holdfast(say, folder, "verify", "model", expected=1)

    _title(say, 5, "It is built again, from the same lock")
    _holdfast(say, folder, "env", "prune", "--key", key[:12])
    _holdfast(say, folder, "verify", "model")
    say(_NEXT.format(folder=shlex.quote(str(folder))))


_SPOILT = "sklearn/linear_model/_logistic.py"
_NEXT = """
That was real: uv, MLflow, two environments, one model. Try:
  cd {folder}
  export HOLDFAST_HOME=$PWD/store    # where the demo keeps its environments
  holdfast show model --packages     # all that is sealed
  holdfast run model python          # a Python in the sealed environment
  holdfast env list                  # what is kept, and how large

In a project of your own: uv add holdfast, and log a model as you always do."""


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = any(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{folder} cannot be used: {error.strerror}", hint="name another folder"
        ) from error
    if there:
        raise InputError(f"{folder} is not empty", hint="name a folder that is not there yet")


def _title(say: Say, number: int, text: str) -> None:
    say(f"\n{number}. {text}")


def _write_project(folder: Path) -> None:
    with as_file(files("holdfast.start") / "demo_project") as template:
        shutil.copytree(template, folder, ignore=shutil.ignore_patterns("__pycache__"))
    pyproject = folder / "pyproject.toml"
    source = own.source()
    requirement = "holdfast" if source else f"holdfast=={own.version()}"
    text = pyproject.read_text(encoding="utf-8").replace('"holdfast"', json.dumps(requirement))
    if source:
        # A JSON string is a TOML string.
        text += f"\n[tool.uv.sources]\nholdfast = {{ path = {json.dumps(source)} }}\n"
    pyproject.write_text(text, encoding="utf-8")


def _logged_model(folder: Path) -> Path:
    found = [path.parent for path in folder.rglob("MLmodel")]
    if len(found) != 1:
        raise ToolError(f"MLflow logged {len(found)} models below {folder}; expected one")
    return found[0]


def _tamper(folder: Path) -> str:
    """Change one byte of an installed file; the key of its environment.

    A new file takes the old one's place: uv's cache is hardlinked into environments, and the demo
    must not spoil those of others.
    """
    environments = folder / "store" / "store" / "environments"
    path = next(environments.rglob(_SPOILT))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.parent.chmod(0o700)
    path.unlink()
    path.write_bytes(data)
    return path.relative_to(environments).parts[0]


def _holdfast(say: Say, folder: Path, *arguments: str, expected: int = 0) -> int:
    say(f"  $ holdfast {' '.join(arguments)}")
    environment = _surroundings(HOLDFAST_HOME=str(folder / "store"))
    command = [sys.executable, "-m", "holdfast", *arguments]
    return _run(say, command, folder, environment, expected)


def _shell(say: Say, folder: Path, command: Sequence[str]) -> None:
    say(f"  $ {' '.join(command)}")
    environment = _surroundings(
        UV_PYTHON=_interpreter(), MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlflow.db'}"
    )
    _run(say, [str(uv_program()), *command[1:]], folder, environment, 0)


def _surroundings(**extra: str) -> dict[str, str]:
    """The caller's variables, less what would take the demo elsewhere: to a registry, say."""
    kept = uv_environment()
    return {
        name: text for name, text in kept.items() if not name.startswith(("MLFLOW_", "HOLDFAST_"))
    } | extra


def _interpreter() -> str:
    """The Python that runs this one, past its virtual environment."""
    return run_uv(["python", "find", "--no-project", "--system", sys.version.split()[0]]).strip()


def _run(
    say: Say, command: Sequence[str], folder: Path, environment: Mapping[str, str], expected: int
) -> int:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != expected:
        said = redact(done.stderr.strip())[-_LONGEST_WORDS:]
        raise ToolError(
            f"{' '.join(command)} ended with {done.returncode}, not {expected}:\n{said}",
            hint=f"the demo needs an index of packages; what it made is in {folder}",
        )
    for line in done.stdout.splitlines():
        say(f"    {line}")
    return done.returncode
