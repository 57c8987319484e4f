"""The door: keys on every route but health, names that browsers cannot forge, origins."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.serve.door.door import Door, host_name, is_loopback
from holdfast.serve.door.ids import request_id
from holdfast.serve.http.entrance import Entrance
from holdfast.serve.settings import Guard, Listening, Settings

KEY = b"0123456789abcdef"


def door(*, host: str = "127.0.0.1", uds: Path | None = None, **guard: object) -> Door:
    where = Listening(host=host, uds=uds)
    return Door(Settings(guard=Guard(**guard), listening=where), print)  # type: ignore[arg-type]


@pytest.fixture
def keyed(tmp_path: Path) -> Door:
    file = tmp_path / "keys"
    file.write_bytes(KEY)
    file.chmod(0o600)
    return door(key_file=file)


def reason(a_door: Door, path: bytes = b"/", method: bytes = b"GET", **headers: bytes) -> str:
    given = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    turned = a_door.look(method, path, given)
    return turned.reason if turned else ""


@pytest.mark.parametrize("path", [b"/ping", b"/health", b"/v2/health/live", b"/v2/health/ready"])
def test_probes_need_no_key(keyed: Door, path: bytes):
    assert reason(keyed, path) == ""


@pytest.mark.parametrize(
    "path",
    [
        b"/invocations",
        b"/metrics",
        b"/version",
        b"/live",
        b"/ping/",
        b"/pingx",
        b"//ping",
        b"/%70ing",
    ],
)
def test_everything_else_does(keyed: Door, path: bytes):
    assert reason(keyed, path) == "key"
    assert reason(keyed, path, b"POST", x_api_key=b"wrong-wrong-wrong") == "key"
    assert reason(keyed, path, x_api_key=KEY) == ""
    assert reason(keyed, path, authorization=b"Bearer " + KEY) == ""
    assert reason(keyed, path, authorization=b"bearer  " + KEY) == ""
    assert reason(keyed, path, authorization=b"Basic " + KEY) == "key"
    assert reason(keyed, path, authorization=KEY) == "key"


def test_a_refusal_says_what_is_missing(keyed: Door):
    turned = keyed.look(b"POST", b"/invocations", {})
    assert turned is not None
    assert turned.status == 401
    assert (b"www-authenticate", b'Bearer realm="holdfast"') in turned.headers
    assert keyed.refused == {"key": 1}


@pytest.mark.parametrize(
    "host", [b"127.0.0.1:8000", b"localhost", b"LOCALHOST:1", b"[::1]:8000", b"[::1]", b"::1"]
)
def test_on_loopback_loopbacks_names_are_taken(host: bytes):
    assert reason(door(), host=host) == ""
    # Also the second time, when it is remembered.
    a_door = door()
    assert [reason(a_door, host=host) for _ in range(2)] == ["", ""]


@pytest.mark.parametrize(
    "host", [b"evil.example", b"localhost.evil.example", b"127.0.0.1.nip.io:8000", b"", b"[::2]"]
)
def test_a_page_that_rebound_its_name_is_refused(host: bytes):
    for path in (b"/", b"/invocations", b"/metrics", b"/receipt"):
        assert reason(door(), path, host=host) == "host"
    assert reason(door(), b"/ping", host=host) == ""


def test_names_can_be_added_and_the_check_switched_off():
    assert reason(door(hosts=("models.example",)), host=b"Models.Example:80") == ""
    assert reason(door(hosts=("models.example",)), host=b"evil.example") == "host"
    assert reason(door(hosts=("*",)), host=b"evil.example") == ""
    assert reason(door(host="0.0.0.0"), host=b"any.example") == ""  # noqa: S104
    assert reason(door(host="0.0.0.0", hosts=("a.example",)), host=b"b.example") == "host"  # noqa: S104
    assert reason(door(uds=Path("here")), host=b"whatever") == ""


def test_what_is_remembered_of_hosts_is_bounded():
    a_door = door()
    for port in range(1000):
        assert reason(a_door, host=b"localhost:%d" % port) == ""
    assert len(a_door._good) < 100


def test_cors_is_off_unless_asked_for():
    assert door().cross_origin({b"origin": b"https://a.example"}) == ()
    assert reason(door(), method=b"OPTIONS", origin=b"https://a.example") == ""


def test_an_origin_that_may():
    a_door = door(origins=("https://a.example",))
    mine, other = {b"origin": b"https://a.example"}, {b"origin": b"https://b.example"}
    assert dict(a_door.cross_origin(mine))[b"access-control-allow-origin"] == b"https://a.example"
    assert a_door.cross_origin(other) == ((b"vary", b"origin"),)
    assert reason(a_door, method=b"OPTIONS", origin=b"https://a.example") == "preflight"
    assert dict(door(origins=("*",)).cross_origin(other))[b"access-control-allow-origin"] == b"*"


def test_a_preflight_needs_no_key(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_bytes(KEY)
    file.chmod(0o600)
    a_door = door(key_file=file, origins=("https://a.example",))
    assert reason(a_door, b"/invocations", b"OPTIONS", origin=b"https://a.example") == "preflight"
    assert reason(a_door, b"/invocations", b"POST", origin=b"https://a.example") == "key"


def test_names_and_addresses():
    assert [host_name(host) for host in (b"a:80", b"[::1]:80", b"::1", b"A")] == [
        *("a", "::1", "::1", "a")
    ]
    assert [is_loopback(host) for host in ("127.0.0.9", "::1", "localhost", "0.0.0.0", "a")] == [  # noqa: S104
        *(True, True, True, False, False)
    ]


def test_sane_ids_are_kept_and_others_made():
    assert request_id(b"abc-1") == b"abc-1"
    assert request_id(b"x" * 128) == b"x" * 128
    made = [request_id(given) for given in (None, b"", b"a b", b"x" * 129, b"\xff", b"a\r\nb: c")]
    assert len(set(made)) == len(made)
    assert all(id_.isascii() and b" " not in id_ for id_ in made)


def test_a_prefix_is_taken_away_where_it_is():
    entrance = Entrance(prefix=b"/models")
    paths = (b"/models/ping", b"/ping", b"/models", b"/modelsx/ping", b"/models?a=1")
    assert [entrance.bare(path) for path in paths] == [
        *(b"/ping", b"/ping", b"/", b"/modelsx/ping", b"/models?a=1")
    ]
