"""The AceBet example as a user has it: copied, synced, and run by the one command of its README.

On few seasons, which is quicker. The matches lie beside the repository, never in it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.uv import uv_program
from kit import REPOSITORY, Holdfast, Ran, made_once, real_python, run, surroundings

DATA = REPOSITORY.parent / "shared" / "data" / "atp"
EXAMPLE = REPOSITORY / "examples" / "acebet"
SEASONS = range(2020, 2024)


@dataclass(frozen=True)
class AceBet:
    """What `everything.sh` left, and what it said."""

    folder: Path
    data: Path
    home: Path
    said: str

    def uv(self, *arguments: str | Path) -> Ran:
        """Run uv in the example."""
        command = [str(uv_program()), *map(str, arguments)]
        return run(command, cwd=self.folder, env=_surroundings(self.folder.parent))

    def holdfast(self, folder: Path) -> Holdfast:
        """The command line, which knows the example's models."""
        tracking = f"sqlite:///{self.folder / 'mlflow.db'}"
        return Holdfast(home=self.home, folder=folder, env={"MLFLOW_TRACKING_URI": tracking})


@pytest.fixture(scope="session")
def acebet(
    holdfast_wheel: Path, quick_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> AceBet:
    """The example after its one command, made once for all of xdist's processes."""
    if not DATA.is_dir():
        pytest.skip(f"the matches are not at {DATA.relative_to(REPOSITORY.parent)}")

    def make(folder: Path) -> None:
        copy_example(folder / "acebet", holdfast_wheel)
        (folder / "data").mkdir()
        for season in SEASONS:
            shutil.copy(DATA / f"atp_matches_{season}.csv.gz", folder / "data")
        ran = run(
            ["bash", "acebet/everything.sh", "--data", "data"],
            cwd=folder,
            env=_surroundings(folder, HOLDFAST_IMAGE_BASE=str(quick_base)),
            timeout=500,
        )
        assert ran.code == 0, ran
        (folder / "said").write_text(ran.out)

    folder = made_once(tmp_path_factory.getbasetemp(), "acebet", make)
    return AceBet(
        folder / "acebet", folder / "data", folder / "home", (folder / "said").read_text()
    )


def copy_example(target: Path, wheel: Path) -> None:
    """The example as it is in git, with Holdfast from a wheel."""
    left_out = (".venv", "__pycache__", ".*_cache", "mlruns", "mlflow.db", "uv.lock", "*.oci")
    shutil.copytree(EXAMPLE, target, ignore=shutil.ignore_patterns(*left_out))
    pyproject = target / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    assert '{ path = "../.." }' in text
    changed = text.replace('{ path = "../.." }', f'{{ path = "{wheel}" }}')
    pyproject.write_text(changed, encoding="utf-8")


def _surroundings(folder: Path, **more: str) -> dict[str, str]:
    return surroundings(
        UV_PYTHON=real_python(),
        HOLDFAST_HOME=str(folder / "home"),
        ACEBET_CACHE=str(folder / "cache"),
        PATH=f"{uv_program().parent}:{surroundings()['PATH']}",
        **more,
    )
