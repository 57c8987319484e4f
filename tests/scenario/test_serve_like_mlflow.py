"""Whatever is asked, the answer is that of stock `mlflow models serve` of the same model.

The same class of status, the same JSON. Where ours differs on purpose, docs/serving-protocol.md
says so and the request names the difference; one that is no longer there fails here, too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from further import make_further
from kit import REPOSITORY, UvProject, made_once
from payload_bodies import any_payloads
from payload_cells import HOLE, MISTAKE, Payload, filled_payloads, named_payloads
from payloads import columns_payloads, tensor_payloads
from serving import Served, serving
from stock_server import Answer, ask, stock

# The differences, beside that of payloads.py: a model's own failure that MLflow answers with 500;
# NaN and infinities; NaT and NA.
FAILURE, NOT_JSON, MISSING = "failure", "not-json", "missing"

NUMBERS = {f"x{at}": 0.5 + at for at in range(10)}
KINDS = {"boolean": True, "integer": 1, "long": 2, "float": 0.5, "double": 0.25, "string": "x"}
SAID = [{"role": "user", "content": "hello"}]
COLUMNS: dict[str, dict[str, Any]] = {
    "mixed": {"city": "Bern", "member": True, "age": 44, "weight": 70.5},
    "temper": {"x": 1.5},
    "kinds": KINDS,
    "echo": KINDS,
    "optional": {"a": 1.5, "b": 2.5, "c": "x", "d": 3},
    "moments": {"at": "2024-02-29", "n": 3, "raw": "aGFsbG8="},
    "free": {"a": 1.5, "b": "x"},
    "nameless": {"0": 1.5, "1": 2},
    "tensors": {"a": [1.5, 2.5], "b": 3},
    "nested": {"tags": ["a"], "info": {"n": 1, "deep": [1.5]}, "one": 1.0},
}
TENSORS: dict[str, list[Any]] = {
    "tensor": list(NUMBERS.values()),
    "tensor-float32": [0.5, 1.5],
    "tensor-int64": [2, 3],
    "tensor-bool": [True, False],
    "tensor-uint8": [2, 3],
}


def _columns(row: Mapping[str, Any]) -> Iterator[Payload]:
    return columns_payloads(row, {name: name for name in row})


def _people() -> Iterator[Payload]:
    yield from _columns({"name": "x", "age": 3})
    person = {"name": "x", "age": HOLE}
    yield from filled_payloads({"an age": {"inputs": [person]}, "a person": {"inputs": [HOLE]}})


def _words() -> Iterator[Payload]:
    yield from any_payloads({"inputs": ["a", "b"]})
    yield from filled_payloads({"words": {"inputs": ["a", HOLE]}, "inputs": {"inputs": HOLE}})


def _chat() -> Iterator[Payload]:
    yield from any_payloads({"messages": SAID})
    content = {"messages": [{"role": "user", "content": HOLE}]}
    warmth = {"messages": SAID, "temperature": HOLE}
    yield from filled_payloads({"a content": content, "a temperature": warmth})


def _params() -> Iterator[Payload]:
    yield from _columns({"x": 1.5})
    # The last one ends MLflow's server.
    odd = {9: FAILURE, 13: NOT_JSON, 17: NOT_JSON, 35: MISSING, 43: FAILURE}
    for answer in range(7, 45, 2):
        document = {"inputs": {"x": [answer / 2]}}
        yield from named_payloads({f"answer {answer}": document}, odd.get(answer, ""))


PAYLOADS: dict[str, Callable[[], Iterator[Payload]]] = {
    **dict.fromkeys(
        ("numbers", "chances", "trees"), lambda: columns_payloads(NUMBERS, {"double": "x0"})
    ),
    **{name: lambda row=row: _columns(row) for name, row in COLUMNS.items()},
    **{name: lambda row=row: tensor_payloads([row]) for name, row in TENSORS.items()},
    "people": _people,
    "words": _words,
    "chat": _chat,
    "params": _params,
}
# The models of tests/serving.py; all others are of tests/further.py.
USUAL = ("numbers", "chances", "trees", "tensor", "mixed", "temper")
QUICK = ("numbers",)

# Requests, as patterns of their names, that models which answer what they are given answer with NaN
# or infinities.
_NAN = "NaN|-?Infinity|1e400|number 1.7976931348623159e308"
_CSV = "NaN|nan|null|NA|None"
_TWICE = (
    rf"x is (null|text 'NaN'|number 1.7976931348623157e308|{_NAN}) in \w+",
    r"x is a list in (inputs|instances)",
    rf"CSV: x is '({_CSV}|-?inf|Infinity|1e400|1{{30}})'",
    *(r"CSV: a comma at the end", r"CSV: a quote inside", r"(split|records): all null"),
    *(r"split: a row too short", r"records: a column missing in one"),
    *(r"inputs: records, one missing in one", r"(inputs|instances): a list of null"),
)
_ECHO = (
    rf"(float|double) is (null|text 'NaN'|{_NAN}) in \w+",
    r"float is (not float32|number 3.4028236e38|number 1.7976931348623157e308) in \w+",
    r"double is a list in (inputs|instances)",
    rf"string is ({_NAN}) in dataframe_\w+",
    rf"CSV: (float|double) is '(|{_CSV}|-?inf|Infinity|1e400|1{{30}})'",
    rf"CSV: string is '(|{_CSV})'",
    *(r"split: a row too short", r"CSV: a row too short", r"inputs: records, one missing in one"),
)
ANSWERED_NAN = {"temper": _TWICE, "params": _TWICE, "echo": _ECHO}


def _same(theirs: Answer, ours: Answer) -> bool:
    if theirs.status == httpx.codes.OK == ours.status:
        return alike(theirs.document, ours.document)
    return theirs.status // 100 == ours.status // 100


def _is_clients_mistake(theirs: Answer, ours: Answer) -> bool:
    return (theirs.status, ours.status // 100) == (500, 4)


def _is_strict(theirs: Answer, ours: Answer) -> bool:
    return alike(strict(theirs.document), ours.document)


def _has_null(theirs: Answer, ours: Answer) -> bool:
    return alike(json.loads(json.dumps(theirs.document).replace('"NaT"', "null")), ours.document)


DIFFERENCES: dict[str, Callable[[Answer, Answer], bool]] = {
    MISTAKE: _is_clients_mistake,
    FAILURE: _is_clients_mistake,
    NOT_JSON: _is_strict,
    MISSING: _has_null,
}


def strict(value: Any) -> Any:
    """`value` with null for the numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: strict(item) for name, item in value.items()}
    return [strict(item) for item in value] if isinstance(value, list) else value


def alike(one: Any, other: Any) -> bool:
    """Whether two documents are the same: to the bits of floats, and ints are not floats."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return repr(one) == repr(other)


@pytest.fixture(scope="session")
def further(
    new_project_in: Callable[..., UvProject], tmp_path_factory: pytest.TempPathFactory
) -> Served:
    """The models of tests/further.py."""

    def make(folder: Path) -> None:
        (folder / "models").mkdir()
        make_further(new_project_in(folder, "further"), folder)

    return Served(made_once(tmp_path_factory.getbasetemp(), "further", make))


def _slow(name: str) -> Any:
    return name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [_slow(name) for name in PAYLOADS])
def test_a_model_is_served_as_mlflow_serves_it(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
):
    models: Served = request.getfixturevalue("served" if name in USUAL else "further")
    payloads = [_expected(name, payload) for payload in PAYLOADS[name]()]
    assert len({payload.name for payload in payloads}) == len(payloads) >= 200
    model = models.model(name)
    with stock(models.python, model, tmp_path) as wait, serving(models.home, model) as server:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            ours = [ask(client, payload) for payload in payloads]
        with httpx.Client(base_url=wait(), timeout=60) as client:
            theirs = [ask(client, payload) for payload in payloads]
    wrong = [
        f"{payload}\n    MLflow: {their}\n    ours: {our}"
        for payload, their, our in zip(payloads, theirs, ours, strict=True)
        if not _as_meant(payload, their, our) or not _well_said(our, models)
    ]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(payloads)}", *wrong[:20]])[:20_000]
    # Some name files.
    assert not [answer for answer in ours if "root:" in str(answer.document)]
    # The requests are not all of one kind.
    assert sum(answer.status == httpx.codes.OK for answer in ours) > 10


def _expected(model: str, payload: Payload) -> Payload:
    nan = any(re.fullmatch(name, payload.name) for name in ANSWERED_NAN.get(model, ()))
    return replace(payload, differs=NOT_JSON) if nan else payload


def _as_meant(payload: Payload, theirs: Answer, ours: Answer) -> bool:
    if not payload.differs:
        return _same(theirs, ours)
    return not _same(theirs, ours) and DIFFERENCES[payload.differs](theirs, ours)


def _well_said(answer: Answer, models: Served) -> bool:
    """Whether an error is said in MLflow's form, and nothing else with it."""
    if answer.status == httpx.codes.OK:
        return True
    said = answer.document
    if not isinstance(said, dict) or set(said) != {"error_code", "message"}:
        return False
    told = str(said["message"])
    inner = ("Traceback", "_holdfast_worker", str(models.folder), str(REPOSITORY))
    return 0 < len(told) <= 2000 and not any(text in told for text in inner)


def test_the_differences_are_told():
    told = (REPOSITORY / "docs" / "serving-protocol.md").read_text(encoding="utf-8")
    assert {name for name in DIFFERENCES if f"| `{name}` |" not in told} == set()
