from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

from holdfast.project.discover import project_above
from holdfast.project.modules import own_modules


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory on `sys.path`; what a test imports is forgotten again."""
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace())
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    return folder


def write(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")


def found(project=None):
    return {one.name: (one.base.name, one.path) for one in own_modules(project)}


def imported(*names):
    importlib.invalidate_caches()
    for name in names:
        importlib.import_module(name)


def test_packages_namespaces_and_lone_modules(here):
    write(here, "zz_lone.py", "zz_pack/__init__.py", "zz_pack/inner.py", "zz_space/deep/one.py")
    write(here, "zz_not_imported.py")
    imported("zz_lone", "zz_pack.inner", "zz_space.deep.one")
    assert found() == {
        "zz_lone": ("here", "zz_lone.py"),
        "zz_pack": ("here", "zz_pack/__init__.py"),
        "zz_pack.inner": ("here", "zz_pack/inner.py"),
        "zz_space.deep.one": ("here", "zz_space/deep/one.py"),
    }


def test_what_lies_in_a_folder_that_is_not_its_own(here, monkeypatch):
    write(here, "env/pyvenv.cfg", "env/zz_venv.py", ".hidden/zz_hidden.py", "conda/zz_conda.py")
    write(here, "conda/conda-meta/history", "lib/site-packages/zz_installed.py", "src/zz_src.py")
    write(here.parent, "beside/zz_beside.py")
    for folder in ("env", ".hidden", "conda", "lib/site-packages", "src", "src/../../beside"):
        monkeypatch.syspath_prepend(here / folder)
    imported("zz_venv", "zz_hidden", "zz_conda", "zz_installed", "zz_src", "zz_beside")
    assert found() == {"zz_src": ("src", "zz_src.py")}
    (here.parent / "pyproject.toml").write_text("")
    assert found(project_above(here)).keys() == {"zz_src", "zz_beside"}


def test_nothing_is_asked_of_a_lazy_module_or_made_of_one_that_was_loaded_by_path(here):
    class Lazy(ModuleType):
        def __getattribute__(self, name):
            raise AssertionError(name)

    write(here, "zz_lazy.py", "zz_file.py")
    lazy = Lazy("zz_lazy")
    object.__getattribute__(lazy, "__dict__")["__file__"] = str(here / "zz_lazy.py")
    sys.modules["zz_lazy"] = lazy
    spec = importlib.util.spec_from_file_location("another_name", here / "zz_file.py")
    sys.modules["another_name"] = importlib.util.module_from_spec(spec)
    sys.modules["zz_none"] = None
    assert found() == {"zz_lazy": ("here", "zz_lazy.py")}
