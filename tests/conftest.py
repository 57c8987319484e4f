"""Fixtures that every scenario needs; what they are made of is in kit.py."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from holdfast.uv import run_uv
from kit import REPOSITORY, Holdfast, UvProject, made_once, real_python
from small import Small, make_small

# `serving` before those that import it, so that pytest rewrites its asserts.
pytest_plugins = ["serving", "acebet", "bases", "browser", "clusters", "images", "proven"]


@pytest.fixture(scope="session")
def holdfast_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout, built as users get it."""
    out = tmp_path_factory.mktemp("dist")
    run_uv(["build", "--wheel", "--quiet", "--out-dir", str(out), str(REPOSITORY)])
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what tests may share to be quick: an environment to train in, a store.

    uv brings the environment to each project's lock; the bytecode of what stays, stays.
    """
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="session")
def new_project_in(holdfast_wheel: Path, shared: Path) -> Callable[..., UvProject]:
    """Make a project folder below another: `new_project_in(folder, "name")`.

    It trains in an environment that other tests use too; `own=True` gives it one of its own.
    """

    def make(
        parent: Path, name: str = "project", python: str = "", *, own: bool = False
    ) -> UvProject:
        folder = parent / name
        folder.mkdir(parents=True)
        return UvProject(
            folder=folder,
            wheel=holdfast_wheel,
            python=real_python(python),
            environment=folder / ".venv" if own else shared / f"venv-{python or 'default'}",
        )

    return make


@pytest.fixture
def new_project(
    tmp_path: Path, new_project_in: Callable[..., UvProject]
) -> Callable[..., UvProject]:
    """Make a project folder below the test's folder: `new_project("name")`."""
    return partial(new_project_in, tmp_path)


@pytest.fixture(scope="session")
def small(
    new_project_in: Callable[..., UvProject], tmp_path_factory: pytest.TempPathFactory
) -> Small:
    """A small sealed model and its environment, made once for all of xdist's processes."""

    def make(folder: Path) -> None:
        make_small(new_project_in(folder, own=True), folder)

    folder = made_once(tmp_path_factory.getbasetemp(), "small", make)
    return Small(model=folder / "model", home=folder / "home", cache=folder / "uv-cache")


def _elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def holdfast(tmp_path: Path, shared: Path) -> Holdfast:
    """The command line, with the store that tests share."""
    return Holdfast(home=shared / "home", folder=_elsewhere(tmp_path))


@pytest.fixture
def own_holdfast(tmp_path: Path) -> Iterator[Holdfast]:
    """The command line, with a store and a uv cache of its own: for tests that spoil them."""
    home = tmp_path / "home"
    env = {"UV_CACHE_DIR": str(tmp_path / "uv-cache")}
    yield Holdfast(home=home, folder=_elsewhere(tmp_path), env=env)
    # Folders of an environment are read-only; pytest cannot clean those up as another user.
    for folder in home.rglob("*"):
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o700)


@pytest.fixture
def moved(tmp_path: Path) -> Callable[[UvProject], Path]:
    """Take the one model a project logged to another folder, and delete the project."""

    def move(project: UvProject) -> Path:
        found = [
            path.parent for path in tmp_path.rglob("MLmodel") if "site-packages" not in path.parts
        ]
        assert len(found) == 1, found
        target = _elsewhere(tmp_path) / "model"
        shutil.copytree(found[0], target)
        project.delete()
        return target

    return move
