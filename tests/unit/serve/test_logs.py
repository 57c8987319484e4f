"""A line for each request: never a body, a query or a key; nothing in it moves a cursor."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import loops
from holdfast.serve.pool.call import Call
from holdfast.serve.seen.logs import _as_json, _as_text, _Lines, changes
from holdfast.serve.seen.seen import Observed, Seen, client_of, model_in, observer_of

NASTY = "/a\x1b[2J\nb\u202ec d"


def seen(**changed: Any) -> Seen:
    fields = {
        "id": b"abc",
        "method": "POST",
        "path": "/invocations",
        "status": 200,
        "seconds": 0.0123,
        "received": 10,
        "sent": 20,
        "client": "127.0.0.1",
        "headers": {b"authorization": b"Bearer secret-secret", b"cookie": b"secret-secret"},
        "call": None,
        "model": "numbers",
    }
    return Seen(**(fields | changed))


def called() -> Call:
    call = Call(lambda *_: None, 0.0, b'{"secret-secret": 1}', 3)
    call.version = b"\r\nx-holdfast-version: 7"
    return call


def test_a_line_says_what_was_asked():
    line = _as_text(seen(call=called()))
    for part in ("POST /invocations 200", "12.30ms", "in=10", "out=20", "id=abc"):
        assert part in line
    for part in ("model=numbers", "version=7", "rows=3"):
        assert part in line


def test_when_it_was():
    before = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    said = datetime.fromisoformat(_as_text(seen()).split(" ")[0].replace("Z", "+00:00"))
    assert before <= said <= datetime.now(timezone.utc)


def test_the_same_in_json():
    found = json.loads(_as_json(seen(call=called())))
    assert found["event"] == "request"
    assert (found["model"], found["version"], found["rows"]) == ("numbers", "7", 3)
    assert (found["id"], found["status"], found["seconds"]) == ("abc", 200, 0.0123)


@pytest.mark.parametrize("form", [_as_text, _as_json])
def test_nothing_secret_and_nothing_that_moves_a_cursor(form: Any):
    line = form(seen(path=NASTY, call=called()))
    assert "secret" not in line
    assert line.isprintable()
    assert "\n" not in line


def test_a_path_cannot_forge_a_field():
    assert " 500 " not in _as_text(seen(path="/ 500 0ms id=x"))


def test_changes_have_the_form_of_requests():
    said: list[str] = []
    changes("json", said.append)("numbers: version 3 answers now")
    assert json.loads(said[0])["message"] == "numbers: version 3 answers now"
    changes("text", said.append)("as it is")
    assert said[1] == "as it is"


def test_lines_of_one_turn_are_written_together():
    async def write() -> bytes:
        read, into = os.pipe()
        lines = _Lines(into)
        lines.add("one")
        lines.add("two")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        os.close(into)
        return os.read(read, 100)

    assert loops.run(write()) == b"one\ntwo\n"


def test_a_log_that_cannot_be_written_stops_nothing():
    async def write() -> None:
        with open("/dev/full", "wb", buffering=0) as full:  # noqa: ASYNC230, PTH123
            lines = _Lines(full.fileno())
            lines.add("one")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            lines.add("two")
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    loops.run(write())


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.1", b"1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", b"6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", b"6.6.6.6, nonsense", "10.0.0.1"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("9.9.9.9", b"1.2.3.4", "9.9.9.9"),
    ],
)
def test_only_our_proxies_are_believed(peer: str, forwarded: bytes, expected: str):
    proxies = frozenset({"10.0.0.1", "10.0.0.2"})
    assert client_of(peer, {b"x-forwarded-for": forwarded}, proxies) == expected


def test_a_path_names_a_model_or_means_the_first():
    assert model_in("/invocations", "first") == "first"
    assert model_in("/models/b/invocations", "first") == "b"
    assert model_in("/prefix/v2/models/b/infer", "first") == "b"


def test_several_observers_see_the_same():
    found: list[Seen] = []
    assert observer_of(None, None) is None
    both = observer_of(found.append, None, found.append)
    assert both is not None
    both(one := seen())
    assert found == [one, one]


def test_an_application_that_fails_is_seen_too():
    found: list[Seen] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError

    scope = {"state": {"request_id": b"i"}, "headers": [], "method": "GET", "path": "/x"}
    observed = Observed(app, found.append, frozenset(), "first")
    with pytest.raises(RuntimeError):
        loops.run(observed({**scope, "client": None}, None, None))
    assert (found[0].status, found[0].client, found[0].id) == (500, "", b"i")
