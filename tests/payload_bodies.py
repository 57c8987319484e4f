"""Requests that are wrong, or odd, whatever a model takes: bodies, wrappers, content types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from payload_cells import CSV, JSON, MISTAKE, PARQUET, Payload, named


def any_payloads(good: Mapping[str, Any]) -> Iterator[Payload]:
    """Requests that do not depend on what the model takes."""
    text = json.dumps(good)
    body = text.encode()
    (wrapper,) = good
    for name, extra in {
        "an extra key": {"id": 7},
        "a signature name": {"signature_name": "serving_default"},
        "both inputs and instances": {"inputs": [], "instances": []},
        "two wrappers": {"instances": good[wrapper], "dataframe_records": []},
        "messages beside": {"messages": []},
        "prompt beside": {"prompt": "x"},
        "input beside": {"input": "x"},
        **{f"params {cell}": {"params": value} for cell, value in _PARAMS.items()},
    }.items():
        yield named(f"{name} with {wrapper}", {**good, **extra})
    for name, document in _NO_WRAPPER.items():
        yield named(name, document)
    for name, damaged in {
        "nothing": b"",
        "blanks": b" \n\t ",
        "cut off": body[:-3],
        "garbage at the end": body + b"x",
        "two documents": body + b"\n" + body,
        "single quotes": body.replace(b'"', b"'"),
        "a comma too many": body[:-1] + b",}",
        "blanks around": b"\n " + body.replace(b" ", b"   ") + b" \n",
        "a comment": b"// this\n" + body,
        "a key twice": f'{{"{wrapper}": 1, {text[1:]}'.encode(),
        "a good key, then a bad one of the name": f'{text[:-1]}, "{wrapper}": 1}}'.encode(),
        "escapes in the key": text.replace("_", "\\u005f", 1).encode(),
        "a mark of byte order": b"\xef\xbb\xbf" + body,
        "UTF-16": text.encode("utf-16"),
        "UTF-16 without a mark": text.encode("utf-16-le"),
        "UTF-32": text.encode("utf-32"),
        "no UTF-8": body[:-1] + b',"\xff\xfe": 1}',
        "no UTF-8 in a value": body[:-1] + b',"id": "\xe9"}',
        "a NUL": body[:-1] + b"\x00}",
        "a NUL at the end": body + b"\x00",
        "very deep": b"[" * 100_000,
        "very deep and whole": b"[" * 100_000 + b"]" * 100_000,
        "very deep beside": body[:-1] + b',"id": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "very deep params": body[:-1] + b',"params": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        "very deep inputs": b'{"inputs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "deep inputs": b'{"inputs": ' + b"[" * 200 + b"]" * 200 + b"}",
        "an endless number": b'{"inputs": ' + b"9" * 5000 + b"}",
    }.items():
        failing = name.startswith(("very deep", "an endless"))
        yield Payload(name, damaged, differs=MISTAKE if failing else "")
    for content_type in _CONTENT_TYPES:
        yield Payload(f"as {content_type}", body, content_type)
    yield Payload("as nothing", body, None, MISTAKE)


_PARAMS: dict[str, Any] = {
    "null": None,
    "empty": {},
    "unknown": {"nobody": 1},
    "a list": [],
    "a list of one": [1],
    "a text": "x",
    "a number": 1,
    "false": False,
    "scale": {"scale": 3.0},
    "scale as int": {"scale": 3},
    "scale as text": {"scale": "3"},
    "scale null": {"scale": None},
    "scale as list": {"scale": [3.0]},
    "words": {"words": ["a", "b"]},
    "words of ints": {"words": [1]},
    "words alone": {"words": "a"},
    "known and unknown": {"scale": 0.5, "nobody": 1},
}
_NO_WRAPPER: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 1,
    "a text": "dataframe_split",
    "a list": [],
    "a list of records": [{"x0": 1.0}],
    "an empty object": {},
    "an unknown wrapper": {"data": [[1.0]]},
    "the wrapper of MLflow 1": {"columns": ["x0"], "data": [[1.0]]},
    "a wrapper in capitals": {"INPUTS": [[1.0]]},
    "params alone": {"params": {}},
    "messages": {"messages": [{"role": "user", "content": "hello"}]},
    "messages and more": {
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "max_tokens": 7,
        "scale": 2.0,
    },
    "messages that are none": {"messages": "hello"},
    "no messages": {"messages": []},
    "a prompt": {"prompt": "once upon"},
    "a prompt with params": {"prompt": "once upon", "scale": 2.0},
    "an input": {"input": "some text"},
    "a list as input": {"input": ["some", "text"]},
    "a prompt with inputs": {"prompt": "once upon", "inputs": [[1.0]]},
    **{f"inputs name {path}": {"inputs": path} for path in ("/etc/passwd", "MLmodel", ".", "\0")},
    "instances name a file": {"instances": "/etc/passwd"},
    "split names a file": {"dataframe_split": "/etc/passwd"},
    "records name a file": {"dataframe_records": "/etc/passwd"},
    "inputs name a site": {"inputs": "http://127.0.0.1:9/x.json"},
}
_CONTENT_TYPES = (
    "",
    *(f"{JSON}; charset=utf-8", f"{JSON};charset=UTF-8", f"{JSON} ;  charset=utf-8"),
    *(f"{JSON}; charset=latin-1", f"{JSON}; charset=utf8", f'{JSON}; charset="utf-8"'),
    *(f"{JSON}; charset=", f"{JSON}; Charset=utf-8", f"{JSON};", f"{JSON}; version=1"),
    *(f"{JSON}; charset=utf-8; charset=latin-1", f"{JSON}; charset=utf-8; format=pandas-split"),
    *("Application/JSON", "application/json-lines", "text/json", "json", "*/*", "text/plain"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    *(CSV, f"{CSV}; charset=utf-8", PARQUET, "application/octet-stream", "application/é"),
)
