from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.errors import SealError
from holdfast.image.assemble import sealed_at
from holdfast.model import open_model
from kit import REPOSITORY

KEPT = REPOSITORY / "tests" / "compat" / "0.1.0"


@pytest.mark.parametrize(
    "created", ["yesterday", "", "2026-11-21", "2026-11-21T17:19:26Z\n", "9" * 99]
)
def test_a_seal_of_no_time_is_refused(created):
    model = open_model(KEPT)
    timeless = replace(model, seal=replace(model.seal, created=created))
    with pytest.raises(SealError, match="at no time"):
        sealed_at(timeless)


def test_an_image_is_as_old_as_its_seal():
    model = open_model(KEPT)
    assert sealed_at(model) == model.seal.created
