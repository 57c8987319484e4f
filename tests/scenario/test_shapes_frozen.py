"""No lock that counts: a folder with a requirements.txt, a plain venv, conda's, Poetry's, PDM's."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import tomli

from holdfast.uv import run_uv
from indexes import make_wheel
from kit import EXCLUDE_NEWER, answers, run, seal_of, surroundings

SAVE = 'mlflow.pyfunc.save_model("m", python_model=Answer(), input_example=example)'
NEEDED = ("mlflow-skinny", "pandas", "iniconfig==2.0.0")
BODY = "import helpers; return (model_input['x'] * helpers.scale).to_numpy()"


def pip_install(python, *wanted):
    newest = ["--exclude-newer", EXCLUDE_NEWER, "--exclude-newer-package", "gone=false"]
    run_uv(["pip", "install", "--quiet", *newest, "--python", python, *map(str, wanted)])


def packages_of(model):
    lock = tomli.loads((model / "pylock.toml").read_text(encoding="utf-8"))
    return {one["name"]: one for one in lock["packages"]}


def edges_of(packages):
    return {
        name: {to["name"] for to in packages[name].get("dependencies", ())} for name in packages
    }


@pytest.fixture
def trained(small_project, small_script, moved_all):
    """Train in a folder without uv's files: `trained(python, **files)`; the model it saved."""

    def train(project, python, script="train.py"):
        project.write(f"{Path(script).parent}/helpers.py", "scale = 6\n")
        project.write(script, small_script(BODY, SAVE))
        env = surroundings(**project.env)
        ran = run([str(python), str(project.folder / script)], cwd=project.folder, env=env)
        assert ran.code == 0, str(ran)
        return moved_all(project, "m")[0]

    return train


@pytest.mark.slow
def test_a_plain_venv_and_requirements(small_project, trained, holdfast, rows, proven, tmp_path):
    cell = proven("shapes", "requirements.txt and a plain venv")
    project = small_project()
    project.write("requirements.txt", "\n".join(NEEDED))
    python = project.folder / "env" / "bin" / "python"
    made = run([project.python, "-m", "venv", "--without-pip", "env"], cwd=project.folder)
    assert made.code == 0, str(made)
    kept = make_wheel(tmp_path / "kept", {"kept/__init__.py": ""}, name="kept")
    gone = make_wheel(tmp_path / "gone", {"gone/__init__.py": ""}, name="gone")
    pip_install(python, *NEEDED, project.wheel, kept, gone)
    gone.unlink()
    model = trained(project, python, "jobs/train.py")
    kept.unlink()

    seal = seal_of(model)
    assert seal["grade"] == "frozen"
    first, second = seal["reasons"]
    assert "no uv project was found" in first
    assert second.endswith("lacks it: gone 1.0")
    packages = packages_of(model)
    assert packages["iniconfig"]["version"] == "2.0.0"
    assert not packages.keys() & {"holdfast", "gone", "uv"}
    assert [wheel["name"] for wheel in seal["wheels"]] == ["kept"]
    edges = edges_of(packages)
    assert {"numpy", "python-dateutil"} <= edges["pandas"]
    assert "pyyaml" in edges["mlflow-skinny"]
    assert answers(holdfast, model, rows) == ["18", "24"]
    assert holdfast.receipt(model)["matches"]
    # The edges are enough to find what may be left out.
    slim = holdfast("predict", model, "-i", rows, "--slim")
    assert slim.code == 0, str(slim)
    assert slim.out.split() == ["prediction", "18", "24"]
    cell["note"] = "frozen"


TOOLS = {
    "Poetry": '[tool.poetry]\nname = "old"\nversion = "1"\npackage-mode = false\n',
    "PDM": '[project]\nname = "old"\nversion = "1"\n[tool.pdm]\ndistribution = false\n',
    "uv": '[project]\nname = "old"\nversion = "1"\n',
}


@pytest.mark.slow
def test_projects_without_a_uv_lock(small_project, small_script, holdfast, moved_all, rows, proven):
    cells = [proven("shapes", f"{tool} project, no uv.lock", note="frozen") for tool in TOOLS]
    project = small_project()
    project.pyproject(*NEEDED)
    project.sync()
    for name in ("pyproject.toml", "uv.lock"):
        (project.folder / name).unlink()
    project.write("jobs/helpers.py", "scale = 6\n")
    for tool, text in TOOLS.items():
        project.write(f"by-{tool}.toml", text)
    saves = [
        line
        for tool in TOOLS
        for line in (
            f"os.rename('by-{tool}.toml', 'pyproject.toml')",
            SAVE.replace('"m"', f"'{tool}'"),
        )
    ]
    project.write("jobs/train.py", small_script(BODY, "\n".join(saves)))
    ran = project.train("jobs/train.py")
    assert ran.code == 0, str(ran)
    models = moved_all(project, *TOOLS)

    found = [seal_of(model) for model in models]
    assert [seal["grade"] for seal in found] == ["frozen"] * len(cells), [
        seal["reasons"] for seal in found
    ]
    assert [seal_of(model)["reasons"] for model in models] == [
        ["Poetry manages the project 'project', which has no uv.lock: holdfast migrate"],
        ["PDM manages the project 'old', which has no uv.lock: holdfast migrate"],
        ["the project 'old' has no uv.lock: uv lock"],
    ]
    for model in models:
        assert answers(holdfast, model, rows) == ["18", "24"]
    assert holdfast.receipt(models[0])["matches"]


@pytest.fixture
def conda(tmp_path):
    """A prefix laid out as conda does it: an interpreter of its own, and what conda knows of it."""
    real = Path(os.path.realpath(run_python_prefix()))
    prefix = tmp_path / "conda" / "envs" / "train"

    def left_out(folder, names):
        return {name for name in names if name in {"site-packages", "test", "__pycache__", "share"}}

    shutil.copytree(real, prefix, symlinks=True, copy_function=os.link, ignore=left_out)
    (prefix / "conda-meta").mkdir()
    for name, version, files in (
        ("python", "3.11.7", ["bin/python"]),
        ("openssl", "3.0.11", ["lib/libssl.so.3"]),
        ("libblas", "3.9.0", ["lib/libblas.so"]),
        ("six", "1.16.0", ["lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA"]),
    ):
        about = {"name": name, "version": version, "build": "0", "files": files}
        path = prefix / "conda-meta" / f"{name}-{version}-0.json"
        path.write_text(json.dumps(about), encoding="utf-8")
    return prefix


def run_python_prefix():
    from kit import real_python

    return Path(real_python()).resolve().parents[1]


@pytest.mark.slow
def test_a_prefix_of_condas(conda, small_project, trained, holdfast, rows, proven):
    cell = proven("shapes", "conda-like prefix")
    project = small_project()
    python = next((conda / "bin").glob("python3.*[0-9]"))
    pip_install(python, *NEEDED, "six==1.16.0", project.wheel)
    about = next(conda.glob("lib/python3*/site-packages/six-1.16.0.dist-info"))
    (about / "INSTALLER").write_text("conda\n")
    where = {"dir_info": {}, "url": "file:///croot/six_1676/work"}
    (about / "direct_url.json").write_text(json.dumps(where))
    model = trained(project, python)
    shutil.rmtree(conda)

    seal = seal_of(model)
    assert seal["grade"] == "frozen"
    assert seal["reasons"][1:] == [
        "conda alone brings libblas 3.9.0, openssl 3.0.11: restored without",
        "conda has built six: sealed as the index has that version",
    ]
    assert seal["distributions"]["six"]["record"] == ""
    assert packages_of(model)["six"]["version"] == "1.16.0"
    assert answers(holdfast, model, rows) == ["18", "24"]
    assert holdfast.receipt(model)["matches"]
    cell["note"] = "frozen"
