from __future__ import annotations

import pytest

from holdfast.capture.session import agree
from holdfast.capture.words import only_of_conda


@pytest.mark.parametrize(
    ("requirements", "together"),
    [
        (["idna==3.9", "idna>=3"], True),
        (["idna>=3,<4", "idna==3.9"], True),
        (["idna==3.9", "idna>=3.10"], False),
        (["idna==3.9", "idna==3.10"], False),
        (["torch==2.1.0+cpu", "torch>=2"], True),
        # Without a pin, only a resolver knows.
        (["idna>=3", "idna<4"], False),
        (["./wheels/x.whl", "idna==3"], False),
    ],
)
def test_a_pin_and_a_wish(requirements, together):
    assert agree(requirements) is together


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dependencies: [python=3.11, pip<=24, {pip: [a]}]", ()),
        ("dependencies: ['conda-forge::python>=3.10', pip]", ()),
        ("dependencies: [foo=1.0=h1, 'ch::cuda >=12']", ("foo=1.0=h1", "ch::cuda >=12")),
        ("dependencies: 3", ()),
        ("nothing: 3", ()),
        ("[", ()),
    ],
)  # fmt: skip
def test_what_only_conda_can_bring(tmp_path, text, found):
    (tmp_path / "conda.yaml").write_text(text)
    assert only_of_conda(tmp_path) == found


def test_no_conda_file(tmp_path):
    assert only_of_conda(tmp_path) == ()
