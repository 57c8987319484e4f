"""What `-C name=value` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.deployments import target_help
from holdfast.deployments.config import KEYS, changed, options_of
from holdfast.errors import InputError


def test_text_and_values_mean_the_same():
    by_hand = {"slim": "true", "port": "0", "timeout": "2", "slim_include": "numpy, pandas"}
    by_program = {"slim": True, "port": 0, "timeout": 2, "slim-include": ["numpy", "pandas"]}
    assert changed({}, by_hand) == changed({}, by_program)
    assert options_of(changed({}, by_hand)) == [
        *("--slim", "--timeout=2.0", "--slim-include=numpy", "--slim-include=pandas"),
    ]


def test_everything_wrong_is_said_at_once():
    given = {"worker": 2, "port": "x", "slim": "perhaps", "cpus": True, "memory": 1.5}
    with pytest.raises(InputError) as refused:
        changed({}, given)
    for part in ("did you mean 'workers'", "port is 'x'", "slim is 'perhaps'", "cpus", "memory"):
        assert part in refused.value.message


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"port": 70000}, "highest"),
        ({"port": 80, "uds": "/s"}, "either"),
        ({"timeout": "nan"}, "seconds"),
        ({"timeout": "-1"}, "seconds"),
        ({"workers": None}, "text"),
    ],
)
def test_refused(given: dict[str, object], why: str):
    with pytest.raises(InputError, match=why):
        changed({}, given)


def test_a_change_keeps_the_rest_and_an_empty_value_is_the_default():
    config = changed({"workers": "2", "port": 9000, "slim": True}, {"uds": "s", "slim": ""})
    assert config == {"workers": "2", "uds": str(Path("s").absolute())}


def test_no_is_said_where_yes_may_be_the_default():
    assert options_of(changed({}, {"batch": "no", "verify": "no"})) == ["--no-batch"]


def test_help_names_every_key():
    assert all(f"  {key} " in target_help() for key in KEYS)


def test_values_cannot_become_options():
    assert options_of(changed({}, {"memory": "--port=1"})) == ["--memory=--port=1"]
