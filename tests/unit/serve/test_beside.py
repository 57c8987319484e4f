"""What stands beside a model: its syntax, which requests a canary gets, how answers differ."""

from __future__ import annotations

import json

import pytest

from holdfast.errors import InputError
from holdfast.serve.beside import Beside, read_beside
from holdfast.serve.endpoint.difference import differ
from holdfast.serve.endpoint.shadow import ShadowTally
from holdfast.serve.endpoint.share import Share


@pytest.mark.parametrize(
    ("text", "uri", "weight"),
    [
        ("churn=10%:models:/churn@challenger", "models:/churn@challenger", 10),
        ("churn=0.5%:runs:/1a/model", "runs:/1a/model", 0.5),
        ("churn=100%:/models/a=b%:c", "/models/a=b%:c", 100),
        ("churn=0%:s3://bucket/a:10", "s3://bucket/a:10", 0),
    ],
)
def test_a_canary_is_a_weight_and_any_uri(text, uri, weight):
    found = read_beside(["churn", "digits"], [text], [])
    assert found == {"churn": Beside(canary=uri, weight=weight), "digits": Beside()}


def test_the_name_may_be_left_away_where_there_is_one():
    found = read_beside(["churn"], ["5%:models:/a@b"], ["models:/a@c"])
    assert found == {"churn": Beside(canary="models:/a@b", weight=5, shadow="models:/a@c")}


@pytest.mark.parametrize(
    ("canaries", "shadows"),
    [
        (["10%:models:/a@b"], []),
        (["other=10%:models:/a@b"], []),
        (["churn=models:/a@b"], []),
        (["churn=101%:models:/a@b"], []),
        (["churn=-1%:models:/a@b"], []),
        (["churn=10:models:/a@b"], []),
        (["churn=10%:"], []),
        (["churn=1%:a", "churn=2%:b"], []),
        ([], ["models:/a@b"]),
        ([], ["churn="]),
        ([], ["churn=a", "churn=b"]),
    ],
)
def test_what_is_unclear_is_refused(canaries, shadows):
    with pytest.raises(InputError):
        read_beside(["churn", "digits"], canaries, shadows)


@pytest.mark.parametrize("weight", [0, 0.01, 1, 10, 33.33, 50, 99, 100])
def test_a_share_is_exact_at_any_time(weight):
    share, taken = Share(weight), 0
    points = round(weight * 100)
    for number in range(1, 20_001):
        taken += share.takes()
        assert taken == number * points // 10_000


def test_a_share_is_spread():
    share = Share(25)
    assert [share.takes() for _ in range(8)] == [False, False, False, True] * 2


def test_a_share_can_change_and_is_a_percentage():
    share = Share(10)
    share.weight = 50
    assert sum(share.takes() for _ in range(1000)) == 500
    for wrong in (-1, 100.01, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="percentage"):
            share.weight = wrong
    assert share.weight == 50


@pytest.mark.parametrize(
    ("one", "other", "numbers", "total", "largest", "others"),
    [
        ([1, 2.0, 3], [1, 2, 3], 0, 0, 0, 0),
        ([1, 2, 3], [1, 4, 2.5], 2, 2.5, 2, 0),
        ([[1.0], [2.0]], [[1.5], [2.0]], 1, 0.5, 0.5, 0),
        ({"a": 1, "b": "x"}, {"a": 2, "b": "y"}, 1, 1, 1, 1),
        ([1, 2], [1, 2, 3], 0, 0, 0, 1),
        ({"a": 1}, {"b": 1}, 0, 0, 0, 1),
        ([None], [1.0], 0, 0, 0, 1),
        ([True], [1], 0, 0, 0, 1),
        (["a"], ["a"], 0, 0, 0, 0),
        ([10**400], [1], 0, 0, 0, 1),
        ([1e308], [-1e308], 0, 0, 0, 1),
    ],
)
def test_how_answers_differ(one, other, numbers, total, largest, others):
    found = differ(one, other)
    assert (found.numbers, found.total, found.largest, found.others) == (
        numbers,
        total,
        largest,
        others,
    )
    assert bool(found) == bool(numbers or others)


def test_a_shadows_answers_are_counted():
    tally = ShadowTally()
    said = [[1.0, 2.0], [1.0, 2.5], [1.0, 3.0], ["old", 2.0]]
    for answer in said:
        tally.compare(b'{"predictions":[1.0,2.0]}', json.dumps({"predictions": answer}).encode())
    assert (tally.agreed, tally.disagreed, tally.numbers, tally.others) == (1, 3, 2, 1)
    assert (tally.largest, tally.mean) == (1.0, 0.75)
    tally.compare(b'{"predictions":[1.0]}', b"not JSON")
    assert (tally.disagreed, tally.others) == (4, 2)
