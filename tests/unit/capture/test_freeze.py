from __future__ import annotations

import pytest

from holdfast.capture.freeze import _joined, _not_had
from holdfast.capture.material import Material
from holdfast.project.settings import Settings
from holdfast.seal.grade import Grade


def test_edges_that_lead_nowhere_are_left_out():
    packages = [
        {"name": "a", "version": "1", "dependencies": [{"name": "b"}, {"name": "gone"}]},
        {"name": "b", "version": "2", "dependencies": [{"name": "a", "version": "0"}]},
        {"name": "d", "version": "1", "marker": "one"},
        {"name": "d", "version": "2", "marker": "other"},
        {"name": "e", "version": "1", "dependencies": [{"name": "d", "version": "0"}]},
        {"name": "c", "version": "1", "dependencies": [{"name": "b", "version": "2"}]},
    ]
    assert _joined(packages) == [
        {"name": "a", "version": "1", "dependencies": [{"name": "b"}]},
        {"name": "b", "version": "2", "dependencies": [{"name": "a"}]},
        {"name": "d", "version": "1", "marker": "one"},
        {"name": "d", "version": "2", "marker": "other"},
        {"name": "e", "version": "1"},
        {"name": "c", "version": "1", "dependencies": [{"name": "b", "version": "2"}]},
    ]


def test_a_grade_only_falls_and_says_each_reason_once():
    material = Material(settings=Settings(), grade=Grade.LOCKED)
    fallen = material.fallen(Grade.PINNED, "one").fallen(Grade.FROZEN, "two")
    fallen = fallen.fallen(Grade.FROZEN, "two")
    assert (fallen.grade, fallen.reasons) == (Grade.PINNED, ("one", "two"))


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("Because there is no version of idna==99.9 and you require", {"idna"}),
        ("Because there is\n no version of My_Own.Package==1 and", {"my-own-package"}),
        ("Because not-there was not found in the package registry and you", {"not-there"}),
        ("error sending request for url", set()),
    ],
)
def test_what_uv_did_not_find_is_read_from_its_words(said, names):
    assert _not_had(said) == names
