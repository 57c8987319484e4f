"""Whatever is changed in a model or in its environment is named, and nothing is loaded then."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.errors import MismatchError, SealError
from holdfast.model import open_model
from holdfast.predict import predict
from holdfast.restore.restore import restore
from holdfast.restore.restored import Restored
from holdfast.verify.receipt import Receipt, Status
from holdfast.verify.verify import verify
from holdfast.worker.client import Worker

FEW = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def restored(small, tmp_path_factory) -> Iterator[Restored]:
    """The model and its environment, both for this module to spoil."""
    folder = tmp_path_factory.mktemp("tampering")
    holdfast = small.spoilable(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLDFAST_HOME", str(holdfast.home))
        for name, text in holdfast.env.items():
            patch.setenv(name, text)
        yield restore(small.copy(folder / "model"))


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    """Nothing of a model that was changed may be loaded: no process is even started."""
    monkeypatch.setattr(Worker, "start", lambda *_, **__: pytest.fail("a worker was started"))


@contextmanager
def changed(path: Path, contents: bytes) -> Iterator[None]:
    """Other contents for as long as the block runs; size and times may be as they were."""
    before, found = path.read_bytes(), path.stat()
    path.write_bytes(contents)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def flipped(path: Path, draw: st.DrawFn) -> bytes:
    data = bytearray(path.read_bytes())
    at = draw(st.integers(0, len(data) - 1))
    data[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


def details(receipt: Receipt, check: str) -> tuple[str, ...]:
    """What one check found; every check after the broken ones was skipped."""
    found = {one.name: one for one in receipt.checks}
    assert not receipt.matches
    assert found[check].status is Status.MISMATCH
    assert found["predictions"].status is Status.SKIPPED
    return found[check].details


@FEW
@given(data=st.data())
def test_a_flipped_bit_in_a_models_file_is_named(restored, data):
    model = restored.model
    sealed = sorted(path for path, digest in model.seal.files.items() if digest.size)
    name = data.draw(st.sampled_from(sealed))
    with changed(model.path / name, flipped(model.path / name, data.draw)):
        assert details(verify(model.path), "model-files") == (f"changed: {name}",)
        with pytest.raises(MismatchError, match=f"changed {name}"):
            predict(model.path, {"rows": []})
        if name == "pylock.toml" or name.endswith(".whl"):
            with pytest.raises(MismatchError, match=name):
                restore(model.path)


@FEW
@given(data=st.data())
def test_a_flipped_bit_in_the_seal_makes_it_another_seal_or_none(restored, data):
    model = restored.model
    path = model.path / "holdfast" / "seal.json"
    with changed(path, flipped(path, data.draw)):
        try:
            digest = open_model(model.path).digest
        except SealError as error:
            digest = str(error)
        assert model.digest != digest


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["format", "files", "python", "wheels", "x"]), inner)
    ),
    max_leaves=8,
)


@FEW
@given(text=st.binary(max_size=200) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_seal_is_read_or_refused(restored, text):
    path = restored.model.path / "holdfast" / "seal.json"
    with changed(path, text), pytest.raises(SealError):
        open_model(restored.model.path)


@pytest.mark.parametrize("name", ["extra.txt", "code/extra.py", "holdfast/wheels/extra.whl"])
def test_a_file_added_to_a_model_is_named(restored, name):
    path = restored.model.path / name
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    try:
        assert details(verify(restored.model), "model-files") == (f"added: {name}",)
        with pytest.raises(MismatchError, match=f"added {name}"):
            predict(restored.model, {})
    finally:
        path.unlink()
        for folder in made:
            folder.rmdir()


@pytest.mark.parametrize("name", ["MLmodel", "pylock.toml", "holdfast/golden.json"])
def test_a_file_taken_from_a_model_is_named(restored, name):
    path = restored.model.path / name
    away = path.rename(path.with_name("away"))
    away = away.rename(restored.model.path.parent / "away")
    try:
        assert details(verify(restored.model), "model-files") == (f"missing: {name}",)
    finally:
        away.rename(path)


@pytest.mark.parametrize("target", ["same", "/etc/hostname", "nowhere", "pipe"])
def test_a_file_of_a_model_that_became_a_link_or_pipe_is_named(restored, target):
    path = restored.model.path / "MLmodel"
    away = path.rename(restored.model.path.parent / "away")
    if target == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(away if target == "same" else target)
    try:
        assert details(verify(restored.model), "model-files") == ("changed: MLmodel",)
        with pytest.raises(MismatchError, match="changed MLmodel"):
            predict(restored.model, {})
    finally:
        path.unlink()
        away.rename(path)


# The environment.


@FEW
@given(data=st.data())
def test_a_flipped_bit_in_an_installed_file_is_named(restored, data):
    root = restored.environment.path
    inventory = restored.environment.inventory()
    owners = {
        path: one.name for one in inventory.distributions for path, size, *_ in one.files if size
    }
    name = data.draw(st.sampled_from(sorted(owners)))
    with changed(root / name, flipped(root / name, data.draw)):
        found = details(verify(restored.model), "installed-files")
        named = [line for line in found if line.startswith(f"changed: {name} (")]
        assert named, found
        assert owners[name] in named[0]
        assert found[-1] == (
            f"to have it built again: holdfast env prune --key {restored.environment.key[:12]}"
        )


@pytest.mark.parametrize(
    "name",
    ["evil.pth", "sitecustomize.py", "usercustomize.py", "evil.py", "evil.so", "pandas/x.py"],
)
def test_a_file_added_to_an_environment_is_named(restored, name):
    path = restored.environment.site_packages / name
    with writable(path.parent):
        path.write_text("import evil\n")
        try:
            (found,) = details(verify(restored.model), "strays")
        finally:
            path.unlink()
    assert found == f"stray: {path.relative_to(restored.environment.path)}"


def test_a_file_taken_from_an_environment_is_named(restored, tmp_path):
    path = restored.environment.site_packages / "pandas" / "__init__.py"
    with writable(path.parent):
        path.rename(tmp_path / "away")
        try:
            found = details(verify(restored.model), "installed-files")
        finally:
            (tmp_path / "away").rename(path)
    assert found[0] == f"missing: {path.relative_to(restored.environment.path)} (pandas)"


def test_a_link_in_an_environment_is_named(restored, tmp_path):
    path = restored.environment.site_packages / "evil"
    with writable(path.parent):
        path.symlink_to(tmp_path)
        try:
            found = details(verify(restored.model), "strays")
        finally:
            path.unlink()
    inside = path.relative_to(restored.environment.path)
    assert found == (f"link: {inside}", f"leaves the environment: {inside}")


def test_an_environment_with_another_python_is_not_handed_out(restored):
    path = restored.environment.path / "bin" / "python"
    real = path.readlink()
    with writable(path.parent):
        path.unlink()
        path.symlink_to("/bin/sh")
    again = restore(restored.model)
    assert again.environment.python.readlink() == real
    assert not again.store.inspect(again.environment).paths


def test_as_it_was_it_matches(restored, monkeypatch):
    monkeypatch.undo()
    assert verify(restored.model).matches
    assert not restored.store.inspect(restored.environment).paths


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    mode = folder.stat().st_mode
    folder.chmod(0o700)
    try:
        yield
    finally:
        folder.chmod(mode)


def test_an_environment_that_was_written_to_does_not_predict(restored):
    pth = restored.environment.site_packages / "stray.pth"
    pth.write_text("import os\n", encoding="utf-8")
    try:
        with pytest.raises(MismatchError, match=r"stray\.pth"):
            predict(restored.model, [1.0])
    finally:
        pth.unlink()
    module = restored.environment.site_packages / "mlflow" / "version.py"
    before, found = module.read_bytes(), module.stat()
    module.write_bytes(before + b"\n")
    try:
        with pytest.raises(MismatchError, match=r"mlflow/version\.py") as refused:
            predict(restored.model, [1.0])
        assert "holdfast env prune --key" in (refused.value.hint or "")
    finally:
        module.write_bytes(before)
        os.utime(module, ns=(found.st_atime_ns, found.st_mtime_ns))
