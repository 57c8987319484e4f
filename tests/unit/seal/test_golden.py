from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import SealError
from holdfast.seal.golden import Golden, Payload
from holdfast.seal.store import to_json

PAYLOADS = st.builds(
    Payload,
    header=st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4)),
    buffers=st.lists(st.binary(max_size=20), max_size=3).map(tuple),
)
GOLDEN = st.builds(
    Golden,
    given=PAYLOADS,
    answer=PAYLOADS,
    params=st.none() | st.dictionaries(st.text(max_size=4), st.floats(allow_nan=False)),
)


@settings(deadline=None)
@given(GOLDEN)
def test_round_trip(golden):
    text = to_json(golden.to_dict())
    assert Golden.from_json(text) == golden
    assert to_json(Golden.from_json(text).to_dict()) == text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "has format 2; Holdfast here reads 1"),
        ({"input": None}, "no payload in 'input'"),
        ({"answer": {"header": {}, "buffers": ["not base64!"]}}, "no payload in 'answer'"),
        ({"answer": {"header": [], "buffers": []}}, "no header in 'answer'"),
        ({"answer": {"header": {}, "buffers": 3}}, "no payload in 'answer'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change, said):
    payload = {"header": {}, "buffers": []}
    good = {"format": 1, "input": payload, "answer": payload, "params": None}
    with pytest.raises(SealError, match=r"holdfast/golden\.json") as caught:
        Golden.from_json(json.dumps(good | change).encode())
    assert said in caught.value.message


@pytest.mark.parametrize("text", [b"", b"[]", b"3", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_golden_file(text):
    with pytest.raises(SealError, match="cannot be read"):
        Golden.from_json(text)
