from __future__ import annotations

import pytest

from holdfast.serve.page.pad import pad, picture_of
from holdfast.serve.protocol.schema import Column, Schema, Tensor


def taken(*shape, kind="float32", name=""):
    return picture_of(Schema(tensors=(Tensor(name, kind, shape),)))


@pytest.mark.parametrize("shape", [(-1, 8, 64), (-1, 8, 64, 1), (-1, 1, 8, 64)])
@pytest.mark.parametrize("kind", ["uint8", "int64", "float32"])
def test_a_tensor_that_is_a_picture(shape, kind):
    picture = taken(*shape, kind=kind)
    assert (picture.height, picture.width) == (8, 64)


@pytest.mark.parametrize(
    "shape",
    [(-1, 28), (28, 28), (-1, 28, 28, 3), (-1, 3, 28, 28), (-1, 7, 28), (-1, 28, 65), (-1, -1, 28)],
)
def test_a_tensor_that_is_none(shape):
    assert taken(*shape) is None


def test_other_inputs():
    assert taken(-1, 28, 28, kind="bool") is None
    assert taken(-1, 28, 28, kind="str") is None
    two = Tensor("a", "uint8", (-1, 28, 28)), Tensor("b", "uint8", (-1, 28, 28))
    assert picture_of(Schema(tensors=two)) is None
    assert picture_of(Schema(columns=(Column("x", "double"),))) is None
    assert picture_of(Schema()) is None


def test_a_name_is_no_markup():
    shown = pad(taken(-1, 28, 28, name="\"><img src=x onerror='alert(1)'>"))
    assert "<img" not in shown
    assert "onerror='" not in shown
