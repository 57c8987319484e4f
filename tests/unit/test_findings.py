"""What was found about slim environments is a cache: what cannot be read was never found."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from holdfast.restore.findings import Finding, recall, remember, slim_keys
from holdfast.restore.restored import Slim

MODEL = SimpleNamespace(digest="ab" * 32)
FOUND = Finding(
    key="k" * 40,
    names=frozenset({"numpy", "pandas"}),
    slim=Slim(
        packages=2, bytes=3, whole_packages=4, whole_bytes=5, left_out=("a", "b"), unused=("b",)
    ),
)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    remember(MODEL, ["numpy"], FOUND)
    (path,) = (tmp_path / "home" / "slim").iterdir()
    return path


def test_it_is_found_again_for_the_same_seal_and_the_same_wishes(kept):
    assert recall(MODEL, ["numpy"]) == FOUND
    assert recall(MODEL, []) is None
    assert recall(SimpleNamespace(digest="cd" * 32), ["numpy"]) is None
    assert slim_keys() == {FOUND.key}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"key": "k", "names": 7}', '{"key": "k", "names": [], "slim": {}}']
)
def test_what_cannot_be_read_was_never_found(kept, text):
    kept.write_text(text)
    assert recall(MODEL, ["numpy"]) is None
    assert slim_keys() == frozenset()
