"""The gateway's decoders take rows or leave them to the worker, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.serve.protocol.decoder import compile_decoder
from holdfast.serve.protocol.schema import read_schema

COLUMNS = [
    *({"type": kind, "name": kind} for kind in ("boolean", "integer", "long", "float", "double")),
    {"type": "string", "name": "é"},
]
TENSOR = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]
DECODERS = [compile_decoder(read_schema(COLUMNS)), compile_decoder(read_schema(TENSOR))]
GOOD = [
    '{"dataframe_split":{"columns":["boolean","integer","long","float","double","é"],'
    '"data":[[true,1,2,3.5,4.5,"ü"]]}}'.encode(),
    '{"dataframe_records":[{"boolean":true,"integer":1,"long":2,"float":3.5,"double":4.5,'
    '"é":"ü"}]}'.encode(),
    b'{"inputs":[[1,2],[3,4]]}',
    b'{"instances":[[1.5,2]]}',
]
TOKENS = st.sampled_from(
    [b"NaN", b"1e400", b"[[", b"\xff", b"\x9e", b"\xed\xa0\x80", b"\\ud800", b"9" * 30]
)


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(GOOD))
    start = draw(st.integers(0, len(text)))
    end = start + draw(st.integers(0, 4))
    return text[:start] + draw(TOKENS | st.binary(max_size=3)) + text[end:]


@settings(max_examples=500, deadline=None)
@given(broken() | st.binary(max_size=60))
@example(b'{"dataframe_split":{"columns":["\x9e"],"data":[]}}')
@example(b'{"dataframe_split":{"columns":' + b"[" * 100_000 + b',"data":[]}}')
@example(b'{"inputs":' + b"[" * 100_000)
def test_rows_or_none(body):
    for decoder in DECODERS:
        found = decoder.decode(body)
        if found is not None:
            count, rows = found
            assert count == len(rows) > 0
            decoder.join([rows, rows])


@pytest.mark.parametrize("body", GOOD)
def test_what_is_plain_is_taken(body):
    assert sum(decoder.decode(body) is not None for decoder in DECODERS) == 1
