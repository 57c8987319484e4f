"""A caller's surroundings never change a result: not the seal, not what it is restored to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from holdfast.uv import run_uv
from indexes import make_wheel, serving
from kit import Holdfast, answers, run, seal_of, surroundings

BODY = "import trainer; return (model_input['x'] * trainer.scale).to_numpy()"
SAVE = "mlflow.pyfunc.save_model(sys.argv[1], python_model=Answer(), input_example=example)"
EXPECTED = ["30", "40"]

# Every one of them makes uv do something else, or fail, where it is heeded.
OF_UV = {
    "UV_PROJECT": "/nowhere",
    "UV_WORKING_DIRECTORY": "/nowhere",
    "UV_PROJECT_ENVIRONMENT": "/nowhere",
    "UV_PYTHON": "3.9",
    "UV_CONFIG_FILE": "/nowhere/uv.toml",
    "UV_NO_CONFIG": "1",
    "UV_NO_BINARY": "1",
    "UV_NO_BUILD": "1",
    "UV_NO_SOURCES": "1",
    "UV_RESOLUTION": "lowest",
    "UV_PRERELEASE": "allow",
    "UV_FORK_STRATEGY": "fewest",
    "UV_EXCLUDE_NEWER": "2001-01-01T00:00:00Z",
    "UV_CONSTRAINT": "/nowhere/constraints.txt",
    "UV_OVERRIDE": "/nowhere/overrides.txt",
    "UV_BUILD_CONSTRAINT": "/nowhere/constraints.txt",
    "UV_FROZEN": "1",
    "UV_LOCKED": "1",
    "UV_NO_DEV": "1",
    "UV_NO_GROUP": "plots",
    "UV_NO_CACHE": "1",
    "UV_REQUIRE_HASHES": "1",
    "UV_TORCH_BACKEND": "cu128",
    "UV_INDEX_STRATEGY": "unsafe-best-match",
    "UV_LINK_MODE": "copy",
    "UV_COMPILE_BYTECODE": "1",
    "UV_SYSTEM_PYTHON": "1",
    "UV_ENV_FILE": "/nowhere/.env",
    "UV_OUTPUT_FORMAT": "json",
}
OF_PIP = {
    "PIP_NO_BINARY": ":all:",
    "PIP_CONSTRAINT": "/nowhere/constraints.txt",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_TARGET": "/nowhere",
}
STRANGER = """
[project]
name = "stranger"
version = "9"
requires-python = ">=3.13"
dependencies = ["never-heard-of"]

[tool.uv]
index-url = "http://127.0.0.1:1/simple"
no-build = true
"""


def without_dates(model):
    """A seal's own words, less those that differ between any two logs of one model."""
    seal = seal_of(model)
    seal.pop("created")
    # MLmodel has the time and an id; pickles, and pages of the seal, have the id or the date.
    moving = ("MLmodel", "python_model.pkl", "holdfast/model.html")
    seal["files"] = {name: one for name, one in seal["files"].items() if name not in moving}
    return seal


@pytest.fixture
def project(small_project, small_script):
    """A packaged project in a folder whose name has a space and an umlaut."""

    def make(name="project"):
        project = small_project(name)
        groups = {"plots": ["six==1.16.0"]}
        project.pyproject("mlflow-skinny", "pandas", packaged=True, **{"dependency-groups": groups})
        project.write("src/trainer/__init__.py", "scale = 10\n")
        project.write("jobs/train.py", small_script(BODY, SAVE))
        project.sync()
        return project

    return make


def log(project, target, **env):
    ran = project.train("jobs/train.py", target, **env)
    assert ran.code == 0, ran
    seal = seal_of(target)
    assert seal["grade"] == "locked", (seal["reasons"], ran.err)
    return without_dates(target)


@pytest.fixture
def plain(project, tmp_path):
    """The project, and what its seal says when it is logged with nothing in the way."""
    made = project("projekt für alle")
    return made, log(made, tmp_path / "plain")


@pytest.fixture
def decoys(tmp_path):
    """An index of strangers, and everything that could make uv or Python look there."""
    folder = tmp_path / "decoys"
    for name in ("pandas", "hatchling", "trainer", "mlflow_skinny"):
        make_wheel(folder, {f"{name}/__init__.py": "raise SystemExit(9)"}, name=name, version="99")
    with serving(folder) as index:
        yield {
            "UV_INDEX": index.url,
            "UV_DEFAULT_INDEX": index.url,
            "UV_INDEX_URL": index.url,
            "UV_EXTRA_INDEX_URL": index.url,
            "UV_FIND_LINKS": index.url,
            "PIP_INDEX_URL": index.url,
            "PIP_EXTRA_INDEX_URL": index.url,
        }


@pytest.fixture
def foreign(tmp_path):
    """Another project's folder, another environment, and startup files of another Python."""
    folder = tmp_path / "another project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(STRANGER)
    (folder / "uv.toml").write_text('index-url = "http://127.0.0.1:1/simple"\n')
    (folder / "startup.py").write_text("raise SystemExit(9)\n")
    (folder / "modules").mkdir()
    (folder / "modules" / "stranger.py").write_text("")
    venv = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    config = tmp_path / "config" / "uv"
    config.mkdir(parents=True)
    (config / "uv.toml").write_text('resolution = "lowest"\nprerelease = "allow"\n')
    return folder, {
        "VIRTUAL_ENV": str(venv),
        "CONDA_PREFIX": str(venv),
        "CONDA_DEFAULT_ENV": "other",
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "modules"),
        "PYTHONHOME": sys.base_prefix,
        "PYTHONSTARTUP": str(folder / "startup.py"),
        "XDG_CONFIG_HOME": str(config.parent),
        "GIT_DIR": "/nowhere",
        "LANG": "C",
    }


def test_variables_files_and_environments_of_others(
    plain, holdfast, decoys, foreign, rows, tmp_path, proven
):
    names = ("UV_* variables", "PIP_* variables", "indexes in variables", "user-level uv.toml")
    names += ("another project's pyproject.toml in the working directory", "LANG=C")
    cells = [
        proven("surroundings", name) for name in (*names, "another venv activated, PYTHONPATH")
    ]
    project, expected = plain
    elsewhere, others = foreign
    everything = {**OF_UV, **OF_PIP, **decoys, **others}
    # A home of its own: what is to be built is built here, whatever the variables say.
    everything["HOLDFAST_HOME"] = str(tmp_path / "home of logging")
    target = tmp_path / "modell für alle"
    ran = run(
        [str(project.interpreter), str(project.folder / "jobs" / "train.py"), str(target)],
        cwd=elsewhere,
        env=surroundings(**everything),
    )
    assert ran.code == 0, ran
    assert without_dates(target) == expected

    project.delete()
    far = Holdfast(home=tmp_path / "größe" / "home", folder=elsewhere, env=everything)
    # Python alone would not start with it in that project: its path is no ASCII.
    far.env["LC_ALL"] = "C"
    del far.env["PATH"]
    assert answers(far, target, rows) == EXPECTED
    receipt = far.receipt(target)
    assert receipt["matches"], receipt
    for cell in cells:
        cell["note"] = "same seal, same predictions"


# In a mount namespace of its own: folders read-only, for root too, and nobody known by name.
CONFINED = """
umask 077
mount --bind /dev/null /etc/passwd
for folder in "$1" "$2"; do
    mount --bind "$folder" "$folder" && mount -o remount,ro,bind "$folder" || exit 77
done
shift 2
exec "$@"
"""


def confined(*folders):
    """The beginning of a command that sees `folders` as read-only, and no user's name."""
    return ["unshare", "-m", "sh", "-c", CONFINED, "sh", *map(str, folders)]


@pytest.fixture(scope="module")
def _can_confine(tmp_path_factory):
    """Mounts take a privilege that not every container gives."""
    folder = tmp_path_factory.mktemp("confined")
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here: nothing can be made read-only for root")
    ran = run([*confined(folder, folder), "touch", str(folder / "x")], cwd=folder)
    if "Read-only file system" not in ran.err:
        pytest.skip(f"no mount namespaces here: {ran.err.strip()}")


@pytest.mark.slow  # setuptools builds twice
@pytest.mark.usefixtures("_can_confine")
def test_nothing_can_be_written_and_nobody_is_known(
    small_project, small_script, holdfast, rows, tmp_path, proven
):
    names = ("a read-only project", "a read-only model folder", "no HOME", "umask 077")
    cells = [proven("surroundings", name) for name in names]
    # setuptools writes beside the code that it builds.
    setuptools = {"requires": ["setuptools"], "build-backend": "setuptools.build_meta"}
    project = small_project("projekt für alle")
    project.pyproject("mlflow-skinny", "pandas", **{"build-system": setuptools})
    project.write("src/trainer/__init__.py", "scale = 10\n")
    project.write("jobs/train.py", small_script(BODY, SAVE))
    project.sync()
    expected = log(project, tmp_path / "plain", HOLDFAST_HOME=str(tmp_path / "home-of-logging"))
    assert not (project.folder / "build").exists()

    model = tmp_path / "modell für alle"
    env = surroundings(TMPDIR=str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    del env["HOME"]
    train = [str(project.interpreter), str(project.folder / "jobs" / "train.py"), str(model)]
    ran = run([*confined(project.folder, project.folder), *train], cwd=tmp_path, env=env)
    assert ran.code == 0, ran
    assert without_dates(model) == expected
    assert not (tmp_path / "~").exists()

    project.delete()
    env |= {"HOLDFAST_HOME": str(holdfast.home), "UV_CACHE_DIR": uv_cache()}
    command = [*confined(model, model), sys.executable, "-m", "holdfast"]
    ran = run([*command, "predict", str(model), "-i", str(rows)], cwd=tmp_path, env=env)
    assert (ran.code, ran.out.split()[1:]) == (0, EXPECTED), ran
    ran = run([*command, "verify", str(model), "--json"], cwd=tmp_path, env=env)
    assert json.loads(ran.out)["matches"], ran
    for cell in cells:
        cell["note"] = "same seal, same predictions"


def uv_cache():
    """uv's cache of this machine, which somebody without a home has to name."""
    return run_uv(["cache", "dir"]).strip()
