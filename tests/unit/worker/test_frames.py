"""Frames over a real socket pair."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from holdfast.worker import frames


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def exchange(pair, header, buffers=(), limits=None):
    left, right = pair
    sender = threading.Thread(target=frames.send, args=(left, header, buffers))
    sender.start()
    try:
        return frames.receive(right, limits or frames.Limits())
    finally:
        sender.join()


def prefix(count=0, header=2, body=8, magic=b"HF1\n"):
    return struct.pack("<4sIQQ", magic, count, header, body)


def test_a_header_and_its_buffers_arrive(pair):
    header, buffers = exchange(pair, {"op": "é", "n": [1, None]}, [b"abc", b"", bytearray(16)])
    assert header == {"op": "é", "n": [1, None]}
    assert [bytes(buffer) for buffer in buffers] == [b"abc", b"", bytes(16)]


def test_megabytes_arrive_through_partial_writes_and_reads(pair):
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    big = bytes(range(256)) * 20_000
    _, buffers = exchange(pair, {}, [big, big[:7], big])
    assert [bytes(buffer) for buffer in buffers] == [big, big[:7], big]


def test_more_buffers_than_one_sendmsg_takes(pair):
    many = [str(number).encode() for number in range(3000)]
    assert [bytes(buffer) for buffer in exchange(pair, {}, many)[1]] == many


def test_received_buffers_are_writable_and_aligned(pair):
    _, (first, second) = exchange(pair, {"x": 1}, [b"abc", struct.pack("<2d", 1.0, 2.0)])
    first[0] = 0
    assert second.cast("d").tolist() == [1.0, 2.0]


def test_buffers_of_any_element_type_are_sent_as_bytes(pair):
    _, (buffer,) = exchange(pair, {}, [memoryview(struct.pack("<2d", 1.0, 2.0)).cast("d")])
    assert len(buffer) == 16


def test_the_end_between_frames_is_told_from_the_end_inside_one(pair):
    left, right = pair
    left.sendall(prefix()[:10])
    left.shutdown(socket.SHUT_WR)
    with pytest.raises(frames.FrameError, match="14 bytes early") as caught:
        frames.receive(right)
    assert not isinstance(caught.value, frames.EndOfStream)
    with pytest.raises(frames.EndOfStream):
        frames.receive(right)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (prefix(magic=b"GET "), "not a frame"),
        (prefix(count=1 << 30), "buffers, the limit is 65536"),
        (prefix(header=1 << 40), "bytes of header, the limit"),
        (prefix(body=1 << 60), "bytes, the limit is"),
        (prefix(body=0), "cannot hold its own header"),
        (prefix(body=16) + b"{}" + bytes(14), "do not add up to its 16 bytes"),
        (prefix(count=1, body=16) + struct.pack("<Q", 1 << 63) + b"{}" + bytes(6), "do not add up"),
        (prefix() + b"[]" + bytes(6), "expected an object"),
        (prefix() + b"\xff\xff" + bytes(6), "not JSON"),
        (prefix(header=100_000, body=100_000) + b"[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_frame_is_refused(pair, sent, message):
    left, right = pair
    sender = threading.Thread(target=left.sendall, args=(sent,))
    sender.start()
    with pytest.raises(frames.FrameError, match=message):
        frames.receive(right)
    sender.join()


def test_a_promised_length_takes_no_memory(pair):
    resource = pytest.importorskip("resource")
    left, right = pair
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    left.sendall(prefix(body=1 << 31))
    left.shutdown(socket.SHUT_WR)
    with pytest.raises(frames.FrameError, match="early"):
        frames.receive(right)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize("header", [{"x": float("nan")}, {"x": object()}, {1: {b"x": 1}}])
def test_a_header_that_is_not_json_is_not_sent(pair, header):
    with pytest.raises(frames.FrameError, match="not JSON"):
        frames.send(pair[0], header)


def test_a_buffer_with_gaps_is_not_sent(pair):
    with pytest.raises(frames.FrameError, match="not contiguous"):
        frames.send(pair[0], {}, [memoryview(b"abcdef")[::2]])
