"""A reader's terminal, in which pages of the handbook are run as they stand.

All blocks of a page run in order, in one folder, as in one terminal: the working directory and
exported variables stay.

Two things are not taken as they stand: who asks an index for `holdfast` gets the wheel of this
checkout, and `Terminal.instead` names addresses that stand for a server of the test's.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from handbook import Block, Page
from holdfast.errors import HoldfastError
from holdfast.uv import uv_program
from kit import EXCLUDE_NEWER, real_python, surroundings

# `uv add holdfast`, `uvx --from 'holdfast[migrate]' holdfast …`: where a package is asked for.
_ASKED = re.compile(
    r"(\buv add (?:\S+ )*|\buvx --from |\buv tool install (?:\S+ )*|--with )"
    r"'?(holdfast(?:\[[a-z,]+\])?)'?(?=\s|$)",
    re.MULTILINE,
)
BASH = ("bash", "-euo", "pipefail")
_BLOCK_SECONDS = 300
_START_SECONDS = 120


@dataclass
class Terminal:
    """A reader's terminal: a working directory and variables that stay from block to block."""

    folder: Path
    wheel: Path
    env: dict[str, str] = field(default_factory=dict)
    instead: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._own = self.folder / "terminal"
        self.cwd = self.folder / "reader"
        for one in (self._own, self.cwd):
            one.mkdir(parents=True)
        self._state.touch()

    @property
    def _state(self) -> Path:
        return self._own / "state"

    def run_page(self, page: Page) -> None:
        """Do what the page says, block by block; what is not run is left out."""
        with ExitStack() as until_the_end:
            for block in page.blocks:
                if not block.can_run:
                    continue
                if block.file:
                    self._write(block)
                elif block.background:
                    until_the_end.enter_context(self._background(block))
                else:
                    self._run(block)
                self.ran.append(block.where)

    def _write(self, block: Block) -> None:
        target = self.cwd / block.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self._meant(block.text), encoding="utf-8")

    def _run(self, block: Block) -> None:
        code, said = self.bash(block.text)
        assert code == 0, f"{block.where} ended with {code}\n{block.text}\n--- said\n{said}"

    def bash(self, text: str) -> tuple[int, str]:
        """Run lines in the terminal; (exit code, stdout and stderr together)."""
        said = self._own / "said"
        process = self._start(self._typed(text), said)
        try:
            code = process.wait(_BLOCK_SECONDS)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            _end(process)
        if code == 0:
            self.cwd = Path((self._own / "cwd").read_text(encoding="utf-8").rstrip("\n"))
        return code, said.read_text(encoding="utf-8", errors="replace")

    def _typed(self, text: str) -> str:
        asked = _ASKED.sub(rf"\1'\2 @ {self.wheel.as_uri()}'", self._meant(text))
        return f'. "{self._state}"\n{asked}\nexport -p >"{self._state}"\npwd >"{self._own}/cwd"\n'

    def _meant(self, text: str) -> str:
        for written, meant in self.instead.items():
            text = text.replace(written, meant)
        return text

    def _start(self, script: str, said: Path) -> subprocess.Popen[bytes]:
        with said.open("wb") as out:
            return subprocess.Popen(
                [*BASH, "-c", script],
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @contextmanager
    def _background(self, block: Block) -> Iterator[None]:
        said = self._own / f"said-{block.line}"
        process = self._start(self._typed(block.text), said)
        try:
            _await(block, process, said)
            yield
        finally:
            _end(process)


def _await(block: Block, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(block.background):
        gone = process.poll() is not None or time.monotonic() > deadline
        assert not gone, f"{block.where} does not answer\n{said.read_text()}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a block and whatever it left running."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def readers_terminal(folder: Path, wheel: Path, home: Path) -> Terminal:
    """A terminal on a machine that has git, uv and some Pythons, and nothing of this checkout's."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name in ("uv", "uvx"):
        (programs / name).symlink_to(Path(uv_program()).with_name(name))
    for name, python in _pythons():
        (programs / name).symlink_to(python)
    paths = [one for one in os.environ["PATH"].split(os.pathsep) if not one.endswith("shims")]
    identity = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@mail.example"))
    }
    env = surroundings(
        PATH=os.pathsep.join([str(programs), *paths]),
        UV_EXCLUDE_NEWER=EXCLUDE_NEWER,
        UV_PYTHON_DOWNLOADS="never",
        UV_TOOL_DIR=str(folder / "tools"),
        UV_TOOL_BIN_DIR=str(programs),
        HOLDFAST_HOME=str(home),
        **identity,
    )
    env.pop("UV_PYTHON", None)
    return Terminal(folder, wheel, env)


def _pythons() -> Iterator[tuple[str, str]]:
    """Names and paths of this machine's Pythons, of those that Holdfast is for."""
    yield "python3", real_python()
    yield "python", real_python()
    for minor in range(10, 14):
        with suppress(HoldfastError):
            yield f"python3.{minor}", real_python(f"3.{minor}")
