"""First-party wheels lie beside the lock: somebody else's files, checked before uv opens them."""

from __future__ import annotations

import shutil

import pytest

from holdfast.environment.spec import Spec
from holdfast.environment.store import Store
from holdfast.errors import HoldfastError, LockError, MismatchError


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "a model"
    folder.mkdir()
    return folder


@pytest.fixture
def spec_of(model, lock_wheel, locks):
    def spec(wheel, path=None) -> Spec:
        path = path or wheel.relative_to(model).as_posix()
        return Spec(pylock=lock_wheel(wheel, path), folder=model, python=locks.spec("six").python)

    return spec


def test_a_wheel_beside_the_lock_is_installed(store, model, make_wheel, spec_of, own_cache):
    wheel = make_wheel(model / "holdfast" / "wheels", {"mine/__init__.py": "answer = 42\n"})
    spec = spec_of(wheel)
    environment = store.restore(spec)
    assert environment.site_packages.joinpath("mine", "__init__.py").read_text() == "answer = 42\n"
    assert not store.inspect(environment).paths
    # The wheel store has it now: neither the model's folder nor a network is needed again.
    shutil.rmtree(model)
    shutil.rmtree(environment.path)
    assert store.restore(spec, offline=True) == environment


def test_another_wheel_under_its_name_is_a_mismatch(store, model, make_wheel, spec_of):
    wheel = make_wheel(model, {"mine/__init__.py": "answer = 42\n"})
    spec = spec_of(wheel)
    make_wheel(model, {"mine/__init__.py": "answer = 43\n"})
    with pytest.raises(MismatchError, match="is not the wheel that was locked"):
        store.restore(spec)
    assert [p.name for p in store.layout.wheels.rglob("*") if p.is_file()] == []


def test_a_wheel_swapped_in_the_wheel_store_is_not_used(store, model, make_wheel, spec_of):
    wheel = make_wheel(model, {"mine/__init__.py": "answer = 42\n"})
    spec = spec_of(wheel)
    environment = store.restore(spec)
    (kept,) = store.layout.wheels.glob("*/*.whl")
    kept.write_bytes(b"not a wheel")
    shutil.rmtree(environment.path)
    store.restore(spec)
    assert kept.read_bytes() == wheel.read_bytes()


def test_a_wheel_that_is_gone(store, model, make_wheel, spec_of):
    wheel = make_wheel(model, {"mine/__init__.py": ""})
    spec = spec_of(wheel)
    wheel.unlink()
    with pytest.raises(LockError, match="is not in") as caught:
        store.restore(spec)
    assert caught.value.hint


def test_a_path_out_of_the_model_is_refused(store, model, make_wheel, spec_of, tmp_path):
    outside = make_wheel(tmp_path / "outside", {"mine/__init__.py": ""})
    inside = model / outside.name
    inside.symlink_to(outside)
    for path in (f"../outside/{outside.name}", str(outside), outside.name):
        with pytest.raises(LockError, match="not in the folder"):
            store.restore(spec_of(outside, path))


@pytest.mark.parametrize(
    "files",
    [
        {"../../../../evil.py": "x"},
        {"/etc/evil.py": "x"},
        {"mine-1.0.data/data/../../evil.py": "x"},
        {"mine-1.0.data/data/bin/python": "x"},
        {"mine-1.0.data/data/pyvenv.cfg": "x"},
        {"mine-1.0.data/scripts/python": "x"},
        {"mine-1.0.data/scripts/activate": "x"},
    ],
    ids=lambda files: next(iter(files)),
)
def test_a_wheel_that_reaches_outside_its_place(
    store, model, make_wheel, spec_of, files, own_cache
):
    wheel = make_wheel(model, {"mine/__init__.py": "", **files})
    with pytest.raises(HoldfastError) as caught:
        store.restore(spec_of(wheel))
    assert caught.value.exit_code in {1, 3}
    assert not list(store.layout.home.joinpath("environments").iterdir())
    assert not list(model.parent.rglob("evil.py"))


def test_two_models_share_a_wheel(store, make_wheel, lock_wheel, tmp_path, locks, own_cache):
    python = locks.spec("six").python
    keys = set()
    for name in ("one", "two"):
        wheel = make_wheel(tmp_path / name, {"mine/__init__.py": ""})
        wheel.write_bytes(next((tmp_path / "one").glob("*.whl")).read_bytes())
        spec = Spec(pylock=lock_wheel(wheel, wheel.name), folder=wheel.parent, python=python)
        keys.add(Store.restore(store, spec).key)
    assert len(keys) == 1
