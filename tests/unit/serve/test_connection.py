"""Connections: real sockets on both sides, and a lane that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from holdfast.serve.http.connection import Connection
from holdfast.serve.http.drain import Server
from holdfast.serve.pool.call import Call, Reply
from holdfast.serve.settings import Limits

Take = Callable[[Reply, float, bytes, bytes], Call]
BIG = 20_000_000


class House:
    """A server whose express lane echoes bodies; /wait answers when told to, /big at length."""

    def __init__(self, limits: Limits, most: int) -> None:
        self.limits = limits
        self.most = most
        self.calls: list[Call] = []
        self.routes: dict[bytes, Take] = {
            b"/echo": lambda *given: self._take(*given, answer=given[3]),
            b"/wait": lambda *given: self._take(*given, answer=None),
            b"/big": lambda *given: self._take(*given, answer=bytes(BIG)),
            b"/bug": lambda *given: self._take(*given, answer=1 / 0),
        }
        self.port = 0
        self.loop: asyncio.AbstractEventLoop
        self.server: Server
        self._up = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _take(self, reply: Reply, arrived: float, kind: bytes, body: bytes, answer: Any) -> Call:
        call = Call(reply, arrived, body, 0, kind)
        self.calls.append(call)
        if answer is not None:
            call.answer(200, answer)
        return call

    def start(self) -> None:
        self.thread.start()
        assert self._up.wait(10)

    def soon(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.loop.call_soon_threadsafe(function, *arguments)

    def stop(self) -> None:
        self.server.should_exit = True

    @property
    def held(self) -> int:
        return self.server.traffic.held

    def _run(self) -> None:
        uvloop.run(self._serve())

    async def _serve(self) -> None:
        async def hello(request: Request) -> PlainTextResponse:
            return PlainTextResponse(str(len(await request.body())))

        protocol: Any = partial(Connection, self)
        config = uvicorn.Config(
            Starlette(routes=[Route("/hello", hello, methods=["GET", "POST"])]),
            http=protocol,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=5,
        )
        config.load()
        self.loop = asyncio.get_running_loop()
        self.server = Server(config, self.most, lambda: None)
        listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = listener.getsockname()[1]
        self.loop.call_later(0.05, self._up.set)
        await self.server.serve([listener])


@contextlib.contextmanager
def house(most: int = 100, **limits: Any) -> Iterator[House]:
    found = House(Limits(**limits), most)
    found.start()
    try:
        yield found
    finally:
        found.stop()
        found.thread.join(10)
        assert not found.thread.is_alive()


@pytest.fixture(scope="module")
def open_house() -> Iterator[House]:
    with house(body=1000) as found:
        yield found


def connect(house: House) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", house.port))
    sock.settimeout(10)
    return sock


def talk(house: House, *pieces: bytes, pause: float = 0.02, half: bool = True) -> bytes:
    """All that is answered to these pieces, until the server closes."""
    with connect(house) as sock:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause)
        if half:
            sock.shutdown(socket.SHUT_WR)
        return rest(sock)


def rest(sock: socket.socket) -> bytes:
    """All that is still to come, until the server closes."""
    said = b""
    while piece := sock.recv(1 << 20):
        said += piece
    return said


def post(path: str, body: bytes = b"", *lines: str, version: str = "1.1") -> bytes:
    head = [f"POST {path} HTTP/{version}", "host: here", f"content-length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def statuses(said: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d+) ", said)]


def bodies(said: bytes) -> list[bytes]:
    found = []
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        found.append(said[:length])
        said = said[length:]
    return found


def eventually(check: Callable[[], Any], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_pipelined_requests_are_answered_in_order_whichever_lane_they_take(open_house: House):
    hello = b"GET /hello HTTP/1.1\r\nhost: here\r\n\r\n"
    asked = [post("/echo", b"1"), hello, post("/echo", b"2"), post("/hello", b"123"), hello]
    said = talk(open_house, b"".join([*asked, post("/echo", b"3")]))
    assert bodies(said) == [b"1", b"0", b"2", b"3", b"0", b"3"]


def test_thousands_of_pipelined_requests_need_no_room(open_house: House):
    before = len(open_house.calls)
    with connect(open_house) as sock:
        sock.sendall(post("/wait"))
        eventually(lambda: len(open_house.calls) > before)
        wait = open_house.calls[before]
        threading.Thread(target=sock.sendall, args=[post("/echo", b"x") * 20_000]).start()
        time.sleep(0.3)
        found = open_house.server.traffic.connections
        assert max(len(connection.pipeline) for connection in found) < 10_000
        open_house.soon(wait.answer, 200, b"first")
        seen = b""
        while seen.count(b"HTTP/1.1 200") < 20_001 and (piece := sock.recv(1 << 20)):
            seen += piece
    assert bodies(seen) == [b"first", *[b"x"] * 20_000]


def test_a_body_in_pieces(open_house: House):
    asked = post("/echo", b"abcdef")
    said = talk(open_house, *(asked[at : at + 1] for at in range(len(asked))), pause=0)
    assert bodies(said) == [b"abcdef"]
    chunked = b"POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    said = talk(
        open_house, chunked, b"3\r\nabc\r\n", b"1;x=y\r\nd\r\n0\r\nx: y\r\n\r\n", post("/echo")
    )
    assert bodies(said) == [b"abcd", b""]


def test_a_body_over_the_limit_is_refused_before_it_is_read(open_house: House):
    """And the client can read that, although it had sent much of the body."""
    said = talk(open_house, post("/echo", bytes(5_000_000)), half=False)
    assert statuses(said) == [413]
    assert b"connection: close" in said
    chunk = b"200\r\n" + bytes(0x200) + b"\r\n"
    head = b" HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    for path in (b"/echo", b"/hello"):
        said = talk(open_house, b"POST " + path + head, chunk * 5000, half=False)
        assert statuses(said) == [413], path
    assert statuses(talk(open_house, post("/hello", bytes(5_000_000)), half=False)) == [413]
    assert open_house.held == 0


def test_a_refusal_waits_for_its_turn(open_house: House):
    with connect(open_house) as sock:
        before = len(open_house.calls)
        sock.sendall(post("/wait") + post("/echo", bytes(2000)))
        eventually(lambda: len(open_house.calls) > before)
        time.sleep(0.1)
        open_house.soon(open_house.calls[-1].answer, 200, b"first")
        sock.shutdown(socket.SHUT_WR)
        assert statuses(rest(sock)) == [200, 413]


@pytest.mark.parametrize(
    "asked",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: +1\r\n\r\nx",
        b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1, 1\r\n\r\nx",
        b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\nx",
        b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy",
        b"POST /echo HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n",
        b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
        b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        b"POST /hello HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nhost : h\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nx: a\rb\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nx: a\0b\r\n\r\n",
        b"POST /\xff\xfe HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET  HTTP/1.1\r\nhost: h\r\n\r\n",
    ],
)
def test_what_is_not_http_gets_400_and_is_closed(open_house: House, asked: bytes):
    said = talk(open_house, asked + post("/echo", b"smuggled"), half=False)
    assert statuses(said) == [400], said
    assert b"smuggled" not in said
    before = len(open_house.calls)
    # A request that came before it has its answer all the same.
    with connect(open_house) as sock:
        sock.sendall(post("/wait") + asked)
        eventually(lambda: len(open_house.calls) > before)
        time.sleep(0.05)
        open_house.soon(open_house.calls[before].answer, 200, b"first")
        assert statuses(rest(sock)) == [200, 400]


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /hello HTTP/1.1\r\n", *[b"x: " + b"y" * 1000 + b"\r\n"] * 40],
        [b"POST /echo HTTP/1.1\r\nx: ", *[b"y" * 1000] * 40],
        [b"POST /echo HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n"],
        [b"POST /", *[b"y" * 1000] * 40],
        [
            b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
            *[b"x: " + b"y" * 1000 + b"\r\n"] * 40,
        ],
        [b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;", *[b"y" * 1000] * 40],
    ],
)
def test_a_head_without_end_gets_431(open_house: House, pieces: list[bytes]):
    said = talk(open_house, *pieces, pause=0.001, half=len(pieces) == 1)
    assert statuses(said) == [431]


def test_expect_100_continue(open_house: House):
    with connect(open_house) as sock:
        sock.sendall(post("/echo", b"abc", "expect: 100-continue")[:-3])
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        sock.shutdown(socket.SHUT_WR)
        assert bodies(rest(sock)) == [b"abc"]
    asked = post("/echo", bytes(2000), "expect: 100-continue").partition(b"\r\n\r\n")[0]
    assert statuses(talk(open_house, asked + b"\r\n\r\n", half=False)) == [413]


def test_http_1_0(open_house: House):
    said = talk(open_house, post("/echo", b"x", version="1.0"), half=False)
    assert bodies(said) == [b"x"]
    assert b"connection: close" in said


def test_an_upgrade_is_not_taken_up(open_house: House):
    lines = "connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMA"
    said = talk(open_house, post("/echo", b"abc", *lines) + post("/echo", b"d"))
    assert bodies(said) == [b"abc", b"d"]


def test_a_client_that_sends_nothing_more_is_answered(open_house: House):
    before = len(open_house.calls)
    with connect(open_house) as sock:
        sock.sendall(post("/wait"))
        sock.shutdown(socket.SHUT_WR)
        eventually(lambda: len(open_house.calls) > before)
        time.sleep(1.2)
        open_house.soon(open_house.calls[before].answer, 200, b"late")
        assert rest(sock).endswith(b"late")


@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_call_is_forgotten_when_its_client_has_gone(open_house: House, how: str):
    before = len(open_house.calls)
    sock = connect(open_house)
    sock.sendall(post("/wait"))
    eventually(lambda: len(open_house.calls) > before)
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    eventually(lambda: open_house.calls[before].answered)
    eventually(lambda: not open_house.server.traffic.connections)
    assert open_house.held == 0


def test_a_bug_is_no_mistake_of_the_client(open_house: House):
    assert statuses(talk(open_house, post("/bug"))) == [500]


def test_slow_idle_and_unread_connections_end():
    with house(slow=0.5, idle=1.5) as slow:
        started = time.monotonic()
        idle, used, deaf = connect(slow), connect(slow), connect(slow)
        used.sendall(post("/echo", b"x"))
        deaf.sendall(post("/big"))
        with connect(slow) as head, connect(slow) as body, connect(slow) as asgi:
            body.sendall(post("/echo", bytes(60))[:-59])
            asgi.sendall(post("/hello", bytes(60))[:-59])
            head.sendall(b"POST /")
            for _ in range(20):
                for sock in (head, body, asgi):
                    with contextlib.suppress(OSError):
                        sock.sendall(b"x")
                time.sleep(0.1)
            for sock in (head, body, asgi):
                assert statuses(rest(sock)) == [408]
        eventually(lambda: not slow.server.traffic.connections, 10)
        assert 1.5 < time.monotonic() - started < 8
        assert idle.recv(1) == b""
        assert statuses(rest(used)) == [200]
        with contextlib.suppress(ConnectionResetError):
            assert len(rest(deaf)) < BIG
        assert slow.held == 0


def test_one_connection_too_many_is_told_so():
    with house(most=3) as full:
        first = [connect(full) for _ in range(3)]
        for sock in first:
            sock.sendall(post("/echo", b"x"))
            assert statuses(sock.recv(1000)) == [200]
        for _ in range(50):
            said = talk(full, post("/echo", b"x"), half=False)
            assert statuses(said) == [503]
            assert b"retry-after: 1" in said
        many = [connect(full) for _ in range(100)]
        time.sleep(0.3)
        assert len(full.server.traffic.connections) <= 3 + 16
        for sock in many:
            sock.close()
        first.pop().close()
        eventually(lambda: len(full.server.traffic.connections) == 2)
        assert statuses(talk(full, post("/echo", b"x"))) == [200]


def test_bodies_together_are_bounded():
    with house(body=1000, bodies=3000) as full:
        socks = [connect(full) for _ in range(3)]
        for sock in socks:
            sock.sendall(post("/wait", bytes(900)))
        eventually(lambda: len(full.calls) == 3)
        assert full.held == 2700
        said = talk(full, post("/echo", bytes(900)), half=False)
        assert statuses(said) == [503]
        assert b"retry-after" in said
        full.soon(full.calls[0].answer, 200, b"")
        eventually(lambda: full.held == 1800)
        assert statuses(talk(full, post("/echo", bytes(900)))) == [200]
        for sock in socks:
            sock.close()
        eventually(lambda: full.held == 0)


def test_a_server_that_stops_answers_what_is_there_and_what_is_on_its_way():
    with house() as ends:
        idle, waiting, resting = connect(ends), connect(ends), connect(ends)
        waiting.sendall(post("/wait"))
        resting.sendall(post("/echo", b"x"))
        assert statuses(resting.recv(1000)) == [200]
        eventually(lambda: ends.calls)
        ends.stop()
        eventually(lambda: ends.server.traffic.draining)
        # Listening goes on for a moment.
        said = talk(ends, post("/echo", b"new"), half=False)
        assert said.endswith(b"new")
        assert b"connection: close" in said
        # A connection that is kept alive may be used once more.
        resting.sendall(post("/echo", b"y"))
        said = rest(resting)
        assert said.endswith(b"y")
        assert b"connection: close" in said
        # One on which nothing happens is closed; what is not answered yet is waited for.
        assert idle.recv(1) == b""
        assert ends.thread.is_alive()
        ends.soon(ends.calls[0].answer, 200, b"last")
        said = rest(waiting)
        assert said.endswith(b"last")
        assert b"connection: close" in said
        ends.thread.join(5)
        assert not ends.thread.is_alive()
        with pytest.raises(ConnectionRefusedError):
            connect(ends)


def test_whoever_is_connected_when_listening_ends_is_taken():
    with house() as ends:
        ends.stop()
        eventually(lambda: ends.server.traffic.draining)
        answered = 0
        until = time.monotonic() + 3
        while time.monotonic() < until:
            try:
                sock = connect(ends)
            except ConnectionRefusedError:
                break
            with sock:
                sock.sendall(post("/echo", b"x"))
                assert rest(sock).endswith(b"x")
            answered += 1
        assert answered > 10
