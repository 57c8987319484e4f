"""`holdfast init`: what it makes, where it refuses, and how a project follows its template."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from holdfast import own
from holdfast.cli.init import command
from holdfast.cli.render import Screen
from holdfast.errors import InputError, MismatchError
from holdfast.start import catalogue
from holdfast.start.init import init, update
from holdfast.start.published import publish
from kit import REPOSITORY, run, surroundings

TEMPLATES = sorted(catalogue.list_templates())
SOURCE = REPOSITORY / "src" / "holdfast" / "start" / "templates"
ANSWERS = ".copier-answers.yml"
FEATURES = "tabular/project/src/{{ package }}/features.py"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A User", "-c", "user.email=user@example.org"]
    ran = run(["git", *identity, *arguments], cwd=folder)
    assert ran.code == 0, ran
    return ran.out


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "all")


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """A user's home of its own, with Holdfast's folder where it is by default."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HOLDFAST_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """Make this Holdfast another version, whose templates have another text somewhere."""

    def become(version: str, path: str = "", old: str = "", new: str = "") -> None:
        templates = tmp_path / f"templates-{version}"
        shutil.copytree(catalogue._TEMPLATES, templates)
        if path:
            text = (templates / path).read_text()
            assert old in text
            (templates / path).write_text(text.replace(old, new))
        monkeypatch.setattr(catalogue, "_TEMPLATES", templates)
        monkeypatch.setattr(own, "version", lambda: version)

    return become


def test_the_command_says_what_there_is_and_what_comes_next(tmp_path):
    line = [sys.executable, "-m", "holdfast", "init"]
    listed = run([*line, "--list"], cwd=tmp_path)
    assert [line.split()[0] for line in listed.out.splitlines()] == TEMPLATES
    assert {"tabular", "pyfunc"} <= set(TEMPLATES)
    asked = json.loads(run([*line, "--list", "--json"], cwd=tmp_path).out)
    assert {"project", "package", "python"} <= set(asked["tabular"]["asks"])

    made = run([*line, "a place/My-Model"], cwd=tmp_path)
    assert (made.code, made.err) == (0, ""), made
    assert "  cd 'a place/My-Model'\n  uv sync" in made.out
    project = tmp_path / "a place" / "My-Model"
    assert (project / "src" / "my_model" / "train.py").is_file()
    assert (project / ".git").is_dir()
    assert not list(project.rglob("*.jinja"))

    again = run([*line, "a place/My-Model"], cwd=tmp_path)
    assert (again.code, again.out) == (2, ""), again
    assert "is not empty" in again.err
    assert run([*line], cwd=tmp_path).code == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("7up", "'7up' is no name for a project"),
        ("été", "'été' is no name for a project"),
        ("a b", "'a b' is no name for a project"),
        ("ends-", "'ends-' is no name for a project"),
        ("class", "'class' is no name for a Python package"),
        ("MLflow", "'mlflow' is a module's name already"),
        ("json", "'json' is a module's name already"),
    ],
)
def test_names_that_cannot_be(tmp_path, name, said):
    with pytest.raises(InputError, match=said):
        init(tmp_path / name, "tabular")
    assert not (tmp_path / name).exists()


def test_answers_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match="there is no template 'tabuler'; expected "):
        init(tmp_path / "one", "tabuler")
    with pytest.raises(InputError, match="does not ask for color; it asks for project, package"):
        init(tmp_path / "one", "tabular", answers={"color": "blue"})
    for python in ("2.7", "3.9", "three", "3.12; evil"):
        with pytest.raises(InputError, match=r"expected 3\.10 or newer"):
            init(tmp_path / "one", "tabular", python=python)
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_made_parses_and_names_nobodys_machine(tmp_path, template):
    project = init(tmp_path / "one", template, answers={"holdfast_source": ""}).folder
    files = [path for path in project.rglob("*") if path.is_file() and ".git" not in path.parts]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert str(tmp_path) not in text, path
        assert "{{" not in text, path
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        if path.suffix in {".yml", ".yaml"}:
            assert yaml.safe_load(text), path
    answers = yaml.safe_load((project / ANSWERS).read_text())
    assert answers["_src_path"] == f"~/.cache/holdfast/templates/{template}"
    for name in (".gitignore", ".pre-commit-config.yaml", ".python-version", "Dockerfile"):
        assert (project / name).is_file()


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_runs_nothing(template):
    settings = yaml.safe_load(catalogue.read_template(template)["copier.yml"])
    private = {key for key in settings if key.startswith("_")}
    assert private <= {"_min_copier_version", "_subdirectory", "_envops", "_exclude"}


def test_a_project_inside_a_repository_gets_none_of_its_own(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert not (init(tmp_path / "one", "tabular").folder / ".git").exists()


def test_the_same_version_is_the_same_commit_on_every_machine(tmp_path, monkeypatch):
    seen = set()
    for name in ("here", "there"):
        monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / name))
        one = publish("tabular")
        assert publish("tabular") == one
        seen.add(git(one.repository, "rev-parse", one.version))
        # What a user's git is set to does not count.
        (tmp_path / ".gitconfig").write_text("[core]\nautocrlf = true\n[commit]\ngpgsign = true\n")
    assert len(seen) == 1


def test_other_files_under_the_same_version_are_another_one(newer):
    ours = own.version()
    assert publish("tabular").version == ours
    newer(ours, "tabular/project/tests/test_train.py.jinja", "0.8", "0.7")
    assert publish("tabular").version == f"{ours}+2"
    assert publish("pyfunc").version == ours


def test_an_update_merges_what_changed_on_both_sides(tmp_path, newer):
    newer("1.0")
    project = init(tmp_path / "one", "tabular").folder
    commit(project)
    readme, features = project / "README.md", project / "src" / "one" / "features.py"
    readme.write_text(readme.read_text().replace("# one\n", "# One and only\n"))
    (project / "notebooks" / "look.ipynb").unlink()
    commit(project)
    newer("2.0", FEATURES, "Columns made", "New columns made")

    made = update(project)
    assert (made.version, made.conflicts) == ("2.0", ())
    assert readme.read_text().startswith("# One and only\n")
    assert "New columns made" in features.read_text()
    assert not (project / "notebooks" / "look.ipynb").exists()
    answers = yaml.safe_load((project / ANSWERS).read_text())
    assert (answers["_commit"], answers["holdfast_version"]) == ("2.0", "2.0")
    commit(project)
    assert update(project).version == "2.0"
    assert git(project, "status", "--porcelain") == ""


def test_copiers_own_command_updates_it(tmp_path, newer):
    newer("1.0")
    project = init(tmp_path / "one", "tabular").folder
    commit(project)
    newer("2.0", FEATURES, "Columns made", "New columns made")
    publish("tabular")
    ran = run([sys.executable, "-m", "copier", "update", "--defaults"], cwd=project)
    assert ran.code == 0, ran
    assert "New columns made" in (project / "src" / "one" / "features.py").read_text()


def test_a_line_that_both_changed_is_left_to_the_user(tmp_path, newer):
    newer("1.0")
    project = init(tmp_path / "one", "tabular").folder
    features = project / "src" / "one" / "features.py"
    commit(project)
    features.write_text(features.read_text().replace("Columns made", "My columns made"))
    commit(project)
    newer("2.0", FEATURES, "Columns made", "New columns made")
    done = CliRunner().invoke(command, ["--update", "--json", str(project)], obj=Screen())
    assert isinstance(done.exception, MismatchError)
    assert json.loads(done.stdout)["conflicts"] == ["src/one/features.py"]
    assert "<<<<<<<" in features.read_text()
    assert "My columns made" in features.read_text()


def test_what_cannot_be_updated(tmp_path, newer, monkeypatch):
    with pytest.raises(InputError, match=f"was not made by holdfast init: it has no {ANSWERS}"):
        update(tmp_path)
    newer("1.0")
    project = init(tmp_path / "one", "tabular").folder
    with pytest.raises(InputError, match="has changes that are not committed"):
        update(project)
    commit(project)

    # Another machine: a Holdfast that never was of that version, and one kept elsewhere.
    shutil.rmtree(tmp_path / ".cache" / "holdfast")
    newer("2.0")
    with pytest.raises(InputError, match=r"stands at version 1\.0 of its template") as unknown:
        update(project)
    assert "holdfast[init]==1.0" in str(unknown.value.hint)
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path.parent / f"{tmp_path.name}-elsewhere"))
    with pytest.raises(InputError, match="here it is at ") as elsewhere:
        update(project)
    assert "write _src_path: " in str(elsewhere.value.hint)

    (project / ANSWERS).write_text("_src_path: gh:somebody/else\n")
    with pytest.raises(InputError, match="names no template of Holdfast's"):
        update(project)


def test_the_wheel_has_every_file_of_every_template(holdfast_wheel):
    listed = git(SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard", ".")
    here = {path for path in listed.split("\0") if path}
    beginning = "holdfast/start/templates/"
    with zipfile.ZipFile(holdfast_wheel) as wheel:
        there = {name for name in wheel.namelist() if name.startswith(beginning)}
    assert there == {beginning + path for path in here}
    assert any("/.github/workflows/" in name for name in there)
    assert not any(name.endswith((".pyc", ".rej", ".orig")) for name in there)


def test_without_copier_it_says_how_to_have_it(tmp_path):
    code = "import sys; sys.modules['copier'] = None; from holdfast.cli import main; main()"
    line = [sys.executable, "-c", code, "init", "one"]
    ran = run(line, cwd=tmp_path, env=surroundings(HOME=str(tmp_path)))
    assert (ran.code, ran.out) == (3, ""), ran
    assert "holdfast[init]" in ran.err
    assert not (tmp_path / "one").exists()
