"""What the user says to MLflow about packages, and to Holdfast about sealing."""

from __future__ import annotations

import tomli

from kit import answers, seal_of

SAVE = 'mlflow.pyfunc.save_model("{name}", python_model=Answer(), input_example=example{more})'
VERSIONS = """found = []
        for name in ("idna", "iniconfig"):
            try:
                found.append(version(name))
            except Exception:
                found.append("none")
        return found"""


def saves(**calls):
    return "\n".join(
        SAVE.format(name=name, more=f", {more}" if more else "") for name, more in calls.items()
    )


def locked(model):
    with (model / "pylock.toml").open("rb") as file:
        return {package["name"]: package["version"] for package in tomli.load(file)["packages"]}


def trained(project, script, *dependencies, **tables):
    project.pyproject("mlflow-skinny", "pandas", *dependencies, **tables)
    project.write("train.py", script)
    project.sync()


def test_requirements_that_add_and_that_override(
    small_project, holdfast, moved_all, small_script, rows
):
    project = small_project()
    conda = {"dependencies": ["python=3.11", "pip", {"pip": ["pandas", "iniconfig"]}]}
    foreign = {"dependencies": ["python=3.11", "libfoo", "pip", {"pip": ["pandas"]}]}
    calls = saves(
        adds="extra_pip_requirements=['iniconfig<2.1', 'idna>=3']",
        overrides="pip_requirements=['pandas', 'iniconfig']",
        conda=f"conda_env={conda}",
        foreign=f"conda_env={foreign}",
    )
    trained(project, small_script(VERSIONS, calls), "idna==3.9", "requests", "tomli-w")
    ran = project.train("train.py")
    assert ran.code == 0, ran
    adds, overrides, conda, foreign = moved_all(project, "adds", "overrides", "conda", "foreign")

    assert seal_of(adds)["grade"] == "frozen", seal_of(adds)["reasons"]
    assert locked(adds)["iniconfig"] == "2.0.0"
    assert locked(adds)["idna"] == "3.9"
    assert answers(holdfast, adds, rows) == ["3.9", "2.0.0"]
    for model in (overrides, conda):
        seal = seal_of(model)
        assert seal["grade"] == "frozen", seal["reasons"]
        assert "override" in seal["reasons"][0]
        assert {"pandas", "iniconfig", "mlflow-skinny"} <= locked(model).keys()
        assert "tomli-w" not in locked(model)
        # Whatever the words bring with them has the version that is installed.
        assert locked(model)["idna"] == "3.9"
    assert answers(holdfast, overrides, rows)[0] == "3.9"
    # What conda alone can bring is not sealed, and conda.yaml still says it.
    assert seal_of(foreign)["grade"] == "inferred"
    assert "libfoo" in seal_of(foreign)["reasons"][0]
    assert "libfoo" in (foreign / "conda.yaml").read_text()


def test_switches(small_project, holdfast, moved_all, small_script, rows):
    project = small_project()
    calls = [
        "os.environ |= {'HOLDFAST_OFF': '1', 'MLFLOW_UV_AUTO_DETECT': 'false'}",
        saves(off=""),
        "del os.environ['HOLDFAST_OFF'], os.environ['MLFLOW_UV_AUTO_DETECT']",
        "os.environ['MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT'] = '0'",
        saves(silent=""),
        "del os.environ['MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT']",
        saves(sealed=""),
    ]
    trained(project, small_script(call="\n".join(calls)))
    ran = project.train("train.py")
    assert ran.code == 0, ran
    off, silent, sealed = moved_all(project, "off", "silent", "sealed")

    # MLflow is as if Holdfast were not there: it looks for imported modules, in another process.
    assert ran.err.count("_capture_modules") == 1
    assert not (off / "holdfast").exists()
    assert not (off / "pylock.toml").exists()
    assert "\nmlflow" in "\n" + (off / "requirements.txt").read_text()
    refused = holdfast("predict", off, "-i", rows)
    assert refused.code == 2, refused
    assert "is not sealed" in refused.err

    assert seal_of(silent)["grade"] == "inferred"
    assert "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT" in seal_of(silent)["reasons"][0]
    assert not (silent / "pylock.toml").exists()

    assert seal_of(sealed)["grade"] == "locked", seal_of(sealed)["reasons"]
    assert answers(holdfast, sealed, rows) == ["6", "8"]


REFUSED = """
try:
    {call}
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_grade_is_required(small_project, holdfast, moved_all, small_script, rows):
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas")
    project.sync()
    project.pyproject("mlflow-skinny", "pandas", "six", tool_holdfast={"require-grade": "locked"})
    calls = [
        REFUSED.format(call=saves(by_project="")),
        "os.environ['HOLDFAST_REQUIRE_GRADE'] = 'frozen'",
        saves(m=""),
        "os.environ['HOLDFAST_REQUIRE_GRADE'] = 'lokked'",
        REFUSED.format(call=saves(misspelt="")),
    ]
    project.write("train.py", small_script(call="\n".join(calls)))
    ran = project.train("train.py")
    assert ran.code == 0, ran
    assert "SealError the seal is 'frozen', and 'locked' is required: uv.lock is older" in ran.out
    assert "hint: mend that and log again" in ran.out
    assert "HOLDFAST_REQUIRE_GRADE is 'lokked'; a grade is one of locked, frozen" in ran.out
    (model,) = moved_all(project, "m")
    assert answers(holdfast, model, rows) == ["6", "8"]


def test_settings_that_do_not_exist(small_project, holdfast, moved_all, small_script, rows):
    project = small_project()
    trained(
        project,
        small_script(call=saves(m="")),
        tool_holdfast={"grups": ["plots"], "golden-rows": "many", "golden-seconds": 30},
    )
    ran = project.train("train.py")
    assert ran.code == 0, ran
    (model,) = moved_all(project, "m")

    said = [line for line in ran.err.splitlines() if "holdfast: " in line]
    assert len(said) == 1, ran
    assert "[tool.holdfast] has no key 'grups'; did you mean 'groups'?" in said[0]
    assert "golden-rows is 'many'; expected a whole number" in said[0]
    # What was wanted is not known: the seal cannot claim to be that.
    assert seal_of(model)["grade"] == "frozen"
    assert answers(holdfast, model, rows) == ["6", "8"]


def test_sealing_that_breaks_never_loses_the_model(
    small_project, holdfast, moved_all, small_script, rows
):
    project = small_project()
    calls = [
        "os.environ['HOLDFAST_HOME'] = os.path.abspath('train.py')",
        saves(no_home=""),
        "del os.environ['HOLDFAST_HOME']",
        "os.remove('src/trainer/__init__.py')",
        saves(no_code=""),
        "import holdfast.capture.write as writing",
        "writing.predict_example = None",
        saves(bug=""),
        "os.environ['MLFLOW_REQUIREMENTS_INFERENCE_RAISE_ERRORS'] = 'true'",
        REFUSED.format(call=saves(raises="")),
        "writing.read_seal = writing.write_seal = writing.digest_folder = None",
        "os.environ['MLFLOW_REQUIREMENTS_INFERENCE_RAISE_ERRORS'] = 'false'",
        saves(hopeless=""),
    ]
    project.pyproject("mlflow-skinny", "pandas", packaged=True)
    project.write("src/trainer/__init__.py", "")
    project.write("train.py", small_script(call="\n".join(calls)))
    project.sync()
    ran = project.train("train.py")
    assert ran.code == 0, ran
    said = [line for line in ran.err.splitlines() if "holdfast: " in line]
    assert len(said) == 4, ran
    assert "SealError building a wheel of trainer" in ran.out
    names = ("no_home", "no_code", "bug", "hopeless")
    no_home, no_code, bug, hopeless = moved_all(project, *names)

    for model, reason in ((no_home, "cannot be used"), (no_code, "building"), (bug, "TypeError")):
        assert seal_of(model)["grade"] == "inferred", model
        assert reason in "".join(seal_of(model)["reasons"])
        assert "mlflow" in (model / "requirements.txt").read_text()
    assert answers(holdfast, no_home, rows) == ["6", "8"]
    assert (hopeless / "MLmodel").is_file()
    assert not (hopeless / "holdfast").exists()
    assert not (hopeless / "pylock.toml").exists()


def test_a_holdfast_that_cannot_be_imported(small_project, moved_all, small_script):
    project = small_project()
    calls = ["sys.modules['holdfast.capture.session'] = None", saves(m="")]
    trained(project, small_script(call="\n".join(calls)))
    ran = project.train("train.py")
    assert ran.code == 0, ran
    assert ran.err.count("holdfast: models are not sealed") == 1
    (model,) = moved_all(project, "m")
    assert (model / "python_env.yaml").is_file()
    assert not (model / "holdfast").exists()
