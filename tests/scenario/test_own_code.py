"""PEERS 3, 4, 5: a model that imports its project's own code, wherever that lies."""

from __future__ import annotations

import shutil

import tomli

from indexes import make_wheel
from kit import answers, seal_of

SCALED = "import trainer; return (model_input['x'] * trainer.scale).to_numpy()"
PACKAGE = '[project]\nname = "{name}"\nversion = "0.1"\nrequires-python = ">=3.10"\n{more}'
BUILT = '\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def locked_names(model):
    with (model / "pylock.toml").open("rb") as file:
        return {package["name"] for package in tomli.load(file)["packages"]}


def write_package(project, folder, name, code, more=""):
    project.write(f"{folder}/pyproject.toml", PACKAGE.format(name=name, more=more) + BUILT)
    project.write(f"{folder}/src/{name}/__init__.py", code)


def test_a_packaged_project_goes_along_as_a_wheel(
    small_project, holdfast, moved, small_script, rows, proven
):
    proven("shapes", "a packaged project", note="locked")
    project = small_project()
    project.pyproject(
        "mlflow-skinny", "pandas", packaged=True, **{"dependency-groups": {"dev": ["pytest"]}}
    )
    project.write("src/trainer/__init__.py", "scale = 10\n")
    project.write("train.py", small_script(SCALED))
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    # MLflow's own search for imported modules loads the model in another process.
    assert "_capture_modules" not in ran.err
    assert "started:" in ran.err
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert [wheel["name"] for wheel in seal["wheels"]] == ["trainer"]
    names = locked_names(model)
    assert {"trainer", "pandas", "mlflow-skinny"} <= names
    assert not names & {"holdfast", "pytest", "iniconfig"}
    assert answers(holdfast, model, rows) == ["30", "40"]
    assert holdfast.receipt(model)["matches"]


def test_a_workspace_member_brings_the_members_it_needs(
    small_project, holdfast, moved, small_script, rows, proven
):
    proven("shapes", "workspace: a member and the members it needs", note="locked")
    project = small_project()
    project.pyproject(tool_uv={"workspace": {"members": ["packages/*"]}})
    project.write(
        "packages/model/pyproject.toml",
        PACKAGE.format(
            name="model",
            more='dependencies = ["holdfast", "mlflow-skinny", "pandas", "features"]\n'
            "[tool.uv.sources]\nfeatures = { workspace = true }\n"
            f'holdfast = {{ path = "{project.wheel}" }}\n',
        ),
    )
    write_package(project, "packages/features", "features", "scale = 100\n")
    write_package(project, "packages/service", "service", "", more='dependencies = ["iniconfig"]\n')
    body = "import features; return (model_input['x'] * features.scale).to_numpy()"
    project.write("packages/model/jobs/train.py", small_script(body))
    project.uv("sync", "--quiet", "--all-packages")
    ran = project.train("packages/model/jobs/train.py")
    assert ran.code == 0, ran
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert seal["project"]["name"] == "model"
    assert "features" in locked_names(model)
    assert not locked_names(model) & {"service", "iniconfig"}
    assert answers(holdfast, model, rows) == ["300", "400"]


def test_an_editable_neighbour_is_sealed_and_a_stranger_of_its_name_is_not_used(
    small_project, holdfast, moved, small_script, rows, tmp_path, proven
):
    proven("shapes", "path dependency, with a stranger of its name elsewhere", note="locked")
    project = small_project()
    sources = {"lib": {"path": "../lib", "editable": True}}
    project.pyproject("mlflow-skinny", "pandas", "lib", tool_uv={"sources": sources})
    write_package(project, "../lib", "lib", "scale = 7\n")
    body = "import lib; return (model_input['x'] * lib.scale).to_numpy()"
    project.write("train.py", small_script(body))
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    model = moved(project)
    (tmp_path / "lib" / "src" / "lib" / "__init__.py").write_text("scale = 0\n")
    beside = [model.parent / "lib", holdfast.home / "lib", holdfast.home / "environments" / "lib"]
    for folder in beside:
        write_package(project, folder, "lib", "raise SystemExit('a stranger')\n")

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    try:
        assert answers(holdfast, model, rows) == ["21", "28"]
    finally:
        for folder in beside:
            shutil.rmtree(folder)
    for text in ("requirements.txt", "conda.yaml", "pylock.toml"):
        assert "../lib" not in (model / text).read_text()


def test_wheels_and_sources_from_a_disk_go_along(
    small_project, holdfast, moved, small_script, rows, tmp_path, proven
):
    proven("shapes", "an index that is a folder; a wheel and an sdist by path", note="locked")
    make_wheel(tmp_path / "disk", {"mine/__init__.py": "scale = 5\n"})
    make_wheel(tmp_path / "lone", {"yours/__init__.py": "scale = 3\n"}, name="yours")
    project = small_project()
    write_package(project, "../ours", "ours", "scale = 2\n")
    project.pyproject()
    project.uv("build", "--quiet", "--sdist", "--out-dir", str(tmp_path / "lone"), "../ours")
    project.pyproject(
        "mlflow-skinny",
        "pandas",
        "mine",
        "yours",
        "ours",
        tool_uv={
            "index": [{"name": "disk", "url": "../disk", "format": "flat", "explicit": True}],
            "sources": {
                "mine": {"index": "disk"},
                "yours": {"path": "../lone/yours-1.0-py3-none-any.whl"},
                "ours": {"path": "../lone/ours-0.1.tar.gz"},
            },
            "exclude-newer-package": {"mine": False},
        },
    )
    body = "import mine, ours, yours; scale = mine.scale * yours.scale * ours.scale"
    body += "; return (model_input['x'] * scale).to_numpy()"
    project.write("train.py", small_script(body))
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    model = moved(project)
    for folder in ("disk", "lone", "ours"):
        shutil.rmtree(tmp_path / folder)

    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert {wheel["name"] for wheel in seal["wheels"]} == {"mine", "ours", "yours"}
    assert [index["url"] for index in seal["indexes"]] == [""]
    assert str(tmp_path) not in (model / "pylock.toml").read_text()
    assert answers(holdfast, model, rows) == ["90", "120"]
    assert holdfast.receipt(model)["matches"]
