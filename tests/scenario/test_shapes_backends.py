"""First-party code by every usual build backend, dynamic versions, namespaces, compiled code."""

from __future__ import annotations

import shutil

import pytest
import tomli

from kit import answers, seal_of

HATCHLING = 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = 'requires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
UV = 'requires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n'
MATURIN = 'requires = ["maturin>=1.9,<2", "cffi"]\nbuild-backend = "maturin"\n'
HEAD = '[project]\nname = "{name}"\nrequires-python = ">=3.10"\n{more}\n'
FIXED, DYNAMIC = 'version = "0.3"', 'dynamic = ["version"]'

# The name, the version, the backend's part of a pyproject.toml, and the files.
BACKENDS = {
    "hatchling, dynamic version": (
        "by_hatchling",
        DYNAMIC,
        HATCHLING + '[tool.hatch.version]\npath = "src/by_hatchling/__init__.py"\n',
        {"src/by_hatchling/__init__.py": '__version__ = "0.3"\nfactor = 2\n'},
    ),
    "setuptools, dynamic version": (
        "by_setuptools",
        DYNAMIC,
        SETUPTOOLS
        + '[tool.setuptools.dynamic]\nversion = { attr = "by_setuptools.__version__" }\n',
        {"by_setuptools/__init__.py": '__version__ = "0.3"\nfactor = 3\n'},
    ),
    "uv_build": (
        "by_uv",
        FIXED,
        UV,
        {"src/by_uv/__init__.py": "factor = 5\n"},
    ),
}
NAMESPACE = HATCHLING + '[tool.hatch.build.targets.wheel]\npackages = ["src/acme"]\n'


def write_member(project, name, version, backend, files):
    folder = f"packages/{name}"
    project.write(
        f"{folder}/pyproject.toml",
        f"{HEAD.format(name=name, more=version)}[build-system]\n{backend}",
    )
    for path, text in files.items():
        project.write(f"{folder}/{path}", text)


def log_from_a_workspace(project, small_script, body, *members):
    project.pyproject(
        "mlflow-skinny",
        "pandas",
        *members,
        tool_uv={
            "workspace": {"members": ["packages/*"]},
            "sources": {name: {"workspace": True} for name in members},
        },
    )
    project.write("jobs/train.py", small_script(body))
    project.sync()
    ran = project.train("jobs/train.py", cwd="jobs")
    assert ran.code == 0, str(ran)


@pytest.mark.slow
def test_backends_and_namespaces(small_project, small_script, holdfast, moved, rows, proven):
    shapes = [*BACKENDS, "implicit namespace package across two members"]
    cells = [proven("shapes", shape) for shape in shapes]
    project = small_project()
    for name, *about in BACKENDS.values():
        write_member(project, name, *about)
    for part in ("left", "right"):
        write_member(project, part, FIXED, NAMESPACE, {f"src/acme/{part}.py": "factor = 7\n"})
    members = [*(name for name, *_ in BACKENDS.values()), "left", "right"]
    body = (
        "import acme.left, acme.right, by_hatchling, by_setuptools, by_uv;"
        "factor = by_hatchling.factor * by_setuptools.factor * by_uv.factor;"
        "return (model_input['x'] * factor * acme.left.factor * acme.right.factor).to_numpy()"
    )
    log_from_a_workspace(project, small_script, body, *members)
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    wheels = {wheel["name"]: wheel["version"] for wheel in seal["wheels"]}
    assert wheels == dict.fromkeys((name.replace("_", "-") for name in members), "0.3")
    locked = tomli.loads((model / "pylock.toml").read_text(encoding="utf-8"))
    versions = {one["name"]: one["version"] for one in locked["packages"]}
    assert versions.items() >= wheels.items()
    assert not (model / "code").exists()
    assert answers(holdfast, model, rows) == ["4410", "5880"]
    assert holdfast.receipt(model)["matches"]
    for cell in cells:
        cell["note"] = seal["grade"]


C_SOURCE = """
#include <Python.h>
static PyObject *factor(PyObject *self, PyObject *none) { return PyLong_FromLong(11); }
static PyMethodDef methods[] = {{"factor", factor, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "compiled", "", -1, methods};
PyMODINIT_FUNC PyInit_compiled(void) { return PyModule_Create(&module); }
"""
RUST_SOURCE = """
#[no_mangle]
pub extern "C" fn factor() -> i64 { 11 }
"""
CARGO = (
    '[package]\nname = "compiled"\nversion = "0.3.0"\nedition = "2021"\n'
    '[lib]\ncrate-type = ["cdylib"]\n'
)
COMPILED = {
    "setuptools with a C extension": (
        "cc",
        "compiled",
        SETUPTOOLS
        + '[[tool.setuptools.ext-modules]]\nname = "compiled"\nsources = ["compiled.c"]\n',
        {"compiled.c": C_SOURCE},
    ),
    "maturin": (
        "cargo",
        "compiled.lib",
        MATURIN + '[tool.maturin]\nbindings = "cffi"\n',
        {
            "Cargo.toml": CARGO,
            "src/lib.rs": RUST_SOURCE,
        },
    ),
}


@pytest.mark.slow  # a compiler runs
@pytest.mark.parametrize("shape", COMPILED)
def test_compiled_code_is_a_wheel_of_this_platform(
    shape, small_project, small_script, holdfast, moved, rows, proven
):
    compiler, module, backend, files = COMPILED[shape]
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on this machine")
    cell = proven("shapes", shape)
    project = small_project()
    write_member(project, "compiled", f'{FIXED}\ndependencies = ["cffi"]', backend, files)
    body = f"import compiled; return (model_input['x'] * {module}.factor()).to_numpy()"
    log_from_a_workspace(project, small_script, body, "compiled")
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    (wheel,) = seal["wheels"]
    assert not wheel["path"].endswith("-any.whl")
    assert answers(holdfast, model, rows) == ["33", "44"]
    assert holdfast.receipt(model)["matches"]
    cell["note"] = seal["grade"]
