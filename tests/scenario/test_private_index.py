"""PEERS 8: a package of an index with a password, and a stranger of its name on another."""

from __future__ import annotations

import pytest

from indexes import PASSWORD, USER, free_port, make_wheel, serving
from kit import answers, seal_of

BODY = "import mine; return (model_input['x'] * mine.scale).to_numpy()"
CREDENTIALS = {"UV_INDEX_CORP_USERNAME": USER, "UV_INDEX_CORP_PASSWORD": PASSWORD}
PLANTED = {
    "DEPLOY_TOKEN": "planted-in-the-environment",
    "AWS_SECRET_ACCESS_KEY": "planted-key-of-a-cloud",
}


@pytest.fixture
def decoy(tmp_path):
    """An index that anybody may read; it has a newer `mine`, of somebody else's."""
    make_wheel(tmp_path / "decoy", {"mine/__init__.py": "scale = 0\n"}, version="9.0")
    make_wheel(tmp_path / "decoy", {"mine/__init__.py": "scale = -1\n"}, version="1.1")
    with serving(tmp_path / "decoy") as index:
        yield index


@pytest.fixture
def corp_wheels(tmp_path):
    make_wheel(tmp_path / "corp", {"mine/__init__.py": "scale = 10\n"})
    make_wheel(tmp_path / "corp", {"mine/__init__.py": "scale = 11\n"}, version="1.1")
    return tmp_path / "corp"


def write_project(project, url, decoy, script, pin="==1.0"):
    """`mine` is bound to `corp`; whatever is not bound is asked of the decoy first."""
    project.pyproject(
        "mlflow-skinny",
        "pandas",
        f"mine{pin}",
        tool_uv={
            "sources": {"mine": {"index": "corp"}},
            "index": [
                {"name": "corp", "url": url, "explicit": True},
                {"name": "anybody", "url": decoy.url},
            ],
            "exclude-newer-package": {"mine": False},
        },
    )
    project.write("train.py", script)


def secrets_in(folder, *texts):
    return [
        (path.relative_to(folder), text)
        for path in folder.rglob("*")
        if path.is_file()
        for text in texts
        if text.encode() in path.read_bytes()
    ]


def test_credentials_from_the_environment(  # noqa: PLR0913, PLR0917 - fixtures
    small_project, holdfast, moved, small_script, rows, decoy, corp_wheels, proven
):
    proven("shapes", "[[tool.uv.index]] with a password, and a stranger on another", note="locked")
    with serving(corp_wheels, user=USER, password=PASSWORD) as corp:
        project = small_project()
        project.env |= CREDENTIALS
        write_project(project, corp.url, decoy, small_script(BODY))
        project.sync()
        ran = project.train("train.py", **PLANTED)
        assert ran.code == 0, ran
        model = moved(project)

        seal = seal_of(model)
        assert seal["grade"] == "locked", seal["reasons"]
        assert not secrets_in(model, PASSWORD, *PLANTED.values())
        holdfast.env["UV_CACHE_DIR"] = str(model.parent / "cold-cache")

        wrong = holdfast("restore", model, **{**CREDENTIALS, "UV_INDEX_CORP_PASSWORD": "wr0ng"})
        assert wrong.code == 3, wrong
        assert "hint: " in wrong.err
        assert "UV_INDEX_<NAME>_PASSWORD" in wrong.err
        assert "wr0ng" not in wrong.err + wrong.out

        holdfast.env |= CREDENTIALS
        assert answers(holdfast, model, rows) == ["30", "40"]
        assert not secrets_in(holdfast.home, PASSWORD)


SAVE = 'mlflow.pyfunc.save_model("{}", python_model=Answer(), input_example=example)'
WITH_LOCK_AND_WITHOUT = f"{SAVE.format('m')}\nos.remove('uv.lock')\n{SAVE.format('unlocked')}"


@pytest.mark.slow
def test_credentials_in_the_project_and_another_version_installed(
    small_project, holdfast, moved_all, small_script, rows, decoy, corp_wheels
):
    with serving(corp_wheels, user=USER, password=PASSWORD) as corp:
        project = small_project()
        script = small_script(BODY, WITH_LOCK_AND_WITHOUT)
        write_project(project, corp.url_with_password, decoy, script, pin="")
        with (project.folder / "pyproject.toml").open("a") as file:
            file.write('\n[tool.deploy]\napi-token = "planted-in-pyproject"\n')
        netrc = project.write("../netrc", f"machine corp.invalid login {USER} password n3trc-pw\n")
        project.uv("lock", "--quiet", "--upgrade-package", "mine==1.0")
        project.sync()
        project.uv(
            "pip", "install", "--quiet", "--index", corp.url_with_password, "mine==1.1",
            "--python", str(project.interpreter),
        )  # fmt: skip
        ran = project.train("train.py", NETRC=str(netrc))
        assert ran.code == 0, ran
        assert PASSWORD not in ran.out + ran.err
        model, unlocked = moved_all(project, "m", "unlocked")

        drift = {"name": "mine", "locked": "1.0", "installed": "1.1"}
        assert drift in seal_of(model)["drift"]
        assert "has no uv.lock" in seal_of(unlocked)["reasons"][0]
        holdfast.env |= CREDENTIALS
        for sealed in (model, unlocked):
            assert seal_of(sealed)["grade"] == "frozen", seal_of(sealed)["reasons"]
            assert not secrets_in(sealed, PASSWORD, "planted-in-pyproject", "n3trc-pw")
            assert answers(holdfast, sealed, rows) == ["33", "44"]


@pytest.mark.slow
def test_an_index_that_is_down_while_the_model_is_logged(
    small_project, holdfast, moved, small_script, rows, decoy, corp_wheels
):
    port = free_port()
    with serving(corp_wheels, user=USER, password=PASSWORD, port=port) as corp:
        project = small_project()
        project.env |= CREDENTIALS
        write_project(project, corp.url, decoy, small_script(BODY), pin="")
        project.uv("lock", "--quiet", "--upgrade-package", "mine==1.0")
        project.sync()
        project.uv(
            "pip", "install", "--quiet", "--index", corp.url_with_password, "mine==1.1",
            "--python", str(project.interpreter),
        )  # fmt: skip
    own_cache = str(project.folder.parent / "uv-cache")
    ran = project.train("train.py", UV_CACHE_DIR=own_cache, UV_HTTP_RETRIES="0")
    assert ran.code == 0, ran
    assert "_capture_modules" not in ran.err
    model = moved(project)
    seal = seal_of(model)
    assert seal["grade"] == "pinned", seal["reasons"]

    down = holdfast("predict", model, "-i", rows, UV_CACHE_DIR=own_cache, UV_HTTP_RETRIES="0")
    assert down.code == 3, down
    with serving(corp_wheels, user=USER, password=PASSWORD, port=port):
        # Never the decoy's, though it has that very version and is asked first.
        holdfast.env |= CREDENTIALS
        assert answers(holdfast, model, rows) == ["33", "44"]
