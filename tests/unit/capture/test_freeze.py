from __future__ import annotations

from holdfast.capture.freeze import _joined
from holdfast.capture.material import Material
from holdfast.project.settings import Settings
from holdfast.seal.grade import Grade


def test_edges_that_lead_nowhere_are_left_out():
    packages = [
        {"name": "a", "version": "1", "dependencies": [{"name": "b"}, {"name": "gone"}]},
        {"name": "b", "version": "2", "dependencies": [{"name": "a", "version": "0"}]},
        {"name": "c", "version": "1", "dependencies": [{"name": "b", "version": "2"}]},
    ]
    assert _joined(packages) == [
        {"name": "a", "version": "1", "dependencies": [{"name": "b"}]},
        {"name": "b", "version": "2"},
        {"name": "c", "version": "1", "dependencies": [{"name": "b", "version": "2"}]},
    ]


def test_a_grade_only_falls_and_says_each_reason_once():
    material = Material(settings=Settings(), grade=Grade.LOCKED)
    fallen = material.fallen(Grade.PINNED, "one").fallen(Grade.FROZEN, "two")
    fallen = fallen.fallen(Grade.FROZEN, "two")
    assert (fallen.grade, fallen.reasons) == (Grade.PINNED, ("one", "two"))
