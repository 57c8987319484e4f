"""PEERS 7: extras and groups that a model needs, named in the project or in the environment."""

from __future__ import annotations

import tomli

from kit import answers, seal_of

WITH_VERSIONS = "return [version('iniconfig'), version('six')]"
VERSIONS = {
    "project": {
        "name": "trainer",
        "version": "1.0.0",
        "requires-python": ">=3.10",
        "dependencies": ["holdfast", "mlflow-skinny", "pandas"],
        "optional-dependencies": {"fast": ["iniconfig==2.0.0"]},
    },
    "dependency-groups": {"plots": ["six==1.16.0"], "dev": ["tomli-w"]},
}


def locked(model):
    with (model / "pylock.toml").open("rb") as file:
        return {package["name"]: package["version"] for package in tomli.load(file)["packages"]}


def save(project, small_script, call, tool_holdfast, **env):
    project.pyproject(**VERSIONS, tool_holdfast=tool_holdfast)
    project.write("train.py", small_script(WITH_VERSIONS, call))
    project.uv("sync", "--quiet", "--extra", "fast", "--group", "plots")
    ran = project.train("train.py", **env)
    assert ran.code == 0, ran


def check(model, holdfast, rows):
    seal = seal_of(model)
    assert seal["grade"] == "locked", seal["reasons"]
    assert (seal["project"]["extras"], seal["project"]["groups"]) == (["fast"], ["plots"])
    assert locked(model)["iniconfig"] == "2.0.0"
    assert locked(model)["six"] == "1.16.0"
    assert "tomli-w" not in locked(model)
    assert answers(holdfast, model, rows) == ["2.0.0", "1.16.0"]


SAVE = 'mlflow.pyfunc.save_model("m", python_model=Answer(), input_example=example{more})'


def test_named_in_the_project(small_project, holdfast, moved, small_script, rows, proven):
    proven("shapes", "extras and groups, named in the project", note="locked")
    project = small_project()
    wanted = {"extras": ["fast"], "groups": ["plots"]}
    save(project, small_script, SAVE.format(more=""), wanted)
    check(moved(project), holdfast, rows)


def test_named_in_the_environment_or_to_mlflow(
    small_project, holdfast, moved_all, small_script, rows, proven
):
    proven("shapes", "extras and groups, named in variables or to MLflow", note="locked")
    project = small_project()
    named = ", uv_extras=['fast'], uv_groups=['plots']"
    calls = [
        SAVE.format(more=named).replace('"m"', '"words"'),
        "os.environ['HOLDFAST_EXTRAS'] = 'fast'",
        "os.environ['HOLDFAST_GROUPS'] = 'plots'",
        SAVE.format(more=""),
    ]
    save(project, small_script, "\n".join(calls), {})
    for model in moved_all(project, "words", "m"):
        check(model, holdfast, rows)


def test_a_default_group_is_sealed_unasked_and_dev_is_not(
    small_project, holdfast, moved, small_script, rows, proven
):
    proven("shapes", "default groups", note="locked")
    project = small_project()
    tables = {**VERSIONS, "dependency-groups": {"plots": ["six==1.16.0"], "dev": ["iniconfig"]}}
    project.pyproject(**tables, tool_uv={"default-groups": ["dev", "plots"]})
    script = small_script("return [version('six')]", SAVE.format(more=""))
    project.write("train.py", script)
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    model = moved(project)
    assert seal_of(model)["grade"] == "locked", seal_of(model)["reasons"]
    assert "iniconfig" not in locked(model)
    assert answers(holdfast, model, rows) == ["1.16.0"]
