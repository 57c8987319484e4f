from __future__ import annotations

import pytest

from holdfast.serve.endpoint.example import shorten
from holdfast.serve.protocol.schema import Column, Schema, Tensor

COLUMNS = Schema(columns=(Column("x", "double"),))
TENSOR = Schema(tensors=(Tensor("", "float64", (-1, 1)),))
NAMED = Schema(tensors=(Tensor("a", "float64", (-1, 1)), Tensor("b", "float64", (3,))))
NINE = [[float(n)] for n in range(9)]


@pytest.mark.parametrize(
    ("body", "schema", "expected"),
    [
        (
            {"dataframe_split": {"columns": ["x"], "data": NINE, "index": list(range(9))}},
            COLUMNS,
            {"dataframe_split": {"columns": ["x"], "data": NINE[:5], "index": list(range(5))}},
        ),
        (
            {"dataframe_split": {"columns": list("abcdefg"), "data": [[1] * 7]}},
            COLUMNS,
            {"dataframe_split": {"columns": list("abcdefg"), "data": [[1] * 7]}},
        ),
        (
            {"dataframe_records": [{"x": 1}] * 9, "params": {"top": list(range(9))}},
            COLUMNS,
            {"dataframe_records": [{"x": 1}] * 5, "params": {"top": list(range(9))}},
        ),
        ({"inputs": NINE}, TENSOR, {"inputs": NINE[:5]}),
        ({"instances": NINE}, TENSOR, {"instances": NINE[:5]}),
        # A tensor whose first axis is not free stays whole.
        (
            {"inputs": {"a": NINE, "b": [1, 2, 3]}},
            NAMED,
            {"inputs": {"a": NINE[:5], "b": [1, 2, 3]}},
        ),
        # Without a signature a list may be one row, and a chat is one whatever its length.
        ({"inputs": NINE}, Schema(), {"inputs": NINE}),
        ({"messages": [{"content": "a"}] * 9}, Schema(), {"messages": [{"content": "a"}] * 9}),
    ],
)
def test_five_rows_where_a_row_is_known(body, schema, expected):
    assert shorten(body, schema, 5) == expected
