from __future__ import annotations

from holdfast.image.layers.group import group

_MIB = 1 << 20
_SIZES = {f"small-{n}": 1000 * n for n in range(60)} | {
    f"big-{n}": _MIB * (n + 1) for n in range(9)
}


def _layers_of(groups) -> dict[str, tuple[str, ...]]:
    return {name: one for one in groups for name in one}


def test_big_ones_stand_alone_and_small_ones_together():
    groups = group(_SIZES, 100)
    assert sorted(name for one in groups for name in one) == sorted(_SIZES)
    alone = {one[0] for one in groups if len(one) == 1}
    assert alone >= {f"big-{n}" for n in range(9)}
    assert len(groups) <= 9 + 8


def test_never_more_than_there_is_room_for():
    for most in (1, 2, 8, 9, 12, 100):
        groups = group(_SIZES, most)
        assert len(groups) <= most
        assert sorted(name for one in groups for name in one) == sorted(_SIZES)


def test_where_room_is_short_the_biggest_stand_alone():
    assert [one for one in group(_SIZES, 10) if len(one) == 1] == [("big-7",), ("big-8",)]


def test_a_small_one_that_grows_changes_nothing():
    assert group({**_SIZES, "small-3": 5000}, 100) == group(_SIZES, 100)


def test_a_new_one_moves_nobody():
    before = set(group(_SIZES, 100))
    after = set(group({**_SIZES, "small-new": 10}, 100))
    assert len(after - before) == len(before - after) == 1
    after = set(group({**_SIZES, "big-new": 5 * _MIB}, 100))
    assert after - before == {("big-new",)}
    assert before <= after


def test_order_does_not_count_and_nothing_is_nothing():
    assert group(dict(reversed(_SIZES.items())), 100) == group(_SIZES, 100)
    assert group({}, 100) == ()
