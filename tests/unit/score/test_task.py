"""What a driver hands to its nodes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

import mlflow
import pytest

from holdfast.model import Model
from holdfast.score.task import place_order

MODEL = Model(uri="models:/doubles/3", path=cast("Any", None), seal=cast("Any", None), digest="d1")


@pytest.fixture
def tracking():
    before = mlflow.get_tracking_uri()
    yield mlflow.set_tracking_uri
    mlflow.set_tracking_uri(before)


@pytest.mark.parametrize(
    ("uri", "sent"),
    [
        ("http://mlflow.example:5000", "http://mlflow.example:5000"),
        ("http://ada:s3cret@mlflow.example", ""),
        ("postgresql://ada:s3cret@db.example/mlflow", ""),
    ],
)
def test_a_tracking_uri_with_a_password_stays_with_the_driver(tracking, uri, sent):
    tracking(uri)
    order, _ = place_order(MODEL, keep=("id",))
    assert order.tracking == sent
    assert "s3cret" not in repr(order)


def test_an_order_is_plain_values_and_names_one_version(tracking):
    tracking("http://mlflow.example:5000")
    order, _ = place_order(MODEL, keep=("id",), slim_include=("torch",))
    assert (order.model, order.seal) == ("models:/doubles/3", "d1")
    for field in fields(order):
        value = getattr(order, field.name)
        values = value if isinstance(value, tuple) else (value,)
        assert all(type(one) in (str, bool, float) for one in values), field.name
