from __future__ import annotations

import platform
from pathlib import Path

import pytest

from holdfast.environment.plan import make_plan
from holdfast.environment.python import choose_python
from holdfast.environment.spec import Spec

HEAD = 'lock-version = "1.0"\ncreated-by = "x"\n'


def _package(name: str, sha256: str, *, tag: str = "py3-none-any", marker: str = "") -> str:
    return (
        f'[[packages]]\nname = "{name}"\nversion = "1.0"\n'
        + (f'marker = "{marker}"\n' if marker else "")
        + f'wheels = [{{ url = "https://example.test/{name}-1.0-{tag}.whl", '
        f'hashes = {{ sha256 = "{sha256 * 64}" }} }}]\n'
    )


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory):
    return choose_python(platform.python_version(), remembered=tmp_path_factory.mktemp("pythons"))


def _key(interpreter, *packages: str) -> str:
    return make_plan(HEAD + "".join(packages), interpreter).key


def test_the_key_is_of_what_is_installed_and_of_nothing_else(interpreter):
    a, b = _package("a", "1"), _package("b", "2")
    elsewhere = _package("c", "3", marker="sys_platform == 'nowhere'")
    assert _key(interpreter, a, b) == _key(interpreter, b, a) == _key(interpreter, a, elsewhere, b)
    assert _key(interpreter, a) != _key(interpreter, a, b)
    assert _key(interpreter, a) != _key(interpreter, _package("a", "4"))


def test_a_package_keeps_only_what_installs_it(interpreter):
    (package,) = make_plan(
        HEAD + _package("a", "1", marker="python_version >= '3'"), interpreter
    ).packages
    assert package.table == {
        "name": "a",
        "version": "1.0",
        "wheels": [
            {
                "url": "https://example.test/a-1.0-py3-none-any.whl",
                "hashes": {"sha256": "1" * 64},
            }
        ],
    }
    assert package.pin == "1" * 64


def test_a_request_is_what_decides_the_answer():
    spec = Spec(pylock="x", folder=Path("a"), python="3.11.7")
    same = Spec(pylock="x", folder=Path("b"), python="3.11.7", indexes=(("c", "https://c.test"),))
    assert spec.digest() == same.digest()
    others = [
        Spec(pylock="y", folder=Path("a"), python="3.11.7"),
        Spec(pylock="x", folder=Path("a"), python="3.11.8"),
        Spec(pylock="x", folder=Path("a"), python="3.11.7", records={"a": "1"}),
        Spec(pylock="x", folder=Path("a"), python="3.11.7", recorded_on=("a", "b")),
    ]
    assert len({spec.digest(), *(other.digest() for other in others)}) == 5
