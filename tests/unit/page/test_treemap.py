"""A treemap has areas as its numbers, within its frame, and nothing on top of anything."""

from __future__ import annotations

import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.page.treemap import squarify

SIZES = st.lists(st.integers(1, 1 << 40), max_size=60).map(lambda one: sorted(one, reverse=True))
SIDE = st.floats(1, 1000)


@settings(deadline=None)
@given(SIZES, SIDE, SIDE)
@example([24712058226, 1], 1.5, 1.0)
@example([1 << 60, *[1] * 59], 100.0, 38.0)
def test_areas_are_as_the_numbers_and_within_the_frame(sizes, width, height):
    boxes = squarify(sizes, width, height)
    assert len(boxes) == len(sizes)
    for box, size in zip(boxes, sizes, strict=True):
        area = width * height * size / sum(sizes)
        assert math.isclose(box.width * box.height, area, rel_tol=1e-3, abs_tol=1e-6)
        assert box.left >= -1e-6
        assert box.top >= -1e-6
        assert box.left + box.width <= width * (1 + 1e-6)
        assert box.top + box.height <= height * (1 + 1e-6)


@settings(deadline=None)
@given(SIZES, SIDE, SIDE)
def test_no_box_lies_on_another(sizes, width, height):
    boxes = squarify(sizes, width, height)
    slack = 1e-6 * max(width, height)
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
            down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
            assert across <= slack or down <= slack


def test_boxes_are_near_to_squares():
    boxes = squarify([6, 6, 4, 3, 2, 2, 1], 6, 4)  # the example of the paper
    worst = max(max(box.width / box.height, box.height / box.width) for box in boxes)
    assert worst < 3.1


def test_nothing_has_no_boxes():
    assert squarify([], 10, 10) == []
