"""A lock becomes an environment, once, and is found again at once."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.environment.store import Store
from holdfast.errors import InputError, LockError, MismatchError, StoreError, ToolError
from holdfast.project.installed import record_digest
from holdfast.uv import run_uv

SMALL = ("six", "idna", "click")


def _imported(python: Path, code: str) -> str:
    return subprocess.run(
        [python, "-I", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_lock_is_restored_exactly(store, locks):
    said = []
    environment = store.restore(locks.spec(*SMALL), on_progress=said.append)
    run = "import six, idna, click, sys; print(six.__file__); print(sys.prefix)"
    where, prefix = _imported(environment.python, run).splitlines()
    assert Path(where) == environment.site_packages / "six.py"
    assert Path(prefix) == environment.path
    assert environment.exact
    assert environment.python_version == platform.python_version()
    assert [one.name for one in environment.inventory().distributions] == ["click", "idna", "six"]
    assert len(said) == 1
    assert "3 packages" in said[0]
    assert not list(store.layout.building.iterdir())


def test_scripts_run_under_the_final_name(store, locks):
    environment = store.restore(locks.spec("idna"))
    for script in environment.path.joinpath("bin").iterdir():
        if script.is_file() and not script.is_symlink():
            assert b"building" not in script.read_bytes()


def test_an_empty_lock_is_an_empty_environment(store, locks):
    environment = store.restore(locks.spec())
    assert environment.inventory().distributions == ()
    assert not store.inspect(environment).paths


def test_the_second_time_it_is_there_at_once(store, locks, monkeypatch):
    spec = locks.spec(*SMALL)
    first = store.restore(spec)
    monkeypatch.setattr(subprocess, "Popen", None)  # no process may be started
    begun = time.perf_counter()
    assert store.restore(spec) == first
    assert time.perf_counter() - begun < 0.05


def test_a_new_process_finds_it_without_slow_imports(store, locks):
    spec = locks.spec(*SMALL)
    store.restore(spec)
    code = (
        "import sys, time; from pathlib import Path;"
        "from holdfast.environment.store import Store; from holdfast.environment.spec import Spec;"
        "t = time.perf_counter();"
        f"spec = Spec(pylock=sys.stdin.read(), folder=Path(), python={spec.python!r});"
        f"Store.open(Path({str(store.layout.home.parent)!r})).restore(spec);"
        "print(time.perf_counter() - t);"
        "print([m for m in ('packaging', 'filelock', 'mlflow', 'tomllib') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], input=spec.pylock, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert float(out[0]) < 0.05
    assert out[1] == "[]"


def test_two_texts_of_one_lock_share_one_environment(store, locks):
    spec = locks.spec(*SMALL)
    other = dataclasses.replace(spec, pylock=f"# written elsewhere\n{spec.pylock}")
    assert store.restore(spec).path == store.restore(other).path


def test_another_lock_is_another_environment(store, locks):
    assert store.restore(locks.spec("six")).key != store.restore(locks.spec("idna")).key


def test_another_patch_release_of_python_stands_in_unless_strict(
    store, locks, monkeypatch, tmp_path
):
    major, minor, _ = platform.python_version_tuple()
    spec = locks.spec("six", python=f"{major}.{minor}.99")
    environment = store.restore(spec)
    assert not environment.exact
    assert environment.python_version.startswith(f"{major}.{minor}.")
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", None)
        assert store.restore(spec) == environment
    # Another folder that might hold the very release: it is looked for again.
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{tmp_path}")
    assert store.restore(spec) == environment
    with pytest.raises(ToolError, match="not on this machine") as caught:
        store.restore(spec, offline=True, strict=True)
    assert "uv python install" in str(caught.value)


def test_no_such_python(store, locks):
    with pytest.raises(ToolError, match=r"3\.99\.0 is not on this machine"):
        store.restore(locks.spec("six", python="3.99.0"), offline=True)
    with pytest.raises(InputError, match="in full"):
        store.restore(locks.spec("six", python="3.11"))


def test_a_lost_python_means_building_again(store, locks):
    spec = locks.spec("six")
    first = store.restore(spec)
    real = first.python.resolve()
    first.python.unlink()
    first.python.symlink_to("/nowhere/python3")
    assert store.restore(spec) == first
    assert first.python.resolve() == real


def test_offline_takes_what_is_in_uvs_cache(store, locks):
    spec = locks.spec("six")
    store.restore(spec)
    other = Store.open(store.layout.home.parent / "other")
    assert other.restore(spec, offline=True).python.exists()


def test_offline_names_what_is_missing(store, locks, own_cache):
    with pytest.raises(ToolError, match="six-") as caught:
        store.restore(locks.spec("six"), offline=True)
    assert "--offline" in str(caught.value)
    assert not list(store.layout.home.joinpath("environments").iterdir())
    assert not list(store.layout.building.iterdir())


_HEAD = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\nversion = "1"\n'
_FOR_WINDOWS = f"""{_HEAD}
wheels = [{{ url = "https://example.test/a-1-cp27-none-win32.whl", hashes = {{ sha256 = "0" }} }}]
"""
_NO_SHA256 = f"""{_HEAD}
wheels = [{{ url = "https://example.test/a-1-py3-none-any.whl", hashes = {{ md5 = "0" }} }}]
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not toml [", "cannot be read"),
        ('lock-version = "1.0"\n', "cannot be read"),
        (_FOR_WINDOWS, "nothing for Python"),
        (_NO_SHA256, "has no sha256"),
        (_HEAD + 'directory = { path = "a" }\n', "no fixed contents"),
    ],
    ids=["no toml", "no lock", "no wheel for this machine", "no sha256", "a folder"],
)
def test_a_lock_that_cannot_be_used(store, locks, text, message):
    with pytest.raises(LockError, match=message):
        store.restore(dataclasses.replace(locks.spec("six"), pylock=text))


def test_a_wrong_hash_is_a_mismatch(store, locks, own_cache):
    spec = locks.spec("six")
    wheel = next(line for line in spec.pylock.splitlines() if ".whl" in line)
    sha256 = wheel.split('sha256 = "')[1][:64]
    other = dataclasses.replace(spec, pylock=spec.pylock.replace(sha256, "0" * 64))
    with pytest.raises(MismatchError, match="Hash mismatch"):
        store.restore(other)
    assert not list(store.layout.home.joinpath("environments").iterdir())


def test_the_sealed_record_is_compared(store, locks):
    spec = locks.spec("six", "idna")
    environment = store.restore(spec)
    (record,) = environment.site_packages.glob("six-*.dist-info/RECORD")
    sealed = record_digest(record.read_text())
    assert store.restore(dataclasses.replace(spec, records={"six": sealed, "idna": ""}))
    wrong = dataclasses.replace(spec, records={"six": "0" * 64})
    for _ in range(2):
        with pytest.raises(MismatchError, match="six"):
            store.restore(wrong)


def test_a_commit_pins_as_a_hash_does(store, locks, tmp_path, own_cache):
    source = tmp_path / "source"
    source.mkdir()
    source.joinpath("pyproject.toml").write_text(
        '[project]\nname = "pinned"\nversion = "1.0"\n[build-system]\nrequires = ["hatchling"]\n'
        'build-backend = "hatchling.build"\n'
    )
    source.joinpath("pinned").mkdir()
    source.joinpath("pinned", "__init__.py").write_text("answer = 42\n")
    git = ["git", "-C", source, "-c", "user.name=a", "-c", "user.email=a@example.test"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    lock = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "pinned"\n'
        f'vcs = {{ type = "git", url = "{source.as_uri()}", commit-id = "{commit}" }}\n'
    )
    said = []
    spec = dataclasses.replace(locks.spec("six"), pylock=lock)
    environment = store.restore(spec, on_progress=said.append)
    assert _imported(environment.python, "import pinned; print(pinned.answer)") == "42"
    assert "building from source: pinned" in said
    (built,) = environment.inventory().distributions
    assert (built.kind, built.pin, built.version) == ("vcs", commit, "1.0")


def test_the_callers_project_does_not_count(store, locks, tmp_path, monkeypatch):
    tmp_path.joinpath("uv.toml").write_text('index-url = "http://127.0.0.1:9/simple"\n')
    tmp_path.joinpath("pyproject.toml").write_text("this is not toml\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_LINK_MODE", "symlink")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    environment = store.restore(locks.spec("six"))
    assert not environment.site_packages.joinpath("six.py").is_symlink()


def test_a_store_that_others_can_write_to_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    home.chmod(0o770)
    with pytest.raises(StoreError, match="others can write"):
        Store.open(home)
    home.chmod(0o700)
    opened = Store.open(home)
    assert {
        p.stat().st_mode & 0o777 for p in [opened.layout.home, *opened.layout.home.iterdir()]
    } == {0o700}
    opened.layout.home.chmod(0o777)
    with pytest.raises(StoreError, match="others can write"):
        Store.open(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_store_of_somebody_else_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, 12345, 12345)
    with pytest.raises(StoreError, match="belongs to user id 12345"):
        Store.open(home)


def test_a_damaged_note_costs_time_and_nothing_else(store, locks):
    spec = locks.spec("six")
    first = store.restore(spec)
    for folder in ("requests", "pythons"):
        for note in store.layout.home.joinpath(folder).iterdir():
            note.write_text("{half of")
    store.layout.ledger.write_text("[1")
    assert store.restore(spec) == first
    first.inventory_path.write_text("{half of")
    with pytest.raises(StoreError, match="cannot be read"):
        first.inventory()
    assert json.loads(store.layout.request(spec.digest()).read_text())["key"] == first.key


def test_uv_itself_sees_nothing_wrong(store, locks):
    environment = store.restore(locks.spec(*SMALL))
    listed = json.loads(
        run_uv(["pip", "list", "--format", "json", "--python", str(environment.python)])
    )
    assert {one["name"] for one in listed} == set(SMALL)
