"""An index with a password, on loopback: credentials reach it and go nowhere else."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from holdfast.environment.store import Store
from holdfast.errors import MismatchError, ToolError
from holdfast.uv import run_uv
from indexes import PASSWORD, USER, serving


@pytest.fixture(scope="module")
def index(tmp_path_factory, make_wheel):
    """A pypiserver that asks for a password; (URL, folder of its wheels)."""
    wheels = tmp_path_factory.mktemp("index") / "wheels"
    make_wheel(wheels, {"mine/__init__.py": "answer = 42\n"})
    with serving(wheels, user=USER, password=PASSWORD) as served:
        yield served.url, wheels


@pytest.fixture
def spec(index, locks, tmp_path, monkeypatch, own_cache):
    """A lock of a project that takes `mine` from the index; credentials set."""
    url, _ = index
    project = tmp_path / "project"
    project.mkdir()
    project.joinpath("pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.10"\n'
        'dependencies = ["mine"]\n[tool.uv.sources]\nmine = { index = "corp" }\n'
        f'[[tool.uv.index]]\nname = "corp"\nurl = "{url}"\nexplicit = true\n'
    )
    monkeypatch.setenv("UV_INDEX_CORP_USERNAME", USER)
    monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    base = locks.spec("six")
    run_uv(["lock", "--quiet", "--python", base.python], cwd=project)
    lock = run_uv(
        ["export", "--quiet", "--no-emit-project", "--format", "pylock.toml"], cwd=project
    )
    shutil.rmtree(own_cache, ignore_errors=True)
    return dataclasses.replace(base, pylock=lock, indexes=(("corp", url),))


def _untouched(store: Store) -> bool:
    return not [
        *store.layout.home.joinpath("environments").iterdir(),
        *store.layout.building.iterdir(),
    ]


def test_credentials_of_the_index_are_used_and_not_kept(store, spec):
    environment = store.restore(spec)
    assert environment.site_packages.joinpath("mine", "__init__.py").is_file()
    for path in store.layout.home.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


def test_a_wrong_password(store, spec, monkeypatch):
    monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", "wr0ng-password")
    with pytest.raises(ToolError, match=r"40[13]") as caught:
        store.restore(spec)
    assert "UV_INDEX_<NAME>_PASSWORD" in caught.value.hint
    assert "wr0ng" not in str(caught.value)
    assert caught.value.exit_code == 3
    assert _untouched(store)


def test_no_password(store, spec, monkeypatch):
    monkeypatch.delenv("UV_INDEX_CORP_PASSWORD")
    monkeypatch.delenv("UV_INDEX_CORP_USERNAME")
    with pytest.raises(ToolError, match=r"40[13]"):
        store.restore(spec)


def test_other_bytes_on_the_index(store, spec, index, make_wheel):
    (wheel,) = index[1].glob("mine-1.0*.whl")
    honest = wheel.read_bytes()
    try:
        make_wheel(index[1], {"mine/__init__.py": "answer = 43\n"})
        with pytest.raises(MismatchError, match="Hash mismatch"):
            store.restore(spec)
    finally:
        wheel.write_bytes(honest)
    assert _untouched(store)
    assert store.restore(spec).python.exists()


def test_a_wheel_that_the_index_no_longer_has(store, spec):
    gone = dataclasses.replace(spec, pylock=spec.pylock.replace("/mine-1.0-", "/mine-1.0-0-"))
    with pytest.raises(ToolError, match="404") as caught:
        store.restore(gone)
    assert "no longer has" in caught.value.hint
    assert _untouched(store)


def test_an_index_that_does_not_answer(store, spec, index):
    port = index[0].split(":")[2].split("/")[0]
    dead = dataclasses.replace(spec, pylock=spec.pylock.replace(f":{port}/", ":9/"))
    with pytest.raises(ToolError, match="mine") as caught:
        store.restore(dead)
    assert "network" in caught.value.hint
    assert _untouched(store)
