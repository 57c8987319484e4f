"""`holdfast audit`: what is known against real locks, by a service, by a database, and by uv."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import tomli
import tomli_w
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

import advisories
from advisories import Osv
from holdfast.uv import run_uv, uv_program
from kit import Holdfast, Ran, UvProject, made_once, run, surroundings

OLD = ("jinja2==3.1.2", "idna==3.6", "urllib3==2.0.4")
EXPECTED = {
    ("jinja2", "GHSA-h5c8-rqwp-cp95", "3.1.3"),
    ("idna", "GHSA-jjg7-2v4v-x38h", "3.7"),
    ("urllib3", "GHSA-v845-jxx5-vc9f", "2.0.6"),
    ("urllib3", "GHSA-g4mx-q9vg-27p4", "2.0.7"),
}
OF_DEVELOPERS = ("requests", "GHSA-9wx4-h78v-vm56", "2.32.2")
IGNORED = "CVE-2024-22195"
TRAIN = """
import sys

import mlflow
import pandas as pd


class Same(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return model_input["weight"]


mlflow.pyfunc.save_model(
    sys.argv[1], python_model=Same(), input_example=pd.DataFrame({"weight": [0.5]})
)
"""


@pytest.fixture(scope="module")
def osv() -> Iterator[Osv]:
    with advisories.serving() as service:
        yield service


@pytest.fixture(autouse=True)
def fresh(osv: Osv) -> None:
    osv.page, osv.busy, osv.answers, osv.batches = 1000, 0, None, 0
    osv.asked.clear()


@pytest.fixture(scope="module")
def locked(
    new_project_in: Callable[..., UvProject], tmp_path_factory: pytest.TempPathFactory
) -> UvProject:
    """A project with old packages, locked and synced; never to be changed."""
    project = new_project_in(tmp_path_factory.mktemp("audited"), own=True)
    tables = {"dependency-groups": {"dev": ["requests==2.31.0"]}}
    project.pyproject(*OLD, **tables)
    project.uv("sync", "--quiet", "--no-install-package", "holdfast")
    return project


@pytest.fixture
def project(locked: UvProject, tmp_path: Path) -> UvProject:
    """A copy of it that may be changed; its environment is shared."""
    folder = tmp_path / "project"
    shutil.copytree(locked.folder, folder, ignore=shutil.ignore_patterns(".venv"))
    return replace(locked, folder=folder)


@dataclass
class Sealed:
    model: Path
    home: Path


@pytest.fixture(scope="module")
def sealed(
    new_project_in: Callable[..., UvProject], tmp_path_factory: pytest.TempPathFactory
) -> Sealed:
    """A model with the same old packages in its lock, sealed and restored.

    Its project ignores one of what is known, which its seal must not.
    """

    def make(folder: Path) -> None:
        project = new_project_in(folder)
        audit = {"audit": {"ignore": [IGNORED]}}
        project.pyproject("mlflow-skinny", "pandas", *OLD, tool_holdfast=audit)
        project.write("train.py", TRAIN)
        project.sync()
        ran = project.train("train.py", folder / "model", HOLDFAST_REQUIRE_GRADE="locked")
        assert ran.code == 0, ran
        ran = Holdfast(folder / "home", folder)("restore", folder / "model")
        assert ran.code == 0, ran

    folder = made_once(tmp_path_factory.getbasetemp(), "audited-model", make)
    return Sealed(model=folder / "model", home=folder / "home")


@pytest.fixture
def audit(tmp_path: Path, locked: UvProject, osv: Osv) -> Callable[..., Ran]:
    """The command, from nowhere near a project, asking the service."""

    def command(*arguments: str | Path, **env: str) -> Ran:
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        variables = {
            "UV_PROJECT_ENVIRONMENT": str(locked.environment),
            "HOLDFAST_AUDIT_SERVICE": osv.url,
            **env,
        }
        return Holdfast(tmp_path / "home", folder)("audit", *arguments, **variables)

    return command


def said(ran: Ran, code: int = 1) -> dict:
    assert ran.code == code, ran
    document: dict = json.loads(ran.out)
    assert document["clean"] is (code == 0)
    return document


def found(document: dict) -> set[tuple[str, str, str]]:
    return {
        (one["package"], one["id"], one["fixed_in"][0])
        for one in document["vulnerabilities"]
        if not one["ignored"]
    }


def settings(project: UvProject, **table: object) -> None:
    path = project.folder / "pyproject.toml"
    document = tomli.loads(path.read_text())
    document["tool"].setdefault("holdfast", {})["audit"] = table
    path.write_text(tomli_w.dumps(document))


def test_all_that_is_known_against_a_lock_is_found_and_nothing_else(audit, project, osv):
    document = said(audit(project.folder, "--json"))
    assert found(document) == {*EXPECTED, OF_DEVELOPERS}
    by_id = {one["id"]: one for one in document["vulnerabilities"]}
    assert by_id["GHSA-jjg7-2v4v-x38h"]["aliases"] == ["CVE-2024-3651", "PYSEC-2024-60"]
    assert [one["package"] for one in document["vulnerabilities"] if not one["production"]] == [
        "requests"
    ]
    # Own code is nobody's business: neither the project nor the wheel beside it.
    names = {name for name, _ in osv.asked}
    assert not names & {"trainer", "holdfast"}
    assert {"jinja2", "markupsafe", "requests"} <= names
    assert not (project.folder / ".venv").exists()


def test_uv_finds_the_same(audit, project, osv):
    env = surroundings(UV_PYTHON=project.python)
    options = ["--frozen", "--preview", "--service-url", osv.url, "--output-format", "json"]
    ran = run([str(uv_program()), "audit", *options], cwd=project.folder, env=env)
    assert ran.code == 1, ran
    theirs = json.loads(ran.out)["vulnerabilities"]
    asked_by_uv = set(osv.asked)
    osv.asked.clear()
    ours = said(audit(project.folder, "--json"))["vulnerabilities"]

    def names(several):
        return {
            (one.get("package") or one["dependency"]["name"], alias)
            for one in several
            for alias in (one["id"], *one["aliases"])
        }

    assert names(ours) == names(theirs)
    assert set(osv.asked) == {one for one in asked_by_uv if one[0] != "holdfast"}


@pytest.mark.parametrize(
    "write", [advisories.write_folder, advisories.write_zip, advisories.write_repository]
)
def test_without_a_network_a_database_says_the_same(audit, project, osv, tmp_path, write):
    database = write(tmp_path / "database")
    document = said(audit(project.folder, "--json", "--database", database))
    assert found(document) == {*EXPECTED, OF_DEVELOPERS}
    assert (document["source"], document["as_of"][:10]) == (str(database), "2024-07-11")
    assert osv.batches == 0


def test_a_sealed_lock_is_audited_and_its_maker_has_no_say(audit, sealed, osv):
    document = said(audit(sealed.model, "--json", HOLDFAST_HOME=str(sealed.home)))
    assert found(document) == EXPECTED
    assert document["lock"] == "pylock.toml"
    about = {one["name"]: one for one in document["packages"]}
    assert about["jinja2"]["licence"] == "BSD-3-Clause"
    assert about["pandas"]["size"] > 10_000_000
    assert all(one["production"] for one in about.values())


def test_a_model_that_was_not_restored_is_neither_restored_nor_loaded(audit, sealed, tmp_path):
    document = said(audit(sealed.model, "--json"))
    assert found(document) == EXPECTED
    assert not list((tmp_path / "home").rglob("site-packages"))
    about = {one["name"]: one for one in document["packages"]}
    assert about["jinja2"]["licence"] is None
    assert about["jinja2"]["size"] > 100_000, "the seal knows it"


def test_a_changed_lock_is_not_audited(audit, sealed, tmp_path):
    model = shutil.copytree(sealed.model, tmp_path / "model")
    lock = model / "pylock.toml"
    lock.write_text(lock.read_text().replace("3.1.2", "3.1.6"))
    ran = audit(model)
    assert (ran.code, ran.out) == (1, "")
    assert "is not as it was sealed: changed pylock.toml" in ran.err


def test_what_is_ignored_does_not_count_up_to_its_day(audit, project):
    settings(
        project,
        ignore=[
            IGNORED,
            {"id": "CVE-2024-3651", "until": "2999-01-01", "reason": "names are our own"},
            {"id": "GHSA-v845-jxx5-vc9f", "until": "2020-01-01"},
            "CVE-0000-0000",
        ],
    )
    document = said(audit(project.folder, "--json", "--ignore", "CVE-2023-45803:until 2999-12-31"))
    assert {name for _, name, _ in found(document)} == {"GHSA-v845-jxx5-vc9f", OF_DEVELOPERS[1]}
    assert [one["id"] for one in document["unused_ignores"]] == ["CVE-0000-0000"]
    ran = audit(project.folder)
    assert ran.code == 1
    assert "GHSA-v845-jxx5-vc9f was ignored until 2020-01-01: it counts" in ran.out
    assert "CVE-0000-0000 is ignored, and was not found" in ran.out
    every = [f"--ignore={name}" for _, name, _ in (*EXPECTED, OF_DEVELOPERS)]
    ran = audit(project.folder, *every)
    assert ran.code == 0, ran
    assert "✓ nothing is known against " in ran.out
    assert ran.out.rstrip().endswith("5 ignored")


def test_what_is_private_is_not_told(audit, project, osv):
    settings(project, private=["idna", "Url*"])
    document = said(audit(project.folder, "--json"))
    assert {package for package, _, _ in found(document)} == {"jinja2", "requests"}
    assert not {name for name, _ in osv.asked} & {"idna", "urllib3"}
    assert {one["name"] for one in document["packages"] if not one["asked"]} == {
        "holdfast", "idna", "trainer", "urllib3",
    }  # fmt: skip


def test_a_wrong_setting_is_said(audit, project, osv):
    settings(project, ignore="all", until=3)
    ran = audit(project.folder)
    assert ran.code == 2
    assert "has no key 'until'" in ran.err
    assert "ignore is 'all'" in ran.err
    assert osv.batches == 0


def test_the_table_is_for_people(audit, project):
    ran = audit(project.folder, "--packages")
    assert ran.code == 1
    (line,) = (line for line in ran.out.splitlines() if "GHSA-jjg7-2v4v-x38h" in line)
    assert line.split()[:6] == [
        "idna", "3.6", "GHSA-jjg7-2v4v-x38h", "CVE-2024-3651", "medium", "3.7",
    ]  # fmt: skip
    assert "✗ 5 known against 4 of " in ran.out
    (line,) = (line for line in ran.out.splitlines() if line.startswith("markupsafe"))
    assert line.split()[-2:] == ["BSD-3-Clause", "models"]


def test_sarif_points_at_the_lock(audit, project, tmp_path):
    report = tmp_path / "audit.sarif"
    ran = audit(project.folder, "--sarif", report, "--ignore", IGNORED)
    assert ran.code == 1
    document = json.loads(report.read_text())
    (result,) = document["runs"]
    assert document["version"] == "2.1.0"
    lines = (project.folder / "uv.lock").read_text().splitlines()
    rules = result["tool"]["driver"]["rules"]
    for one in result["results"]:
        place = one["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "uv.lock"
        package = one["partialFingerprints"]["advisoryOfPackage/v1"].partition("/")[2]
        assert lines[place["region"]["startLine"] - 1] == f'name = "{package}"'
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    suppressed = [one["ruleId"] for one in result["results"] if "suppressions" in one]
    assert suppressed == ["GHSA-h5c8-rqwp-cp95"]
    scores = {one["id"]: one["properties"]["security-severity"] for one in rules}
    assert scores["GHSA-jjg7-2v4v-x38h"] == "7.5"


def test_the_bills_of_materials_are_what_their_specifications_allow(
    audit, project, sealed, tmp_path
):
    for number, named in enumerate((sealed.model, project.folder)):
        cyclonedx, spdx = tmp_path / f"{number}.cdx.json", tmp_path / f"{number}.spdx.json"
        ran = audit(named, "--sbom", cyclonedx, "--sbom", spdx)
        assert ran.code == 1, ran
        bill = json.loads(cyclonedx.read_text())
        parts = {one["name"]: one for one in bill["components"]}
        assert ("requests" in parts) is (named == sealed.model), "no developers' tools"
        assert parts["jinja2"]["purl"] == "pkg:pypi/jinja2@3.1.2"
        assert {one["hashes"][0]["alg"] for one in parts["jinja2"]["externalReferences"]} == {
            "SHA-256"
        }
        needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
        assert [one.partition("@")[0] for one in needs["jinja2@3.1.2"]] == ["markupsafe"]
        assert str(tmp_path) not in cyclonedx.read_text()
        document = parse_file(str(spdx))
        assert validate_full_spdx_document(document) == []
        names = {one.name: one for one in document.packages}
        assert names.keys() - {document.creation_info.name} == parts.keys()
        if named == project.folder:
            assert parts["jinja2"]["licenses"][0]["license"]["id"] == "BSD-3-Clause"
            assert str(names["jinja2"].license_declared) == "BSD-3-Clause"
    # A minute for all of it: the schema's validator compares every list's items with each other.
    bill["components"] = [parts["idna"], parts["jinja2"]]
    cyclonedx.write_text(json.dumps(bill))
    _check_cyclonedx(cyclonedx)


def _check_cyclonedx(path: Path) -> None:
    check = (
        "import sys; from cyclonedx.validation.json import JsonStrictValidator as V; "
        "from cyclonedx.schema import SchemaVersion as S; "
        "sys.exit(str(V(S.V1_6).validate_str(open(sys.argv[1]).read()) or '') or None)"
    )
    with_schemas = ["--with", "cyclonedx-python-lib[json-validation]>=11"]
    isolated = ["run", "--quiet", "--no-project", "--isolated", "--python", sys.executable]
    run_uv([*isolated, *with_schemas, "python", "-c", check, path])


def test_newer_versions_are_found_by_the_projects_index(audit, project):
    ran = audit(project.folder, "--json", "--outdated")
    about = {one["name"]: one for one in said(ran)["packages"]}
    assert about["idna"]["outdated"]
    assert about["jinja2"]["newest"] > "3.1.5"
    assert about["certifi"]["outdated"] is False, "the lock was made with the same exclude-newer"
    assert about["trainer"]["newest"] is None


def test_an_answer_in_pages_and_a_busy_service_are_no_trouble(audit, project, osv):
    osv.page, osv.busy = 1, 2
    assert found(said(audit(project.folder, "--json"))) == {*EXPECTED, OF_DEVELOPERS}
    assert osv.batches > 2


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", "no JSON"),
        (200, b'{"results": []}', "no answer to a batch"),
        (200, b'{"results": 3}', "no answer to a batch"),
        (200, b"[" * 100_000, "no JSON"),
        (404, b"{}", "status 404"),
        (503, b"", "status 503"),
    ],
)
def test_a_service_that_fails_is_not_one_that_knows_nothing(
    audit, project, osv, status, body, expected
):
    osv.answers = (status, body)
    ran = audit(project.folder)
    assert (ran.code, ran.out) == (3, "")
    assert expected in ran.err
    assert "hint: " in ran.err


def test_a_service_that_is_not_there(audit, project):
    ran = audit(project.folder, "--service", "http://ada:s3cret@127.0.0.1:9")
    assert ran.code == 3
    assert "cannot be asked for advisories" in ran.err
    assert "s3cret" not in ran.err


def test_what_cannot_be_audited_says_why(audit, tmp_path):
    ran = audit(tmp_path / "nowhere")
    assert ran.code == 2
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "pyproject.toml").write_text('[project]\nname = "bare"\nversion = "1"\n')
    ran = audit(bare)
    assert ran.code == 2
    assert "has no uv.lock" in ran.err
    assert audit(bare, "--ignore", "CVE-1:tomorrow").code == 2


def test_a_file_that_cannot_be_written_is_known_before_one_is(audit, project, tmp_path):
    bill = tmp_path / "bill.json"
    ran = audit(project.folder, "--sbom", bill, "--sarif", tmp_path / "nowhere" / "a.sarif")
    assert ran.code == 2
    assert not bill.exists()


def test_of_git_the_version_counts_where_the_lock_has_one(audit, project, tmp_path):
    repository = tmp_path / "kelp"
    repository.mkdir()
    (repository / "pyproject.toml").write_text(
        '[project]\nname = "kelp"\nversion = "1.0"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    (repository / "kelp.py").write_text("")
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "kelp"]):
        subprocess.run([*git, *arguments], check=True)
    project.pyproject(*OLD, f"kelp @ git+{repository.as_uri()}")
    project.uv("lock", "--quiet")
    ran = audit(project.folder, "--json", "--sbom", tmp_path / "bill.json")
    about = {one["name"]: one for one in said(ran)["packages"]}
    assert (about["kelp"]["kind"], about["kelp"]["asked"]) == ("vcs", True)
    assert about["kelp"]["purl"].startswith("pkg:pypi/kelp@1.0?vcs_url=git%2B")


def test_one_is_asked_and_the_command_line_says_which(audit, project, osv, tmp_path):
    database = advisories.write_folder(tmp_path / "database")
    assert audit(project.folder, "--json", "--database", database).code == 1
    assert osv.batches == 0, "the service was only in a variable"
    both = ["--database", database, "--service", osv.url]
    assert audit(project.folder, *both).code == 2
    ran = audit(
        project.folder, "--json", "--service", osv.url, HOLDFAST_AUDIT_DATABASE=str(database)
    )
    assert said(ran)["source"] == osv.url
