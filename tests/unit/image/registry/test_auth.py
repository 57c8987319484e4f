from __future__ import annotations

import pytest

from holdfast.image.registry.auth import _parameters, _together


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [
        (
            'realm="https://tokens.example/a?b=c",service="the, one",scope="repository:a:pull"',
            {
                "realm": "https://tokens.example/a?b=c",
                "service": "the, one",
                "scope": "repository:a:pull",
            },
        ),
        (
            r'Realm = "a\"b" , service=bare, error="x"',
            {"realm": 'a"b', "service": "bare", "error": "x"},
        ),
        ("", {}),
        ('realm="never ends', {"realm": ""}),
    ],
)
def test_challenges(challenge, expected):
    found = _parameters(challenge)
    assert {name: found.get(name, "") for name in expected} == expected


def test_what_a_registry_calls_otherwise_is_asked_for_too():
    ours = ("repository:team/model:pull,push", "repository:base:pull")
    assert _together(ours, ["repository:team/model:pull"]) == sorted(ours)
    assert _together(ours, ["repository:prefix/team/model:pull"]) == sorted(
        [*ours, "repository:prefix/team/model:pull"]
    )
