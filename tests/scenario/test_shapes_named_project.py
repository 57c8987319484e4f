"""MLflow's `uv_project_path` (3.11 on) names the project, wherever the script lies."""

from __future__ import annotations

import pytest

from kit import answers, run, seal_of, surroundings

SAVE = """
for name, path in (("named", "../project"), ("elsewhere", "../none"), ("plain", None)):
    mlflow.pyfunc.save_model(
        name, python_model=Answer(), input_example=example, uv_project_path=path
    )
"""


@pytest.mark.slow
def test_the_project_that_is_named(small_project, small_script, holdfast, moved_all, rows, proven):
    cell = proven("shapes", "uv_project_path")
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas", "six", tool_holdfast={"exclude": ["six"]})
    project.sync()
    (project.folder.parent / "none").mkdir()
    project.write("../scripts/train.py", small_script(call=SAVE))
    scripts = (project.folder / "../scripts").resolve()
    env = surroundings(**project.env)
    ran = run([str(project.interpreter), str(scripts / "train.py")], cwd=scripts, env=env)
    assert ran.code == 0, str(ran)
    project.delete()
    project.folder = scripts
    named, elsewhere, plain = moved_all(project, "named", "elsewhere", "plain")

    seal = seal_of(named)
    assert seal["grade"] == "locked", seal["reasons"]
    assert seal["project"]["name"] == "trainer"
    assert not (named / "uv.lock").exists()
    assert 'name = "six"' not in (named / "pylock.toml").read_text(encoding="utf-8")
    assert answers(holdfast, named, rows) == ["6", "8"]
    assert holdfast.receipt(named)["matches"]
    assert seal_of(elsewhere)["grade"] == "frozen"
    assert "uv_project_path is '../none'" in seal_of(elsewhere)["reasons"][0]
    assert "no uv project was found" in seal_of(plain)["reasons"][0]
    cell["note"] = seal["grade"]
