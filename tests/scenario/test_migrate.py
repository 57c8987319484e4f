"""`holdfast migrate`: other tools' projects, each made one that syncs, imports, seals `locked`.

The projects are in tests/projects/migrate, as their users left them, each with its quirks.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tomli

from holdfast.uv import run_uv
from indexes import PASSWORD, USER, make_wheel, serving
from kit import Ran, made_once, real_python, run, seal_of, surroundings

PROJECTS = Path(__file__).parents[1] / "projects" / "migrate"
GIT = str(shutil.which("git"))
LOG = """
import sys

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema


class Double(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"] * 2


columns = Schema([ColSpec("double", "x")])
mlflow.pyfunc.save_model(
    sys.argv[1],
    python_model=Double(),
    input_example=pd.DataFrame({"x": [0.5, 2.0]}),
    signature=ModelSignature(inputs=columns, outputs=Schema([ColSpec("double")])),
)
"""


@dataclass(frozen=True)
class Expected:
    """What a migration has to come to.

    Attributes:
        locked: Versions that were locked before, and must be still.
        asked: Lines of `[project] dependencies`, besides Holdfast.
        groups: Dependency groups.
        put_by: Files that nobody needs any more.
        notes: Pieces of what is said.
        imported: Modules that the new environment was seen to import.
    """

    locked: dict[str, str]
    asked: set[str]
    put_by: set[str]
    imported: set[str]
    notes: tuple[str, ...] = ()
    groups: dict[str, list] = field(default_factory=dict)


QUICK = {
    "pip-freeze": Expected(
        locked={"attrs": "23.1.0", "six": "1.16.0", "pandas": "3.1.1", "numpy": "2.4.6"},
        asked={
            "attrs==23.1.0", "idna", "numpy==2.4.6", "pandas==3.1.1",
            "python-dateutil==2.9.0.post0", "six==1.16.0",
        },
        put_by={"requirements.txt"},
        imported={"attr", "idna", "pandas", "six"},
        notes=("idna came from /croot/idna_1714398848350/work, which is not here",),
    ),
    "poetry": Expected(
        locked={"attrs": "23.1.0", "click": "8.1.7", "six": "1.16.0", "iniconfig": "2.0.0"},
        asked={
            "six>=1.15,<2", "attrs>=22 ; python_full_version >= '3.8'",
            "attrs<22 ; python_full_version < '3.8'", "pandas",
        },
        groups={"dev": ["iniconfig>=2,<3"], "docs": ["toml"]},
        put_by={"poetry.lock"},
        imported={"attr", "pandas", "six"},
    ),
    "conda-export": Expected(
        locked={
            "attrs": "23.1.0", "msgpack": "1.1.0", "numpy": "2.4.6", "pandas": "3.1.1",
            "python-dateutil": "2.9.0.post0", "six": "1.16.0", "click": "8.1.7",
        },
        asked={
            "attrs", "click==8.1.7", "msgpack", "numpy", "pandas", "python-dateutil", "six",
            "toml==0.10.2",
        },
        put_by={"environment.yml"},
        imported={"attr", "click", "msgpack", "pandas", "six", "toml"},
        notes=(
            "channels are conda's (defaults)", "msgpack-python is called msgpack",
            "_libgcc_mutex, _openmp_mutex, blas", "environment.yml is an export",
        ),
    ),
    "setup-py": Expected(
        locked={},
        asked={"attrs>=22", "pandas", "six>=1.15"},
        groups={"dev": ["iniconfig"]},
        put_by={"requirements-dev.txt"},
        imported={"attr", "pandas", "six"},
        notes=("setuptools still builds it", 'requires-python was ">=3.8", and is ">=3.10"'),
    ),
}  # fmt: skip
SLOW = {
    "pip-tools": Expected(
        locked={"attrs": "23.1.0", "click": "8.1.7", "iniconfig": "2.0.0"},
        asked={"attrs", "click<9", "pandas"},
        groups={"dev": ["iniconfig"]},
        put_by={
            "requirements.in", "requirements.txt", "dev-requirements.in", "dev-requirements.txt"
        },
        imported={"attr", "click", "pandas"},
    ),
    "pip-nested": Expected(
        locked={"idna": "3.7"},
        asked={"attrs>=22", "idna ; python_full_version >= '3.8'", "pandas",
               "toml ; sys_platform == 'win32'"},
        groups={"dev": ["iniconfig", {"include-group": "test"}], "test": ["pluggy>=1"]},
        put_by={
            "requirements.txt", "requirements/base.txt", "requirements/dev.txt",
            "requirements-test.txt", "constraints.txt",
        },
        imported={"attrs", "idna", "pandas"},
        notes=("Dockerfile, line 2, names requirements.txt",),
    ),
    "pip-hashes": Expected(
        locked={"six": "1.16.0", "toml": "0.10.2", "pandas": "3.1.1"},
        asked={"six==1.16.0", "toml==0.10.2", "pandas==3.1.1"},
        put_by={"requirements.txt"},
        imported={"six", "toml", "pandas"},
    ),
    "pip-editable": Expected(
        locked={},
        asked={"pandas", "units"},
        put_by={"requirements.txt"},
        imported={"pandas", "six"},
    ),
    "pipenv": Expected(
        locked={"six": "1.16.0", "click": "8.1.7", "toml": "0.10.2", "iniconfig": "2.0.0"},
        asked={"six", "click[]~=8.1", "toml ; python_version < '4'", "pandas", "measures"},
        groups={"dev": ["iniconfig"]},
        put_by={"Pipfile", "Pipfile.lock"},
        imported={"click", "measures", "pandas", "six", "toml"},
        notes=("train (python train.py)", "UV_INDEX_COMPANY_USERNAME"),
    ),
    "poetry-scripts": Expected(
        locked={"six": "1.16.0", "iniconfig": "2.0.0"},
        asked={"six (>=1.15,<2.0)", "pandas (>=2)", "moon"},
        groups={
            "dev": [{"include-group": "test"}, {"include-group": "maps"}],
            "test": ["iniconfig>=2.0,<3"],
            "maps": ["pluggy"],
        },
        notes=("the group maps is in dev now",),
        put_by={"poetry.lock", "poetry.toml"},
        imported={"moon", "pandas", "six"},
    ),
    "conda": Expected(
        locked={"click": "8.1.7"},
        asked={
            "attrs==23.1.*", "click==8.1.7", "idna>=3", "msgpack>=1", "pandas==3.*", "ruamel-yaml"
        },
        put_by={"environment.yml", "requirements.txt"},
        imported={"attr", "click", "idna", "msgpack", "pandas", "ruamel"},
        notes=("cudatoolkit has no wheel", "ffmpeg has no wheel", "put APPLES_KEY in a .env"),
    ),
    "conda-no-builds": Expected(
        locked={"attrs": "23.1.0", "numpy": "2.4.6", "pandas": "3.1.1", "six": "1.16.0"},
        asked={"attrs", "numpy", "pandas", "six"},
        put_by={"environment.yaml"},
        imported={"attr", "pandas", "six"},
    ),
    "conda-history": Expected(
        locked={},
        asked={"attrs>=22,<24", "pandas", "six==1.16.*"},
        put_by={"environment.yml"},
        imported={"attr", "pandas", "six"},
    ),
    "setup-cfg": Expected(
        locked={"attrs": "23.1.0", "six": "1.16.0"},
        asked={"attrs", "pandas", 'importlib-metadata; python_version < "3.8"', "six==1.16.0"},
        put_by={"requirements.txt"},
        imported={"attr", "pandas"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def program(holdfast_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holdfast as somebody has it who migrates: in an environment of its own, from the wheel."""

    def make(folder: Path) -> None:
        run_uv(["venv", "--quiet", "--python", real_python(), str(folder / "tool")])
        python = folder / "tool" / "bin" / "python"
        wheel = shutil.copy(holdfast_wheel, folder)
        run_uv(["pip", "install", "--quiet", "--python", str(python), f"{wheel}[migrate]"])

    return made_once(tmp_path_factory.getbasetemp(), "migrate", make) / "tool/bin/holdfast"


@pytest.fixture
def migrate(program: Path) -> Callable[..., Ran]:
    """`holdfast migrate` on a folder."""

    def command(folder: Path, *options: str, **env: str) -> Ran:
        return run(
            [str(program), "migrate", str(folder), *options],
            cwd=folder.parent,
            env=surroundings(**env),
        )

    return command


def copy_of(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECTS / name, tmp_path / name))


def applied(ran: Ran) -> dict:
    assert ran.code == 0, ran
    said: dict = json.loads(ran.out)
    return said


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def versions(folder: Path) -> dict[str, str]:
    lock = tomli.loads((folder / "uv.lock").read_text())
    return {one["name"]: one.get("version", "") for one in lock["package"]}


def check_sealed(folder: Path, tmp_path: Path, **env: str) -> None:
    """A model that is logged in the project is sealed as `locked`."""
    script = folder / "log_it.py"
    script.write_text(LOG)
    model = tmp_path / "model"
    ran = run(
        [str(folder / ".venv/bin/python"), str(script), str(model)],
        cwd=folder, env=surroundings(**env),
    )  # fmt: skip
    assert ran.code == 0, ran
    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]


def check(name: str, want: Expected, migrate: Callable[..., Ran], tmp_path: Path) -> None:
    folder = copy_of(name, tmp_path)
    before = files(folder)
    said = applied(migrate(folder, "--apply", "--json"))

    pyproject = tomli.loads((folder / "pyproject.toml").read_text())
    assert set(pyproject["project"]["dependencies"]) == want.asked | {"holdfast"}
    assert pyproject.get("dependency-groups", {}) == want.groups
    locked = versions(folder)
    assert {package: locked[package] for package in want.locked} == want.locked
    assert set(said["put_by"]) == want.put_by
    for path in want.put_by:
        assert not (folder / path).exists()
        assert (folder / f"{path}.before-uv").read_bytes() == before[path]
    assert set(said["proof"]["imported"]) == want.imported
    assert (said["proof"]["failed"], said["proof"]["moved"]) == ({}, [])
    for piece in want.notes:
        assert any(piece in note for note in said["notes"]), said["notes"]
    run_uv(["lock", "--check", "--quiet"], cwd=folder)
    check_sealed(folder, tmp_path)


@pytest.mark.parametrize("name", QUICK)
def test_it_syncs_imports_and_seals(name, migrate, tmp_path):
    check(name, QUICK[name], migrate, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_it_syncs_imports_and_seals_too(name, migrate, tmp_path):
    check(name, SLOW[name], migrate, tmp_path)


def test_every_project_is_tried():
    private = {"pip-private"}
    assert {path.name for path in PROJECTS.iterdir()} == {*QUICK, *SLOW, *private}


def test_a_private_index_is_bound_and_its_password_goes_nowhere(migrate, tmp_path):
    folder = copy_of("pip-private", tmp_path)
    make_wheel(tmp_path / "index", {"houseprices.py": "PRICES = [3]\n"}, name="houseprices",
               version="1.2")  # fmt: skip
    make_wheel(tmp_path / "index", {"data_of_it.py": ""}, name="houseprices_data")
    with serving(tmp_path / "index", user=USER, password=PASSWORD) as index:
        written = (folder / "requirements.txt").read_text()
        old = f"https://{USER}:{PASSWORD}@index.example/simple/"
        assert old in written
        (folder / "requirements.txt").write_text(written.replace(old, index.url_with_password))
        ran = migrate(folder, "--apply", "--json")
        said = applied(ran)
        assert PASSWORD not in ran.out + ran.err
        with_password = {path for path, text in files(folder).items() if PASSWORD.encode() in text
                         and not path.startswith(".venv")}  # fmt: skip
        assert with_password == {"requirements.txt.before-uv"}
        uv = tomli.loads((folder / "pyproject.toml").read_text())["tool"]["uv"]
        assert uv["index"] == [{"name": "127-0-0-1", "url": index.url, "explicit": True}]
        assert uv["sources"]["houseprices"] == {"index": "127-0-0-1"}
        assert uv["sources"]["houseprices-data"] == {"index": "127-0-0-1"}
        notes = "\n".join(said["notes"])
        assert "UV_INDEX_127_0_0_1_USERNAME" in notes
        assert "UV_INSECURE_HOST=other.example" in notes
        assert "127-0-0-1 is asked for houseprices, houseprices-data only" in notes
        check_sealed(
            folder, tmp_path,
            UV_INDEX_127_0_0_1_USERNAME=USER, UV_INDEX_127_0_0_1_PASSWORD=PASSWORD,
        )  # fmt: skip


def test_a_dry_run_shows_everything_and_writes_nothing(migrate, tmp_path):
    folder = copy_of("poetry", tmp_path)
    before = files(folder)
    ran = migrate(folder)
    assert ran.code == 0, ran
    assert files(folder) == before
    for line in (
        "--- a/pyproject.toml", "-[tool.poetry]", "+[project]", '+cli = ["click>=8.1,<9"]',
        "+++ b/.python-version", "poetry.lock becomes poetry.lock.before-uv",
        " line-length = 99 # not 88", "nothing is written; --apply does it",
    ):  # fmt: skip
        assert line in ran.out.splitlines(), ran


def test_what_the_old_environment_imported_and_the_new_one_does_not(migrate, tmp_path):
    folder = tmp_path / "fading"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six\n")
    code = "import six\nimport toml\nimport never_there\n"
    (folder / "train.py").write_text(code)
    run_uv(["venv", "--quiet", "--python", real_python(), str(folder / "venv")])
    python = folder / "venv" / "bin" / "python"
    run_uv(["pip", "install", "--quiet", "--python", str(python), "six", "toml"])
    ran = migrate(folder, "--apply", "--no-holdfast", "--json")
    assert ran.code == 1, ran
    proof = json.loads(ran.out)["proof"]
    assert proof["old"] == str(folder / "venv")
    assert proof["imported"] == ["six"]
    assert list(proof["failed"]) == ["toml"]
    assert "No module named 'toml'" in proof["failed"]["toml"]


def test_what_cannot_be_locked_changes_nothing(migrate, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six\nholdfast-no-such-package-anywhere\n")
    before = files(folder)
    ran = migrate(folder, "--apply", "--no-holdfast")
    assert ran.code == 3, ran
    assert "holdfast-no-such-package-anywhere" in ran.err
    assert "--without NAME" in ran.err
    assert files(folder) == before
    ran = migrate(folder, "--without", "holdfast-no-such-package-anywhere")
    assert ran.code == 0, ran
    assert '+    "six",' in ran.out
    assert "no-such-package-anywhere" not in ran.out


def test_uncommitted_changes_are_not_put_at_risk(migrate, tmp_path):
    folder = tmp_path / "dirty"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six\n")
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one")):
        subprocess.run([GIT, *who, "-C", str(folder), *arguments], check=True)
    (folder / "requirements.txt").write_text("six==1.16.0\n")
    ran = migrate(folder, "--apply", "--no-holdfast")
    assert ran.code == 2, ran
    assert "changes that are not committed" in ran.err
    assert not (folder / "pyproject.toml").exists()
    ran = migrate(folder, "--apply", "--no-holdfast", "--force")
    assert ran.code == 0, ran
    assert versions(folder)["six"] == "1.16.0"


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("notes.md", "hello", "there is nothing to migrate"),
        ("pyproject.toml", "[project]\nname='a'\nversion='1'\n[tool.uv]\n", "a uv project already"),
        ("pyproject.toml", "[project\n", "is not TOML"),
        ("requirements.txt", "six=1.16\n", "requirements.txt, line 1: six=1.16"),
        ("requirements.txt", "-r gone.txt\n", "gone.txt"),
        ("environment.yml", "dependencies: 3\n", "no environment of conda's"),
        ("environment.yml", "dependencies: ['a b c d e']\n", "'a b c d e' is not understood"),
        ("Pipfile", "[packages\n", "Pipfile cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(path, text, words, migrate, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / path).write_text(text)
    ran = migrate(folder, "--apply")
    assert ran.code == 2, ran
    assert words in ran.err
    assert str(tmp_path / "holdfast-migrate") not in ran.err
    assert set(files(folder)) == {path}


def test_a_folder_that_is_named_as_what_it_needs(migrate, tmp_path):
    folder = tmp_path / "six"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six\n")
    # A workspace around it is not touched, nor taken for the project's own.
    around = '[project]\nname = "around"\nversion = "1"\n[tool.uv.workspace]\nmembers = ["six"]\n'
    (tmp_path / "pyproject.toml").write_text(around)
    ran = migrate(folder, "--no-holdfast")
    assert ran.code == 0, ran
    assert '+name = "six-project"' in ran.out
    assert (tmp_path / "pyproject.toml").read_text() == around


@pytest.mark.parametrize(("option", "kept"), [((), True), (("--upgrade",), False)])
def test_versions_are_kept_unless_they_are_not_wanted(option, kept, migrate, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "requirements.in").write_text("six\n")
    (folder / "requirements.txt").write_text("six==1.15.0\n    # via -r requirements.in\n")
    applied(migrate(folder, "--apply", "--json", "--no-holdfast", *option))
    assert (versions(folder)["six"] == "1.15.0") is kept
    assert "constraint-dependencies" not in (folder / "pyproject.toml").read_text()
