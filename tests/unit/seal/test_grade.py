from __future__ import annotations

import itertools

import pytest

from holdfast.errors import InputError
from holdfast.seal.grade import Grade, read_grade, worst

ORDER = [Grade.LOCKED, Grade.FROZEN, Grade.PINNED, Grade.INFERRED]


def test_the_order_is_from_the_best_down():
    assert list(Grade) == ORDER
    for better, lesser in itertools.combinations(ORDER, 2):
        assert better.reaches(lesser)
        assert not lesser.reaches(better)
        assert worst(better, lesser) is worst(lesser, better) is lesser
    for grade in ORDER:
        assert grade.reaches(grade)


def test_a_grade_that_is_none():
    assert read_grade("frozen", "here") is Grade.FROZEN
    with pytest.raises(InputError) as caught:
        read_grade("perfect", "HOLDFAST_REQUIRE_GRADE")
    assert caught.value.message == (
        "HOLDFAST_REQUIRE_GRADE is 'perfect'; a grade is one of locked, frozen, pinned, inferred"
    )
