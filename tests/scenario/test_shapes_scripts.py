"""A script that says itself what it needs (PEP 723), with its own lock."""

from __future__ import annotations

import tomli

from holdfast.project.script import read_block
from holdfast.uv import run_uv, uv_program
from kit import EXCLUDE_NEWER, answers, run, seal_of, surroundings

BLOCK = """# /// script
# requires-python = ">=3.10"
# dependencies = ["holdfast", "mlflow-skinny", "pandas", "iniconfig"{more}]
#
# [tool.uv]
# exclude-newer = "{date}"
# sources = {{ holdfast = {{ path = "{wheel}" }} }}
#
# [tool.holdfast]
# exclude = ["iniconfig"]
#
# [tool.other]
# token = "hush"
# ///
"""
SAVE = 'mlflow.pyfunc.save_model("{}", python_model=Answer(), input_example=example)'
BODY = "import beside; return (model_input['x'] * beside.scale).to_numpy()"


def uv_run(project, script, *options):
    env = surroundings(UV_PYTHON=project.python, **project.env)
    command = [str(uv_program()), "run", "--quiet", *options, script]
    ran = run(command, cwd=project.folder, env=env)
    assert ran.code == 0, str(ran)
    return ran


def test_a_script_with_a_lock_of_its_own(
    small_project, small_script, holdfast, moved_all, rows, proven
):
    cell = proven("shapes", "PEP 723 script with a lock")
    project = small_project()
    # The project around it is not asked: uv does not ask it either.
    project.write("pyproject.toml", '[project]\nname = "around"\nversion = "1"\n')
    block = BLOCK.format(more="", date=EXCLUDE_NEWER, wheel=project.wheel)
    project.write("jobs/beside.py", "scale = 4\n")
    script = project.write("jobs/train.py", block + small_script(BODY, SAVE.format("m")))
    run_uv(["lock", "--quiet", "--script", script])
    uv_run(project, "jobs/train.py")
    newer = BLOCK.format(more=', "six"', date=EXCLUDE_NEWER, wheel=project.wheel)
    project.write("jobs/train.py", newer + small_script(BODY, SAVE.format("stale")))
    old_lock = script.with_name("train.py.lock").read_text()
    uv_run(project, "jobs/train.py", "--frozen")
    script.with_name("train.py.lock").unlink()
    project.write("jobs/train.py", block + small_script(BODY, SAVE.format("lockless")))
    uv_run(project, "jobs/train.py")
    whole, stale, lockless = moved_all(project, "m", "stale", "lockless")

    seal = seal_of(whole)
    assert seal["grade"] == "locked", seal["reasons"]
    assert seal["project"]["name"] == "train.py"
    kept = whole / "holdfast" / "project"
    assert {path.name for path in kept.iterdir()} == {"train.py", "train.py.lock"}
    assert (kept / "train.py.lock").read_text() == old_lock
    said = read_block(kept / "train.py")
    assert said["dependencies"] == ["holdfast", "mlflow-skinny", "pandas", "iniconfig"]
    assert said["tool"].keys() == {"uv", "holdfast"}
    run_uv(["lock", "--check", "--script", kept / "train.py"])
    names = {one["name"] for one in tomli.loads((whole / "pylock.toml").read_text())["packages"]}
    assert "pandas" in names
    assert not names & {"holdfast", "iniconfig"}
    assert answers(holdfast, whole, rows) == ["12", "16"]
    assert holdfast.receipt(whole)["matches"]

    assert seal_of(stale)["grade"] == "frozen"
    assert seal_of(stale)["reasons"] == [
        "train.py.lock is older than train.py: uv lock --script train.py"
    ]
    assert seal_of(lockless)["grade"] == "frozen"
    assert seal_of(lockless)["reasons"] == [
        "the script 'train.py' has no train.py.lock: uv lock --script train.py"
    ]
    cell["note"] = "locked"
