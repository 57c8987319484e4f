from __future__ import annotations

from dataclasses import fields

import pytest

from holdfast.project.settings import Settings, readable_settings
from holdfast.seal.grade import Grade


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for field in fields(Settings):
        monkeypatch.delenv(f"HOLDFAST_{field.name.upper()}", raising=False)


def project(**table):
    return {"tool": {"holdfast": {key.replace("_", "-"): one for key, one in table.items()}}}


def test_the_defaults():
    assert readable_settings({}) == readable_settings() == (Settings(), ())


def test_every_key_is_read():
    given = {
        "off": True,
        "extras": ["gpu"],
        "groups": ["plots", "more"],
        "exclude": ["dask"],
        "vendor": ["git", "url"],
        "slim_include": ["scipy"],
        "require_grade": "frozen",
        "golden_rows": 5,
        "golden_bytes": 100,
        "golden_seconds": 7,
    }
    assert given.keys() == {field.name for field in fields(Settings)}
    read, problems = readable_settings(project(**given))
    assert not problems
    assert read == Settings(
        off=True,
        extras=("gpu",),
        groups=("plots", "more"),
        exclude=("dask",),
        vendor=("git", "url"),
        slim_include=("scipy",),
        require_grade=Grade.FROZEN,
        golden_rows=5,
        golden_bytes=100,
        golden_seconds=7,
    )


def test_a_variable_counts_more_than_the_project(monkeypatch):
    monkeypatch.setenv("HOLDFAST_EXTRAS", " gpu, plots ,")
    monkeypatch.setenv("HOLDFAST_OFF", "no")
    monkeypatch.setenv("HOLDFAST_GOLDEN_ROWS", "3")
    read, _ = readable_settings(project(extras=["cpu"], off=True, golden_rows=9, golden_seconds=1))
    assert (read.extras, read.off, read.golden_rows, read.golden_seconds) == (
        ("gpu", "plots"),
        False,
        3,
        1,
    )


def test_a_member_counts_more_than_its_workspace():
    read, _ = readable_settings(project(extras=["a"], golden_rows=1), project(extras=["b"]))
    assert (read.extras, read.golden_rows) == (("b",), 1)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("off", "perhaps", "[tool.holdfast] off is 'perhaps'; expected true or false"),
        ("golden-rows", -1, "golden-rows is -1; expected a whole number"),
        ("golden-rows", True, "golden-rows is True; expected a whole number"),
        ("golden-rows", [], "golden-rows is []; expected a whole number"),
        ("extras", 3, "extras is 3; expected a list of names"),
        ("extras", [3], "extras is [3]; expected a list of names"),
        ("require-grade", "best", "require-grade is 'best'; a grade is one of locked, frozen"),
        ("grups", [], "no key 'grups'; did you mean 'groups'?"),
        ("golden_rows", 3, "no key 'golden_rows'; did you mean 'golden-rows'?"),
        ("zzz", 1, "no key 'zzz'"),
    ],
)
def test_what_is_wrong_is_said(key, value, said):
    _, problems = readable_settings({"tool": {"holdfast": {key: value}}})
    assert len(problems) == 1
    assert said in problems[0]


def test_all_that_is_wrong_is_said_at_once_and_the_rest_counts(monkeypatch):
    monkeypatch.setenv("HOLDFAST_OFF", "maybe")
    read, problems = readable_settings(project(grups=[], golden_rows="x", extras=["gpu"]))
    assert read == Settings(extras=("gpu",))
    assert len(problems) == 3
    assert all(one in "".join(problems) for one in ("grups", "golden-rows", "HOLDFAST_OFF"))


def test_a_grade_that_cannot_be_read_stands_for_the_best():
    read, problems = readable_settings(project(require_grade="lokked"))
    assert read.require_grade is Grade.LOCKED
    assert problems


def test_a_table_that_is_none():
    assert "expected a table" in readable_settings({"tool": {"holdfast": 3}})[1][0]


def test_a_kind_that_cannot_be_vendored_is_said(monkeypatch):
    monkeypatch.setenv("HOLDFAST_VENDOR", "git,hg")
    settings, problems = readable_settings({})
    assert settings.vendor == ()
    assert problems == ("HOLDFAST_VENDOR has 'hg'; expected git, url",)
