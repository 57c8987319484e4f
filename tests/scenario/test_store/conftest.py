"""Real locks, made by the real uv from small real packages, and stores to restore them into."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import indexes
from holdfast.environment.spec import Spec
from holdfast.environment.store import Store
from holdfast.uv import run_uv

PYTHON = platform.python_version()


@dataclass(frozen=True)
class Locks:
    """Locks by what they ask for, each made once a session."""

    folder: Path
    made: dict[tuple[str, ...], str]

    def of(self, *requirements: str) -> str:
        if requirements not in self.made:
            project = self.folder / f"project-{len(self.made)}"
            project.mkdir()
            quoted = ", ".join(f'"{one}"' for one in requirements)
            (project / "pyproject.toml").write_text(
                '[project]\nname = "project"\nversion = "0"\n'
                f'requires-python = ">=3.10"\ndependencies = [{quoted}]\n'
            )
            run_uv(["lock", "--quiet", "--python", PYTHON], cwd=project)
            self.made[requirements] = run_uv(
                ["export", "--quiet", "--no-emit-project", "--format", "pylock.toml"], cwd=project
            )
        return self.made[requirements]

    def spec(self, *requirements: str, python: str = PYTHON) -> Spec:
        return Spec(pylock=self.of(*requirements), folder=self.folder, python=python)


@pytest.fixture(scope="session")
def locks(tmp_path_factory: pytest.TempPathFactory) -> Locks:
    return Locks(tmp_path_factory.mktemp("locks"), {})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "home")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A uv cache that may be spoilt: the machine's own must not be."""
    cache = tmp_path / "uv-cache"
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    return cache


@pytest.fixture(scope="session")
def make_wheel() -> Callable[..., Path]:
    return indexes.make_wheel


def _lock_wheel(wheel: Path, path: str) -> str:
    name, version, *_ = wheel.name.split("-")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return (
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\n'
        f'name = "{name}"\nversion = "{version}"\n'
        f'wheels = [{{ path = "{path}", hashes = {{ sha256 = "{sha256}" }} }}]\n'
    )


@pytest.fixture
def lock_wheel() -> Callable[[Path, str], str]:
    """The lock of one wheel beside it, written as `path`."""
    return _lock_wheel
