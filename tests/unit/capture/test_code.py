from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest
import yaml
from mlflow.models import Model

from holdfast.capture import code
from holdfast.capture.code import with_own_code
from holdfast.capture.material import Material
from holdfast.project.settings import Settings
from holdfast.seal.grade import Grade
from indexes import make_wheel


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A program's folder, and a model's; what a test imports is forgotten again."""
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace())
    folder = tmp_path / "here"
    (folder / "model").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    return folder


def write(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")


def imported(*names):
    importlib.invalidate_caches()
    for name in names:
        importlib.import_module(name)


def copied(model, settings=Settings(), **flavors):  # noqa: B008 - frozen
    material = Material(settings=settings, grade=Grade.LOCKED)
    about = Model(flavors=flavors or {"python_function": {"loader_module": "m"}})
    material = with_own_code(model, material, about)
    found = (path for path in model.rglob("*") if path.is_file() and path.name != "MLmodel")
    return sorted(path.relative_to(model).as_posix() for path in found), material


def test_nothing_of_its_own_changes_nothing(here):
    assert copied(here / "model") == ([], Material(settings=Settings(), grade=Grade.LOCKED))
    assert not list((here / "model").iterdir())


def test_every_flavor_that_reads_code_is_told(here):
    write(here, "zz_lone.py")
    imported("zz_lone")
    flavors = {"python_function": {}, "native": {"code": None}, "other": {"data": "x"}}
    assert copied(here / "model", **flavors)[0] == ["code/zz_lone.py"]
    said = yaml.safe_load((here / "model" / "MLmodel").read_text())["flavors"]
    assert said == {
        "python_function": {"code": "code"},
        "native": {"code": "code"},
        "other": {"data": "x"},
    }


def test_what_the_user_gave_is_left_and_its_folder_is_used(here):
    write(here, "zz_given.py", "zz_pack/__init__.py", "zz_pack/more.py", "zz_new.py")
    write(here / "model", "src/zz_given.py", "src/zz_pack/__init__.py")
    imported("zz_given", "zz_pack.more", "zz_new")
    files, _ = copied(here / "model", python_function={"code": "src"})
    assert files == ["src/zz_given.py", "src/zz_new.py", "src/zz_pack/__init__.py"]


def test_what_a_wheel_brings_is_not_copied(here):
    write(here, "zz_pack/__init__.py", "zz_pack/half.py", "zz_space/a.py", "zz_space/b.py")
    wheels = here / "model" / "holdfast" / "wheels"
    make_wheel(wheels, {"zz_pack/__init__.py": "", "zz_1.0.data/purelib/zz_space/a.py": ""})
    imported("zz_pack", "zz_space.a", "zz_space.b")
    files, material = copied(here / "model")
    assert "code/zz_space/b.py" in files
    assert "code/zz_space/a.py" not in files
    assert material.grade is Grade.LOCKED
    imported("zz_pack.half")
    material = copied(here / "model")[1]
    assert material.grade is Grade.FROZEN
    assert material.reasons == (
        "imported, but not in the wheel of the package they belong to: zz_pack.half",
    )


def test_what_goes_along_of_a_package_and_of_a_namespace(here, monkeypatch):
    write(here, "zz_pack/__init__.py", "zz_pack/data/t.csv", "zz_pack/.env", "zz_pack/mlruns/x")
    write(here, "zz_pack/env/pyvenv.cfg", "zz_space/a.py", "zz_space/b.csv", "zz_space/p/c.csv")
    write(here, "zz_space/p/__init__.py", "zz_excluded.py")
    (here / "zz_pack" / "loop").symlink_to(here / "zz_pack")
    imported("zz_pack", "zz_space.a", "zz_excluded")
    files, material = copied(here / "model", Settings(exclude=("zz-excluded",)))
    assert files == [
        "code/zz_pack/__init__.py",
        "code/zz_pack/data/t.csv",
        "code/zz_space/a.py",
        "code/zz_space/p/__init__.py",
        "code/zz_space/p/c.csv",
    ]
    assert material.grade is Grade.LOCKED


def test_too_much_is_left_out_code_last(here, monkeypatch):
    monkeypatch.setattr(code, "_MOST_FILES", 2)
    write(here, "zz_pack/__init__.py", "zz_pack/a.csv", "zz_pack/b.csv", "zz_pack/z.py")
    imported("zz_pack")
    files, material = copied(here / "model")
    assert files == ["code/zz_pack/__init__.py", "code/zz_pack/z.py"]
    assert material.grade is Grade.FROZEN
    assert material.reasons[0].endswith("left out: zz_pack/a.csv, zz_pack/b.csv")


def test_a_module_whose_file_is_gone_is_said(here):
    write(here, "zz_gone.py")
    imported("zz_gone")
    (here / "zz_gone.py").unlink()
    files, material = copied(here / "model")
    assert files == []
    assert material.reasons == (
        "own code could not be read: zz_gone.py (No such file or directory)",
    )


def test_a_model_that_cannot_be_written_again_is_logged_all_the_same(here):
    write(here, "zz_lone.py")
    imported("zz_lone")
    (here / "model" / "MLmodel").mkdir()
    assert "own modules could not be copied" in copied(here / "model")[1].reasons[0]
