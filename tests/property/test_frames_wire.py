"""Whatever bytes arrive, a frame is read or refused: never anything else, never a hang."""

from __future__ import annotations

import contextlib
import socket
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.worker import frames

LIMITS = frames.Limits(header=4096, buffers=64, total=1 << 16)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
headers = st.dictionaries(st.text(max_size=5), json_values, max_size=4)


def sent(header, buffers) -> bytes:
    left, right = socket.socketpair()
    with left, right:
        frames.send(left, header, buffers)
        left.shutdown(socket.SHUT_WR)
        pieces = []
        while piece := right.recv(1 << 16):
            pieces.append(piece)
        return b"".join(pieces)


def received(data: bytes):
    left, right = socket.socketpair()
    with left, right:
        right.settimeout(5)
        left.sendall(data)
        left.shutdown(socket.SHUT_WR)
        return frames.receive(right, LIMITS)


@settings(max_examples=200, deadline=None)
@given(headers, st.lists(st.binary(max_size=40), max_size=6))
def test_a_frame_arrives_as_it_was_sent(header, buffers):
    found, views = received(sent(header, buffers))
    assert found == header
    assert [bytes(view) for view in views] == buffers


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_are_refused(data, with_magic):
    with contextlib.suppress(frames.FrameError):
        received(frames.MAGIC * with_magic + data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary())
def test_any_lengths_are_refused_or_right(count, header, body, rest):
    with contextlib.suppress(frames.FrameError):
        received(struct.pack("<4sIQQ", frames.MAGIC, count, header, body) + rest)


@settings(max_examples=200, deadline=None)
@given(headers, st.lists(st.binary(max_size=40), max_size=4), st.data())
def test_a_frame_that_was_cut_or_changed_is_refused_or_read(header, buffers, data):
    whole = bytearray(sent(header, buffers))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole = whole[:at]
    else:
        whole[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(frames.FrameError):
        received(bytes(whole))
