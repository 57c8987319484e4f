"""One file from an index that may cut, hang or lie: the locked bytes, or a clear error."""

from __future__ import annotations

import hashlib
import os
import resource
from dataclasses import replace

import pytest

from holdfast.errors import MismatchError, StoreError, ToolError
from holdfast.wheels.download import Stopped, Wanted, download
from holdfast.wheels.network import Network
from holdfast.wheels.tally import Tally
from hostile_index import answering

BODY = os.urandom(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "0.5")
    monkeypatch.setenv("UV_HTTP_RETRIES", "1")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def partial(tmp_path):
    return tmp_path / ".partial"


@pytest.fixture
def get(partial):
    """Download BODY, or another body, from an index that answers so; gives what was asked."""

    def go(answer, *, indexes=(), tally=None, **changes):
        with answering(answer) as index:
            wanted = Wanted(name="mine", url=index.url("mine.whl"), sha256=SHA256, size=None)
            network = Network(tuple((name, index.url(path)) for name, path in indexes))
            try:
                download(replace(wanted, **changes), partial, network, tally or Tally(1))
            finally:
                network.close()
        return index.asked

    return go


def test_a_file(get, partial):
    (asked,) = get(lambda one: one.send(BODY))
    assert partial.read_bytes() == BODY
    assert asked.headers["Accept-Encoding"] == "identity"
    assert "Authorization" not in asked.headers


def test_a_file_that_was_cut_goes_on_where_it_was(get, partial):
    first, second = get(
        lambda one: one.cut(BODY, 200_000) if one.number == 0 else one.send(BODY), size=len(BODY)
    )
    assert "Range" not in first.headers
    assert second.headers["Range"].removeprefix("bytes=").removesuffix("-") != "0"
    assert partial.read_bytes() == BODY


def test_what_another_run_left_is_gone_on_with(get, partial):
    partial.write_bytes(BODY[:123_456])
    (asked,) = get(lambda one: one.send(BODY))
    assert asked.headers["Range"] == "bytes=123456-"
    assert partial.read_bytes() == BODY


def test_what_another_run_left_whole_is_not_fetched_again(get, partial):
    partial.write_bytes(BODY)
    assert get(lambda one: one.send(BODY)) == []


def test_other_bytes_left_there_cost_a_second_try_only(get, partial):
    partial.write_bytes(b"x" * 1000)
    assert len(get(lambda one: one.send(BODY))) == 2
    assert partial.read_bytes() == BODY


@pytest.mark.parametrize("length", [len(BODY), len(BODY) + 1])
def test_more_bytes_left_there_than_there_are(get, partial, length):
    def answer(one):
        if one.start >= len(BODY):
            one.head(416, Content_Length=0)
        else:
            one.send(BODY)

    partial.write_bytes(b"x" * length)
    get(answer)
    assert partial.read_bytes() == BODY


def test_an_index_that_knows_no_ranges(get, partial):
    def answer(one):
        one.head(200, Content_Length=len(BODY))
        one.handler.wfile.write(BODY)

    partial.write_bytes(BODY[:1000])
    get(answer)
    assert partial.read_bytes() == BODY


def test_an_index_that_sends_another_part(get, partial):
    def answer(one):
        one.head(206, Content_Length=10, Content_Range=f"bytes 5-14/{len(BODY)}")
        one.handler.wfile.write(BODY[5:15])

    partial.write_bytes(BODY[:1000])
    with pytest.raises(ToolError, match="another part than it was asked for"):
        get(answer)


def test_an_index_that_always_cuts(get, partial):
    with pytest.raises(ToolError, match=r"mine: http://127.*cannot be fetched"):
        get(lambda one: one.cut(BODY, 1000))
    assert partial.read_bytes() == BODY[:1000]


def test_an_end_that_nobody_promised(get, partial):
    """Without a length, only the lock's size tells a cut from the end."""

    def answer(one):
        one.head(200, Connection="close")
        one.handler.wfile.write(BODY[:1000])

    with pytest.raises(ToolError, match="ended after 1000 of 300000 bytes"):
        get(answer, size=len(BODY))


def test_an_index_that_hangs(get):
    with pytest.raises(ToolError, match="timed out"):
        get(lambda one: one.hang(BODY, 1000))


def test_an_index_that_lies(get, partial):
    with pytest.raises(MismatchError, match=f"{SHA256} was locked"):
        get(lambda one: one.send(BODY[::-1]))
    assert not partial.exists()


def test_an_index_that_sends_a_page_instead(get):
    with pytest.raises(MismatchError):
        get(lambda one: one.send(b"<html>log in</html>", Content_Type="text/html"))


def test_an_index_that_never_ends(get, partial):
    def answer(one):
        one.head(200, Connection="close")
        while True:
            one.handler.wfile.write(bytes(1 << 20))

    with pytest.raises(MismatchError, match="more than the 300000 bytes"):
        get(answer, size=len(BODY))
    assert partial.stat().st_size <= len(BODY)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_index_is_asked_again(get, partial, status):
    def answer(one):
        one.head(status, Content_Length=0) if one.number < 1 else one.send(BODY)

    assert len(get(answer)) == 2
    assert partial.read_bytes() == BODY


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_index_that_refuses_is_asked_once(partial, status):
    with answering(lambda one: one.head(status, Content_Length=0)) as index:
        network = Network(())
        wanted = Wanted(name="mine", url=index.url("mine.whl"), sha256=SHA256, size=None)
        with pytest.raises(ToolError, match=f"mine: .*: {status} "):
            download(wanted, partial, network, Tally(1))
        network.close()
    assert len(index.asked) == 1


def test_nobody_there(partial):
    with answering(lambda one: one.send(BODY)) as index:
        url = index.url("mine.whl")
    network = Network(())
    with pytest.raises(ToolError, match="cannot be fetched"):
        download(Wanted(name="mine", url=url, sha256=SHA256, size=None), partial, network, Tally(1))
    network.close()


def test_redirects_without_end(get):
    with pytest.raises(ToolError, match="redirects"):
        get(lambda one: one.head(302, Location=one.path, Content_Length=0))


def test_a_redirect_to_a_file_of_this_machine(get):
    with pytest.raises(ToolError, match="cannot be fetched"):
        get(lambda one: one.head(302, Location="file:///etc/passwd", Content_Length=0))


def test_let_go_when_another_failed(get):
    tally = Tally(2)
    tally.stop()
    with pytest.raises(Stopped):
        get(lambda one: one.send(BODY), tally=tally)


def test_a_full_disk(get, partial):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            get(lambda one: one.send(BODY))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    get(lambda one: one.send(BODY))
    assert partial.read_bytes() == BODY


def test_no_password_follows_a_redirect_to_another_host(get, monkeypatch):
    monkeypatch.setenv("UV_INDEX_PRIVATE_USERNAME", "ada")
    monkeypatch.setenv("UV_INDEX_PRIVATE_PASSWORD", "s3cret-of-ada")
    with answering(lambda one: one.send(BODY)) as other:

        def answer(one):
            one.head(302, Location=other.url("mine.whl", host="localhost"), Content_Length=0)

        (asked,) = get(answer, indexes=[("private", "simple/")])
    assert asked.headers["Authorization"].startswith("Basic ")
    assert "Authorization" not in other.asked[0].headers


def test_who_we_are_is_asked_where_the_index_wants_to_know(get, partial, tmp_path, monkeypatch):
    def answer(one):
        if "Authorization" in one.handler.headers:
            one.send(BODY)
        else:
            one.head(401, Content_Length=0)

    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password s3cret-of-ada\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert len(get(answer)) == 2
    assert partial.read_bytes() == BODY
