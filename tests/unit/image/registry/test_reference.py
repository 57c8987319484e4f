from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.image.registry.reference import Reference, is_loopback, parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registry.example/model", ("registry.example", "model", "latest", "")),
        (
            "registry.example/team/my_model:1.0-A",
            ("registry.example", "team/my_model", "1.0-A", ""),
        ),
        ("localhost:5000/model:1", ("localhost:5000", "model", "1", "")),
        ("localhost/model", ("localhost", "model", "latest", "")),
        ("[::1]:5000/a/b:c", ("[::1]:5000", "a/b", "c", "")),
        (f"registry.example/model@{DIGEST}", ("registry.example", "model", "", DIGEST)),
        (f"registry.example/model:1@{DIGEST}", ("registry.example", "model", "1", DIGEST)),
    ],
)
def test_names_of_images(text, expected):
    host, repository, tag, digest = expected
    found = parse_reference(text)
    assert found == Reference(host=host, repository=repository, tag=tag, digest=digest)
    assert parse_reference(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "python", "python:3.12", "library/python", "registry.example", "registry.example/",
        "registry.example/Model", "registry.example/a//b", "registry.example/a/../b",
        "registry.example/a:", "registry.example/a:b:c", "registry.example/a:-b",
        f"registry.example/a:{'b' * 129}", f"registry.example/{'a' * 255}",
        "registry.example/a@md5:b",
        "registry.example/a@sha256:b", f"registry.example/a@{DIGEST.upper()}",
        "https://registry.example/a", "user:password@registry.example/a", "registry.example/a b",
        "registry.example/a\n", "registry..example/a", "-registry.example/a",
        "registry.example:x/a",
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(text):
    with pytest.raises(InputError):
        parse_reference(text)


@given(st.text(alphabet="aA0.:/@-_[]\n", max_size=40))
def test_a_name_is_refused_or_written_as_it_was_read(text):
    try:
        found = parse_reference(text)
    except InputError:
        return
    assert parse_reference(str(found)) == found
    assert str(found).removesuffix(":latest") == text.removesuffix(":latest")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("localhost:5000", True), ("LOCALHOST:1", True), ("127.0.0.1", True),
        ("127.8.0.1:80", True), ("[::1]", True), ("[::1]:5000", True), ("::1", True),
        ("registry.example", False), ("10.0.0.1:5000", False), ("localhost.example", False),
        ("127.0.0.1.registry.example", False), ("[::2]:5000", False), ("", False),
    ],
)  # fmt: skip
def test_only_loopback_is_spoken_to_in_the_clear(host, expected):
    assert is_loopback(host) is expected


def test_the_scheme_is_https_but_for_loopback():
    assert parse_reference("registry.example/a").url == "https://registry.example/v2/a/"
    assert parse_reference("localhost:5000/a").url == "http://localhost:5000/v2/a/"
