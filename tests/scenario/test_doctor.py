"""`holdfast doctor`: nothing is found in a healthy project, and each fault where it was planted."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tomli
import tomli_w

from kit import Holdfast, UvProject, made_once

GIT = str(shutil.which("git"))
SCRIPT = "import mlflow\nimport six\n\nprint(mlflow.__version__, six.__version__)\n"


@pytest.fixture(scope="module")
def healthy(
    new_project_in: Callable[..., UvProject], tmp_path_factory: pytest.TempPathFactory
) -> UvProject:
    """A project of which nothing is to be said; its folder is copied, its environment is shared."""

    def make(folder: Path) -> None:
        project = new_project_in(folder, own=True)
        # Its own environment stands beside it, so that the folder is quick to copy.
        project = replace(project, environment=folder / "environment")
        project.pyproject("mlflow-skinny", "six")
        project.write("train.py", SCRIPT)
        version = subprocess.run(
            [project.python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, check=True, text=True,
        ).stdout.strip()  # fmt: skip
        project.write(".python-version", f"{version}\n")
        project.write(".gitignore", ".venv/\n")
        project.sync()
        subprocess.run([GIT, "init", "--quiet", str(project.folder)], check=True)

    folder = made_once(tmp_path_factory.getbasetemp(), "healthy", make)
    project = new_project_in(tmp_path_factory.mktemp("unused"))
    return replace(project, folder=folder / "project", environment=folder / "environment")


@pytest.fixture
def project(healthy: UvProject, tmp_path: Path) -> UvProject:
    """A copy of the healthy project, to plant faults in; what is installed is shared."""
    folder = shutil.copytree(healthy.folder, tmp_path / "project", symlinks=True)
    return replace(healthy, folder=folder)


def doctor(project: UvProject, home: Path, *options: str, **env: str) -> tuple[int, dict]:
    command = Holdfast(home, home.parent, env={"UV_PROJECT_ENVIRONMENT": str(project.environment)})
    ran = command("doctor", project.folder, "--json", *options, **env)
    assert ran.code in {0, 1}, ran
    said = json.loads(ran.out)
    assert ran.code == (0 if said["healthy"] else 1)
    return ran.code, said


def names(said: dict) -> list[str]:
    return [one["name"] for one in said["findings"]]


def edit(project: UvProject, change: Callable[[dict], None], *, lock: bool = True) -> None:
    """Change pyproject.toml, and lock again."""
    path = project.folder / "pyproject.toml"
    document = tomli.loads(path.read_text())
    change(document)
    path.write_text(tomli_w.dumps(document))
    if lock:
        project.uv("lock", "--quiet")


def test_nothing_is_found_in_a_healthy_project(project, tmp_path):
    code, said = doctor(project, tmp_path / "home")
    assert (code, said["findings"], said["healthy"]) == (0, [], True)
    ran = Holdfast(
        tmp_path / "home", project.folder, env={"UV_PROJECT_ENVIRONMENT": str(project.environment)}
    )("doctor")
    assert ran.code == 0
    assert ran.out.strip().endswith("ready to seal, and to restore here")


def no_lock(project):
    (project.folder / "uv.lock").unlink()


def broken_lock(project):
    (project.folder / "uv.lock").write_text("version = ")


def stale_lock(project):
    edit(project, lambda one: one["project"]["dependencies"].append("toml"), lock=False)


def ignored_lock(project):
    project.write(".gitignore", ".venv/\nuv.lock\n")


def wrong_setting(project):
    edit(project, lambda one: one["tool"].update(holdfast={"extra": ["gpu"]}))


def no_such_extra(project):
    edit(project, lambda one: one["tool"].update(holdfast={"extras": ["gpu"]}))


def no_pin(project):
    (project.folder / ".python-version").unlink()


def other_pin(project):
    project.write(".python-version", "3.12\n" if "3.12" not in project.python else "3.11\n")


def absent_python(project):
    project.write(".python-version", "3.99\n")


def drift(project):
    edit(project, lambda one: one["project"]["dependencies"].append("six<1.17"))


def stray(project):
    edit(project, lambda one: one["project"]["dependencies"].remove("six"))


def developers_tool(project):
    edit(project, lambda one: one["project"]["dependencies"].append("pytest"))


def wheels_for_some(project):
    edit(project, lambda one: one["project"]["dependencies"].append("uvloop"))


def unused(project):
    edit(project, lambda one: one["project"]["dependencies"].append("packaging"))


def undeclared(project):
    project.write("train.py", f"import yaml\n{SCRIPT}")


def undeclared_in_a_notebook(project):
    cell = {"cell_type": "code", "source": ["%matplotlib inline\n", "import yaml\n"]}
    project.write("look.ipynb", json.dumps({"cells": [cell]}))


def branch_of_git(project):
    upstream = project.folder.parent / "upstream"
    upstream.mkdir()
    (upstream / "pyproject.toml").write_text(
        '[project]\nname = "up"\nversion = "1"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    (upstream / "up.py").write_text("")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "up")):
        who = ("-c", "user.name=up", "-c", "user.email=up@example.org")
        subprocess.run([GIT, *who, "-C", str(upstream), *arguments], check=True)

    def change(one):
        one["dependency-groups"] = {"extra": ["up"]}
        one["tool"]["uv"]["sources"]["up"] = {"git": upstream.as_uri(), "branch": "main"}

    edit(project, change)


def index(project, **more):
    folder = project.folder / "index"
    folder.mkdir(exist_ok=True)

    def change(one):
        one["tool"]["uv"]["index"] = [{"name": "own", "url": "index", "format": "flat", **more}]

    edit(project, change)


def plain_http(project):
    def change(one):
        one["tool"]["uv"]["index"] = [
            {"name": "own", "url": "http://index.example/simple", "explicit": True}
        ]

    edit(project, change)


def strategy(project):
    edit(project, lambda one: one["tool"]["uv"].update({"index-strategy": "unsafe-best-match"}))


def password(project):
    project.write("requirements.txt", "--index-url https://ada:s3cr3t@index.example/simple\n")


def password_in_ci(project):
    project.write(
        ".github/workflows/ci.yml", "run: pip install -i https://u:tok123@index.example/s\n"
    )


def too_new_uv(project):
    edit(project, lambda one: one["tool"]["uv"].update({"required-version": ">=99"}), lock=False)


PLANTED = [
    (no_lock, "lock-missing"),
    (broken_lock, "lock-unreadable"),
    (stale_lock, "lock-stale"),
    (ignored_lock, "lock-ignored"),
    (wrong_setting, "settings"),
    (no_such_extra, "lock-incomplete"),
    (no_pin, "python-unpinned"),
    (other_pin, "python-differs"),
    (absent_python, "python-absent"),
    (drift, "drift"),
    (stray, "strays"),
    (developers_tool, "dev-in-production"),
    (wheels_for_some, "platform"),
    (unused, "unused"),
    (undeclared, "undeclared"),
    (undeclared_in_a_notebook, "undeclared"),
    (branch_of_git, "git-unpinned"),
    (index, "index-not-explicit"),
    (plain_http, "index-plain-http"),
    (strategy, "index-strategy"),
    (password, "credentials"),
    (password_in_ci, "credentials"),
    (too_new_uv, "uv"),
]
# What a fault brings along: it cannot be otherwise.
ALSO = {
    "no_lock": set(),
    "other_pin": {"python-absent"},
    "absent_python": {"python-differs", "lock-unchecked"},
    "stray": {"undeclared"},
    "developers_tool": {"drift"},
    "wheels_for_some": {"drift"},
    "too_new_uv": {"lock-unchecked", "python-absent"},
}


@pytest.mark.parametrize(("plant", "name"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_fault_is_found_where_it_was_planted(project, tmp_path, plant, name):
    plant(project)
    _, said = doctor(project, tmp_path / "home")
    assert name in names(said), said
    assert set(names(said)) - {name} <= ALSO.get(plant.__name__, set()), said
    assert all(one["fix"] and one["message"] for one in said["findings"])
    assert "s3cr3t" not in json.dumps(said)
    assert "tok123" not in json.dumps(said)


def test_what_a_variable_stands_for_is_no_secret(project, tmp_path):
    project.write(
        "Dockerfile", "RUN pip install -i https://${USER}:${TOKEN}@index.example/simple\n"
    )
    project.write(
        ".github/workflows/ci.yml", "run: pip -i https://${{ secrets.X }}@index.example/\n"
    )
    assert names(doctor(project, tmp_path / "home")[1]) == []


def test_what_is_safe_is_mended(project, tmp_path):
    no_pin(project)
    stale_lock(project)
    project = replace(project, environment=project.folder / ".venv")
    code, said = doctor(project, tmp_path / "home", "--fix")
    assert code == 0, said
    assert names(said) == ["unused"]  # nobody imports it: to say so is all that is safe
    assert {"lock-stale", "python-unpinned", "not-installed"} <= {
        one["name"] for one in said["fixed"]
    }
    assert (project.folder / ".python-version").is_file()
    assert (project.folder / ".venv").is_dir()
    again = doctor(project, tmp_path / "home", "--fix")[1]
    assert again["fixed"] == []


def test_nothing_is_written_without_being_asked(project, tmp_path):
    stale_lock(project)
    before = {path: path.read_bytes() for path in project.folder.iterdir() if path.is_file()}
    doctor(project, tmp_path / "home")
    assert {p: p.read_bytes() for p in project.folder.iterdir() if p.is_file()} == before


def test_warnings_fail_where_they_are_to(project, tmp_path):
    no_pin(project)
    command = Holdfast(
        tmp_path / "home", tmp_path, env={"UV_PROJECT_ENVIRONMENT": str(project.environment)}
    )
    assert command("doctor", project.folder).code == 0
    ran = command("doctor", project.folder, "--fail-on", "warning")
    assert ran.code == 1
    assert "uv python pin" in ran.out


def test_a_folder_without_a_project_is_said(tmp_path):
    ran = Holdfast(tmp_path / "home", tmp_path)("doctor", tmp_path)
    assert ran.code == 2
    assert "no pyproject.toml is there or above" in ran.err
    assert "holdfast migrate" in ran.err


def test_a_store_that_others_can_write_to(project, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    _, said = doctor(project, home)
    assert "store" in names(said)
    assert home.stat().st_mode & 0o777 == 0o777


def test_an_environment_without_holdfast_seals_nothing(project, tmp_path):
    edit(project, lambda one: one["project"].update(dependencies=["six"]))
    project.write("train.py", "import six\n")
    project = replace(project, environment=project.folder / ".venv")
    project.sync()
    _, said = doctor(project, tmp_path / "home")
    assert names(said) == ["mlflow-missing", "holdfast-missing"]


def test_another_project_of_that_name_is_told(project, tmp_path):
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "pyproject.toml").write_text(
        '[project]\nname = "holdfast"\nversion = "9.0"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    (stranger / "holdfast.py").write_text("")

    def change(one):
        one["project"].update(dependencies=["holdfast", "six"])
        one["tool"]["uv"]["sources"]["holdfast"] = {"path": str(stranger)}

    edit(project, change)
    project.write("train.py", "import six\n")
    project = replace(project, environment=project.folder / ".venv")
    project.sync()
    _, said = doctor(project, tmp_path / "home")
    assert names(said) == ["mlflow-missing", "holdfast-stranger"]
