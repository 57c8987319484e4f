"""Requests for a model, right and wrong, made systematically: wrappers, mutations of good rows.

Where our answer is to differ from that of MLflow's own server, a request names the difference, as
docs/serving-protocol.md does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from payload_bodies import any_payloads
from payload_cells import CELLS, HOLE, STRANGE, Payload, filled, filled_payloads, named
from payload_files import csv_payloads, parquet_payloads


def columns_payloads(row: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Payload]:
    """Requests for a model that takes columns.

    Args:
        row: A good row.
        kinds: A column for each of its types; where the mutations of values go.
    """
    for kind, column in kinds.items():
        for name, cell in CELLS.items():
            for wrapper, content in _wrapped({**row, column: HOLE}).items():
                yield filled(f"{kind} is {name} in {wrapper}", {wrapper: content}, cell)
    yield from _splits(row)
    yield from _records(row)
    yield from _serving(row)
    yield from csv_payloads(row, kinds)
    yield from parquet_payloads(row)
    good = {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}
    yield from any_payloads(good)


def tensor_payloads(rows: list[Any]) -> Iterator[Payload]:
    """Requests for a model that takes a tensor of two axes without a name."""
    hole = [[HOLE, *rows[0][1:]], *rows[1:]]
    yield from filled_payloads({"inputs": {"inputs": hole}, "instances": {"instances": hole}})
    shapes: dict[str, Any] = {
        "two rows": [*rows, *rows],
        "of ints": [[int(value) for value in row] for row in rows],
        "one axis": rows[0],
        "three axes": [rows],
        "a row too long": [[*rows[0], 1.0]],
        "a row too short": [rows[0][1:]],
        "ragged": [rows[0], rows[0][1:]],
        "no rows": [],
        "an empty row": [[]],
        **STRANGE,
    }
    for wrapper in ("inputs", "instances"):
        for name, content in shapes.items():
            yield named(f"{name} in {wrapper}", {wrapper: content})
    names = [f"x{at}" for at in range(len(rows[0]))]
    yield named("a table", {"dataframe_split": {"columns": names, "data": rows}})
    yield named("a table without names", {"dataframe_split": {"data": rows}})
    yield named("records", {"dataframe_records": [dict(zip(names, rows[0], strict=True))]})
    yield named("named inputs", {"inputs": {"x": rows}})
    yield named("named instances", {"instances": [{"x": rows[0]}]})
    yield from csv_payloads(dict(zip(names, rows[0], strict=True)), {"double": names[0]})
    yield from parquet_payloads(dict(zip(names, rows[0], strict=True)))
    yield from any_payloads({"inputs": rows})


def _wrapped(row: Mapping[str, Any]) -> dict[str, Any]:
    values = list(row.values())
    return {
        "dataframe_split": {"columns": list(row), "data": [values, values]},
        "dataframe_records": [dict(row)],
        "inputs": {name: [value] for name, value in row.items()},
        "instances": [dict(row)],
    }


def _splits(row: Mapping[str, Any]) -> Iterator[Payload]:
    names, values = list(row), list(row.values())
    data = [values]
    for name, split in {
        "good": {"columns": names, "data": data},
        "three rows": {"columns": names, "data": data * 3},
        "500 rows": {"columns": names, "data": data * 500},
        "permuted": {"columns": names[::-1], "data": [values[::-1]]},
        "a column missing": {"columns": names[:-1], "data": [values[:-1]]},
        "the first column missing": {"columns": names[1:], "data": [values[1:]]},
        "a column too many": {"columns": [*names, "more"], "data": [[*values, 1.0]]},
        "a column twice": {"columns": [*names, names[0]], "data": [[*values, values[0]]]},
        "the first column for the last": {"columns": [*names[:-1], names[0]], "data": data},
        "a name in capitals": {"columns": [names[0].upper(), *names[1:]], "data": data},
        "a name in another alphabet": {"columns": ["städte", *names[1:]], "data": data},
        "a name with half a character": {"columns": ["\ud800", *names[1:]], "data": data},
        "no columns": {"data": data},
        "columns are null": {"columns": None, "data": data},
        "columns are empty": {"columns": [], "data": data},
        "columns are a text": {"columns": "x", "data": data},
        "columns are numbers": {"columns": list(range(len(names))), "data": data},
        "columns are lists": {"columns": [[name] for name in names], "data": data},
        "columns are null and names": {"columns": [None, *names[1:]], "data": data},
        "columns are an object": {"columns": dict.fromkeys(names, 1), "data": data},
        "more names than values": {"columns": [*names, "more"], "data": data},
        "more values than names": {"columns": names, "data": [[*values, 1.0]]},
        "an index": {"columns": names, "data": data, "index": [7]},
        "an index of text": {"columns": names, "data": data * 2, "index": ["b", "a"]},
        "an index too long": {"columns": names, "data": data, "index": [1, 2]},
        "an index that is null": {"columns": names, "data": data, "index": None},
        "an index twice the same": {"columns": names, "data": data * 2, "index": [1, 1]},
        "an index that is a text": {"columns": names, "data": data, "index": "ab"},
        "another key": {"columns": names, "data": data, "name": "x"},
        "no data": {"columns": names},
        "data null": {"columns": names, "data": None},
        "data empty": {"columns": names, "data": []},
        "data an empty row": {"columns": names, "data": [[]]},
        "data a row": {"columns": names, "data": values},
        "data a number": {"columns": names, "data": 1.0},
        "data a text": {"columns": names, "data": "x"},
        "data an object": {"columns": names, "data": dict(row)},
        "data records": {"columns": names, "data": [dict(row)]},
        "data an object of lists": {
            "columns": names,
            "data": {name: [value] for name, value in row.items()},
        },
        "a row too short": {"columns": names, "data": [values, values[:-1]]},
        "a row too long": {"columns": names, "data": [values, [*values, 1.0]]},
        "a row null": {"columns": names, "data": [values, None]},
        "a row of one value": {"columns": names, "data": [values, [1.0]]},
        "rows in rows": {"columns": names, "data": [[data]]},
        "all null": {"columns": names, "data": [[None] * len(names)]},
        **STRANGE,
    }.items():
        yield named(f"split: {name}", {"dataframe_split": split})


def _records(row: Mapping[str, Any]) -> Iterator[Payload]:
    good, first = dict(row), next(iter(row))
    rest = {name: value for name, value in row.items() if name != first}
    for name, records in {
        "good": [good],
        "three rows": [good] * 3,
        "permuted": [dict(reversed(good.items()))],
        "permuted in one": [good, dict(reversed(good.items()))],
        "a column missing": [rest],
        "a column missing in one": [good, rest],
        "a column too many": [{**good, "more": 1.0}],
        "a column too many in one": [good, {**good, "more": 1.0}],
        "another column": [{**rest, first.upper(): row[first]}],
        "a record null": [good, None],
        "a record that is a list": [good, list(good.values())],
        "lists": [list(good.values())],
        "an object": good,
        "an object of lists": {name: [value] for name, value in row.items()},
        "in a list": [[good]],
        "all null": [dict.fromkeys(good)],
        **STRANGE,
    }.items():
        yield named(f"records: {name}", {"dataframe_records": records})
    text = json.dumps(good)
    twice = f'{{{json.dumps(first)}: "x", {text[1:]}'
    yield Payload("records: a key twice", f'{{"dataframe_records": [{twice}]}}'.encode())


def _serving(row: Mapping[str, Any]) -> Iterator[Payload]:
    good, first = dict(row), next(iter(row))
    columns = {name: [value] for name, value in row.items()}
    rest = {name: value for name, value in columns.items() if name != first}
    contents: dict[str, Any] = {
        "by column": columns,
        "by column, two rows": {name: value * 2 for name, value in columns.items()},
        "by column, uneven": {**columns, first: columns[first] * 2},
        "by column, deeper": {name: [value] for name, value in columns.items()},
        "by column, permuted": dict(reversed(columns.items())),
        "by column, one missing": rest,
        "by column, one too many": {**columns, "more": [1.0]},
        "by column, one empty": {**columns, first: []},
        "values": good,
        "records": [good, good],
        "records, one missing": [{name: good[name] for name in rest}],
        "records, one missing in one": [good, {name: good[name] for name in rest}],
        "records, one too many": [{**good, "more": 1.0}],
        "records and a list": [good, list(good.values())],
        "rows": [list(good.values())],
        "a row": list(good.values()),
        **STRANGE,
    }
    for wrapper in ("inputs", "instances"):
        for name, content in contents.items():
            yield named(f"{wrapper}: {name}", {wrapper: content})
