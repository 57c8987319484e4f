"""PEERS 9, 10, 12, 13: a lock that is old, corrupt, missing, forked, or not what is installed."""

from __future__ import annotations

import tomli

from kit import answers, run, seal_of, surroundings

VERSIONS = "return [version('idna'), version('iniconfig')]"
SAVE = 'mlflow.pyfunc.save_model("m", python_model=Answer(), input_example=example)'


def packages(model):
    with (model / "pylock.toml").open("rb") as file:
        return tomli.load(file)["packages"]


def locked(model):
    return {package["name"]: package["version"] for package in packages(model)}


def warnings_of(ran):
    return [line for line in ran.err.splitlines() if "holdfast: " in line]


def test_a_lock_older_than_the_project(small_project, holdfast, moved, small_script, rows):
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas")
    project.sync()
    project.pyproject("mlflow-skinny", "pandas", "six")
    project.write("train.py", small_script())
    ran = project.train("train.py")
    assert ran.code == 0, ran
    assert len(warnings_of(ran)) == 1, ran
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "frozen"
    assert seal["reasons"] == ["uv.lock is older than pyproject.toml: uv lock"]
    assert answers(holdfast, model, rows) == ["6", "8"]


def test_installed_is_not_what_is_locked(small_project, holdfast, moved, small_script, rows):
    project = small_project(own=True)
    project.pyproject("mlflow-skinny", "pandas", "idna==3.10", "toolz")
    project.sync()
    python = str(project.interpreter)
    project.uv("pip", "install", "--quiet", "-p", python, "idna==3.9", "iniconfig==2.0.0")
    project.uv("pip", "uninstall", "--quiet", "-p", python, "toolz")
    project.write("train.py", small_script(VERSIONS, SAVE))
    ran = project.train("train.py")
    assert ran.code == 0, ran
    assert "_capture_modules" not in ran.err
    assert len(warnings_of(ran)) == 1, ran
    assert "iniconfig 2.0.0" in warnings_of(ran)[0]
    model = moved(project)

    seal = seal_of(model)
    assert seal["grade"] == "frozen", seal["reasons"]
    drift = {one["name"]: (one["locked"], one["installed"]) for one in seal["drift"]}
    assert drift["idna"] == ("3.10", "3.9")
    assert drift["iniconfig"] == (None, "2.0.0")
    assert drift["toolz"][1] is None
    sealed = locked(model)
    assert (sealed["idna"], sealed["iniconfig"]) == ("3.9", "2.0.0")
    assert "toolz" not in sealed
    check_whole(packages(model))
    assert answers(holdfast, model, rows) == ["3.9", "2.0.0"]
    assert holdfast.receipt(model)["matches"]


def check_whole(packages):
    """Every file has a hash, and every reference from one package to another leads somewhere."""
    files = [wheel for one in packages for wheel in one.get("wheels", ())]
    assert all(wheel["hashes"]["sha256"] for wheel in files)
    names = {one["name"] for one in packages}
    assert {to["name"] for one in packages for to in one.get("dependencies", ())} <= names


def test_a_corrupt_lock_and_none(small_project, holdfast, moved_all, small_script, rows):
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas", "idna==3.10", "iniconfig==2.0.0")
    project.sync()
    lock = project.folder / "uv.lock"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text[: len(text) // 2] + "\n= corrupt\n", encoding="utf-8")
    calls = [SAVE.replace('"m"', '"corrupt"'), "os.remove('uv.lock')", SAVE]
    project.write("train.py", small_script(VERSIONS, "\n".join(calls)))
    ran = project.train("train.py")
    assert ran.code == 0, ran
    assert len(warnings_of(ran)) == 2, ran

    corrupt, none = moved_all(project, "corrupt", "m")
    assert "uv.lock cannot be read" in seal_of(corrupt)["reasons"][0]
    assert "has no uv.lock" in seal_of(none)["reasons"][0]
    for model in (corrupt, none):
        assert seal_of(model)["grade"] == "frozen", seal_of(model)["reasons"]
        assert locked(model)["idna"] == "3.10"
        assert "holdfast" not in locked(model)
        assert not list(model.rglob("uv.lock"))
        assert answers(holdfast, model, rows) == ["3.10", "2.0.0"]
    assert holdfast.receipt(none)["matches"]


def test_no_project_at_all(small_project, holdfast, moved_all, small_script, rows, tmp_path):
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas", "idna==3.10", "iniconfig==2.0.0")
    project.sync()
    alone = project.write("../alone/train.py", small_script(VERSIONS, SAVE)).resolve()
    env = surroundings(**project.env)
    ran = run([str(project.interpreter), str(alone)], cwd=alone.parent, env=env)
    assert ran.code == 0, ran
    project.delete()
    project.folder = alone.parent
    (model,) = moved_all(project, "m")

    seal = seal_of(model)
    assert seal["grade"] == "frozen", seal["reasons"]
    assert "no uv project was found" in seal["reasons"][0]
    assert answers(holdfast, model, rows) == ["3.10", "2.0.0"]


def test_a_lock_that_forks(small_project, holdfast, moved, small_script, rows):
    project = small_project()
    project.pyproject(
        "mlflow-skinny",
        "pandas",
        "iniconfig",
        "idna==3.9; python_version < '3.11'",
        "idna==3.10; python_version == '3.11'",
        "idna==3.11; python_version > '3.11'",
    )
    project.sync()
    project.write("train.py", small_script("return [version('idna')] * 2", SAVE))
    ran = project.train("train.py")
    assert ran.code == 0, ran
    model = moved(project)

    assert seal_of(model)["grade"] == "locked", seal_of(model)["reasons"]
    forks = {one["version"]: one["marker"] for one in packages(model) if one["name"] == "idna"}
    assert forks.keys() == {"3.9", "3.10", "3.11"}
    assert len(set(forks.values())) == 3
    assert answers(holdfast, model, rows) == ["3.10", "3.10"]
