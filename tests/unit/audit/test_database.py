"""Advisories on this disk: what is read, and what is refused."""

from __future__ import annotations

import json

import pytest

from advisories import write_folder, write_repository, write_zip
from holdfast.audit.database import read_database
from holdfast.audit.wishes import read_wishes
from holdfast.errors import InputError
from holdfast.progress import silent
from holdfast.project.discover import project_above
from holdfast.project.settings import readable_settings

WANTED = [("idna", "3.6"), ("idna", "3.7"), ("urllib3", "2.0.6"), ("six", "1.17.0")]


@pytest.mark.parametrize("write", [write_folder, write_zip, write_repository])
def test_a_folder_a_zip_and_a_repository_say_the_same(write, tmp_path):
    database = read_database(write(tmp_path / "database"), silent)
    found = {key: {one.id for one in each} for key, each in database.ask(WANTED).items()}
    assert found == {
        ("idna", "3.6"): {"PYSEC-2024-60", "GHSA-jjg7-2v4v-x38h"},
        ("idna", "3.7"): set(),
        ("urllib3", "2.0.6"): {"GHSA-g4mx-q9vg-27p4"},
        ("six", "1.17.0"): set(),
    }
    assert (database.records, database.newest[:10]) == (7, "2024-07-11")


def test_a_version_without_quotes_keeps_its_last_zero(tmp_path):
    (tmp_path / "T-1.yaml").write_text(
        "id: T-1\naffected:\n- package: {ecosystem: PyPI, name: kelp}\n"
        "  ranges:\n  - {type: ECOSYSTEM, events: [{introduced: 1.2}, {fixed: 1.10}]}\n"
    )
    found = read_database(tmp_path, silent).ask([("kelp", "1.9"), ("kelp", "1.1")])
    assert [len(found["kelp", version]) for version in ("1.9", "1.1")] == [1, 0]


def test_files_that_are_no_records_are_named(tmp_path):
    folder = write_folder(tmp_path / "database")
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text(json.dumps({"name": "no record"}))
    (folder / "c.yaml").write_text("a: [")
    with pytest.raises(InputError) as caught:
        read_database(folder, silent)
    assert all(f"{name}: " in caught.value.message for name in ("a.json", "b.json", "c.yaml"))


def test_a_folder_without_any_is_refused(tmp_path):
    with pytest.raises(InputError, match="no advisory"):
        read_database(tmp_path, silent)


def test_what_is_no_zip_is_refused(tmp_path):
    path = tmp_path / "all.zip"
    path.write_text("no zip")
    with pytest.raises(InputError, match="cannot be read"):
        read_database(path, silent)


def project(folder, table):
    (folder / "pyproject.toml").write_text(f'[project]\nname = "kelp"\n{table}')
    return project_above(folder)


def test_a_project_says_what_it_ignores_and_whom_it_asks(tmp_path):
    made = project(
        tmp_path,
        "[tool.holdfast.audit]\n"
        'ignore = ["CVE-1", {id = "CVE-2", until = 2027-01-31, reason = "not here"}]\n'
        'private = ["Acme_*"]\nservice = "https://osv.example"\ndatabase = "advisories"\n',
    )
    wishes = read_wishes(made)
    assert [(one.id, one.reason) for one in wishes.ignores] == [
        ("CVE-1", ""),
        ("CVE-2", "not here"),
    ]
    assert (wishes.service, wishes.database) == ("https://osv.example", tmp_path / "advisories")
    assert wishes.keeps("acme-models")
    assert not wishes.keeps("acmeist")
    # A seal has no use for the table, and is not bothered by it.
    assert readable_settings(*made.pyprojects)[1] == ()


def test_all_that_is_wrong_with_the_table_is_said_at_once(tmp_path):
    made = project(
        tmp_path,
        '[tool.holdfast.audit]\nignored = []\nignore = ["a b", {until = 3}]\nprivate = "acme"\n'
        "service = 3\n",
    )
    with pytest.raises(InputError) as caught:
        read_wishes(made)
    assert len(caught.value.message.splitlines()) == 5


def test_without_a_project_nothing_is_wished(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_wishes(None).ignores == ()
