"""Which versions an advisory is about, as the OSV schema says it."""

from __future__ import annotations

import pytest
from packaging.version import Version

from advisories import KNOWN
from holdfast.audit.advisory import read_advisory


def record(*events: dict[str, str], name: str = "kelp", **more: object) -> dict:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges, **more}
    return {"id": "T-1", "affected": [affected]}


def affects(document: dict, version: str, name: str = "kelp") -> bool:
    return read_advisory(document).affects(name, Version(version))


def introduced(version: str) -> dict[str, str]:
    return {"introduced": version}


def fixed(version: str) -> dict[str, str]:
    return {"fixed": version}


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([introduced("0")], ["0.dev0", "0.1", "99"], []),
        ([introduced("0"), fixed("1.5")], ["0.0.1", "1.4", "1.5rc1"], ["1.5", "1.5.0", "2"]),
        ([introduced("1.2"), fixed("1.10")], ["1.2", "1.9"], ["1.1", "1.10", "1.2rc1"]),
        ([introduced("1"), {"last_affected": "1.3"}], ["1", "1.3", "1.3.0"], ["1.3.1", "0.9"]),
        # As they stand in real records: the newer line first.
        (
            [introduced("2"), fixed("2.3"), introduced("0"), fixed("1.9")],
            ["1.8", "2", "2.2"],
            ["1.9", "1.99", "2.3", "3"],
        ),
        ([introduced("1"), introduced("3"), fixed("2")], ["1", "1.9", "3", "4"], ["0.9", "2"]),
        ([introduced("1"), {"last_affected": "1"}], ["1"], ["1.0.1", "0"]),
    ],
)
def test_a_range_is_what_its_events_say(events, inside, outside):
    assert all(affects(record(*events), version) for version in inside)
    assert not any(affects(record(*events), version) for version in outside)


def test_a_listed_version_is_affected_whatever_the_ranges_say():
    document = record(introduced("5"), versions=["1.0", "2004-odd-one"])
    assert affects(document, "1.0")
    assert affects(document, "1")
    assert affects(document, "5.1")
    assert not affects(document, "2")


def test_a_build_is_as_bad_as_the_public_version_that_it_is_made_of():
    document = record(introduced("0"), {"last_affected": "2.5.1"}, versions=["2.5.1"])
    assert affects(document, "2.5.1+cpu")
    assert not affects(record(introduced("0"), fixed("2.5.1")), "2.5.1+cpu")


def test_names_are_compared_as_pep_503_has_them():
    assert affects(record(introduced("0"), name="Kelp_Forest.Py"), "1", "kelp-forest-py")
    assert not affects(record(introduced("0"), name="kelp"), "1", "kelp-forest")


def test_what_was_withdrawn_is_about_nothing():
    assert not affects({**record(introduced("0")), "withdrawn": "2024-01-01T00:00:00Z"}, "1")


def test_other_ecosystems_and_commits_are_left_out():
    document = record(introduced("0"))
    document["affected"][0]["package"]["ecosystem"] = "npm"
    assert not affects(document, "1")
    document = record()
    document["affected"][0]["ranges"] = [{"type": "GIT", "events": [introduced("0")]}]
    assert not affects(document, "1")


def test_an_event_that_is_no_version_says_nothing():
    assert not affects(record(introduced("r2-final")), "1")
    assert affects(record(introduced("0"), fixed("r2-final")), "9")


def test_the_fixes_are_named():
    document = record(introduced("2"), fixed("2.3"), introduced("0"), fixed("1.9"))
    assert sorted(map(str, read_advisory(document).fixes("kelp"))) == ["1.9", "2.3"]


@pytest.mark.parametrize(
    "document",
    [None, [], "text", {}, {"id": "T", "affected": [{}]}, {"id": "T", "affected": ["x"]},
     {"id": "T", "severity": ["x"]}, {"id": "T", "affected": [{"package": None}]}, {"id": ["T"]}],
)  # fmt: skip
def test_what_is_no_record_is_refused(document):
    with pytest.raises(ValueError, match="no OSV record"):
        read_advisory(document)


@pytest.mark.parametrize(("document", "versions"), KNOWN)
def test_real_records_are_read_as_people_read_them(document, versions):
    from packaging.specifiers import SpecifierSet

    advisory = read_advisory(document)
    (name,) = {one.name for one in advisory.affected}
    tried = ["1.0", "1.26.16", "1.26.17", "1.26.18", "2.0.0", "2.0.4", "2.0.5", "2.0.6", "2.0.7",
             "2.31.0", "2.32.2", "3.1.2", "3.1.3", "3.6", "3.7"]  # fmt: skip
    wanted = [one for one in tried if one in SpecifierSet(versions)]
    assert [one for one in tried if advisory.affects(name, Version(one))] == wanted
