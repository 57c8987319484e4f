"""A receipt crosses from one process to another as JSON."""

from __future__ import annotations

import json

import pytest

from holdfast.restore.restored import Slim
from holdfast.verify.receipt import Check, Receipt, Status


@pytest.mark.parametrize(
    "slim",
    [None, Slim(packages=2, bytes=3, whole_packages=4, whole_bytes=5, left_out=("scipy",))],
)
def test_it_reads_what_it_wrote(slim):
    receipt = Receipt(
        model="models:/churn/3",
        seal="ab" * 32,
        grade="locked",
        created="2026-11-21T14:00:00+00:00",
        environment="cd" * 20,
        machine={"python": "3.11.7"},
        checks=(
            Check(name="model-files", status=Status.MATCH, summary="12 files"),
            Check(name="strays", status=Status.MISMATCH, summary="1", details=("stray: a.pth",)),
        ),
        slim=slim,
    )
    again = Receipt.from_dict(json.loads(json.dumps(receipt.to_dict())))
    assert again == receipt
    assert not again.matches
