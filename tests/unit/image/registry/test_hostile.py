"""Registries that hang, drip, cut, lie, lead astray, say too much: a clear error, nothing kept."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from holdfast.errors import HoldfastError, InputError, MismatchError, ToolError
from holdfast.image.oci.blobs import blob_of, canonical, digest_of
from holdfast.image.oci.manifest import NOTHING, artifact_of, index_over
from holdfast.image.registry import again, client
from holdfast.image.registry.pull import pull
from holdfast.image.registry.push import push
from holdfast.image.registry.reference import parse_reference
from holdfast.image.values import INDEX, MANIFEST, Blob, Image, Images
from registries import (
    PASSWORD,
    USER,
    Exchange,
    Middle,
    Registry,
    Spoil,
    between,
    needs_registry,
    say,
    serving,
)
from tiny_images import AMD, image_of, images_of

pytestmark = needs_registry
NAME = "team/model:1"
LAYER_BYTES = 300_000


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image_of(tmp_path_factory.mktemp("layers"), {"a": os.urandom(LAYER_BYTES)})


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, image: Image) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("real") / "registry") as registry:
        push(images_of(image), f"{registry.host}/{NAME}")
        yield registry


@pytest.fixture
def middle(registry: Registry) -> Iterator[Middle]:
    with between(registry.port) as middle:
        yield middle


@pytest.fixture
def elsewhere() -> Iterator[Middle]:
    """Another server, which takes note of what it is told."""
    with between(0) as middle:
        yield middle


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Little patience, and a user who is logged in to every registry of this test."""
    monkeypatch.setattr(client, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(again, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(again, "_MOST_WAIT_SECONDS", 0.02)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("HOME", str(tmp_path))


def log_in(tmp_path: Path, host: str) -> None:
    packed = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(
        json.dumps({"auths": {host: {"auth": packed}}})
    )


def layer_of(image: Image) -> str:
    return image.layers[0].blob.descriptor.digest


def kept(folder: Path) -> list[Path]:
    """The files of more than documents' size that a pull has left."""
    return [one for one in folder.rglob("*") if one.is_file() and one.stat().st_size > 10_000]


def only(part: str, change: Spoil, times: int = 99) -> Spoil:
    """Change answers to GETs of such a path, the first so many of them."""
    left = [times]

    def spoil(exchange: Exchange) -> None:
        if exchange.method == "GET" and part in exchange.path and left[0]:
            left[0] -= 1
            change(exchange)

    return spoil


def silence(exchange: Exchange) -> None:
    exchange.status, exchange.pause = 0, 0.8


def drip(exchange: Exchange) -> None:
    exchange.pause = 0.05


def cut(exchange: Exchange) -> None:
    exchange.cut_at = len(exchange.body) // 3


def lie(exchange: Exchange) -> None:
    exchange.body = bytes(byte ^ 1 for byte in exchange.body)


def lie_shorter(exchange: Exchange) -> None:
    exchange.body = exchange.body[:-1]
    exchange.headers.pop("Content-Length")


def lie_longer(exchange: Exchange) -> None:
    exchange.body += b"more"
    exchange.headers.pop("Content-Length")


def lie_in_header(exchange: Exchange) -> None:
    exchange.headers["Docker-Content-Digest"] = f"sha256:{'0' * 64}"


def giant(exchange: Exchange) -> None:
    exchange.body = b"[" * (5 << 20)
    exchange.headers.pop("Content-Length")


def busy(exchange: Exchange) -> None:
    say(exchange, 429, b"", Retry_After="1")


def broken(exchange: Exchange) -> None:
    say(exchange, 503)


def circle(exchange: Exchange) -> None:
    say(exchange, 307, Location=exchange.path)


def astray(exchange: Exchange) -> None:
    say(exchange, 307, Location="http://192.0.2.1/latest/meta-data/")


def to_a_file(exchange: Exchange) -> None:
    say(exchange, 307, Location="file:///etc/passwd")


def refusing(exchange: Exchange) -> None:
    say(exchange, 400, {"errors": [{"code": "ODD", "message": "\x1b[31mred\nand more"}]})


@pytest.mark.parametrize("place", ["manifests", "blobs"])
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (silence, ToolError, "failed for team/model"),
        (drip, ToolError, r"it sent [0-9]+ bytes in [0-9]+ seconds"),
        (lie, MismatchError, "sha256:"),
        (lie_longer, MismatchError, "sha256:"),
        (broken, ToolError, "HTTP 503"),
        (circle, ToolError, "redirects without end"),
        (astray, ToolError, "redirects to where we do not go"),
        (to_a_file, ToolError, "redirects to where we do not go"),
        (refusing, ToolError, r"refuses \(HTTP 400\): ODD \\x1b\[31mred\\nand more$"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_nothing_is_kept_of_what_is_not_right(
    middle, tmp_path, place, change, error, words, monkeypatch
):
    monkeypatch.setattr(again, "_ATTEMPTS", 2)
    middle.spoil = only(place, change)
    began = time.monotonic()
    with pytest.raises(error, match=words):
        pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert not kept(tmp_path)
    assert not list((tmp_path / "kept").rglob(".*.*")), "something half-written"
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("change", [lie_shorter, cut, giant])
@pytest.mark.parametrize("place", ["manifests", "blobs"])
def test_less_or_far_too_much_is_refused(middle, tmp_path, place, change):
    middle.spoil = only(place, change)
    with pytest.raises((ToolError, MismatchError, InputError)):
        pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert not kept(tmp_path)


def test_a_header_that_lies_is_noticed(middle, tmp_path):
    middle.spoil = only("manifests", lie_in_header)
    with pytest.raises(MismatchError, match="is named"):
        pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")


def test_another_manifest_than_was_asked_for_is_noticed(middle, tmp_path, image):
    other = canonical({"schemaVersion": 2, "mediaType": MANIFEST})
    middle.spoil = only("manifests", lambda one: say(one, 200, other, Content_Type=MANIFEST))
    name = f"{middle.host}/team/model@{image.manifest.descriptor.digest}"
    with pytest.raises(MismatchError, match="is named"):
        pull(name, AMD, tmp_path / "kept")


@pytest.mark.parametrize("change", [busy, broken, cut, silence], ids=lambda one: one.__name__)
def test_what_fails_once_or_twice_is_asked_again(middle, tmp_path, image, change):
    middle.spoil = only(layer_of(image), change, times=2)
    taken = pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert Path(taken.layers[0].blob.content).read_bytes()


def test_what_was_cut_is_continued(middle, tmp_path, image):
    middle.spoil = only(layer_of(image), cut, times=2)
    pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    asked = middle.asked("GET", layer_of(image))
    assert [one.status for one in asked] == [200, 206, 206]
    assert sum(len(one.body[: one.cut_at]) for one in asked) == image.layers[0].blob.descriptor.size


def test_a_registry_that_knows_no_ranges_is_asked_for_all_of_it(middle, tmp_path, image):
    size = image.layers[0].blob.descriptor.size

    def spoil(exchange: Exchange) -> None:
        if layer_of(image) in exchange.path and exchange.method == "GET":
            if "Range" in exchange.sent:
                content = Path(image.layers[0].blob.content).read_bytes()
                say(exchange, 200, content)
            else:
                cut(exchange)

    middle.spoil = spoil
    taken = pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert Path(taken.layers[0].blob.content).stat().st_size == size


def test_a_redirect_does_not_take_the_password_along(middle, elsewhere, tmp_path, image):
    log_in(tmp_path, middle.host)
    content = Path(image.layers[0].blob.content).read_bytes()
    elsewhere.spoil = lambda one: say(one, 200, content)

    def spoil(exchange: Exchange) -> None:
        if "Authorization" not in exchange.sent:
            say(exchange, 401, WWW_Authenticate='Basic realm="tests"')
        elif layer_of(image) in exchange.path:
            say(exchange, 307, Location=f"http://localhost:{elsewhere.port}/storage?signed=yes")

    middle.spoil = spoil
    pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert [one.path for one in elsewhere.seen] == ["/storage?signed=yes"]
    assert "Authorization" not in elsewhere.seen[0].sent
    assert "Authorization" in middle.seen[-1].sent


def test_an_upload_elsewhere_does_not_take_the_password_along(middle, elsewhere, tmp_path):
    log_in(tmp_path, middle.host)
    elsewhere.spoil = lambda one: say(one, 201)

    def spoil(exchange: Exchange) -> None:
        if "Authorization" not in exchange.sent:
            say(exchange, 401, WWW_Authenticate='Basic realm="tests"')
        elif exchange.method == "POST":
            exchange.headers["Location"] = f"http://localhost:{elsewhere.port}/up?signed=a%2Bb"
        elif exchange.method == "PUT":
            say(exchange, 201)

    middle.spoil = spoil
    fresh = image_of(tmp_path / "layers", {"b": os.urandom(50)})
    push(images_of(fresh), f"{middle.host}/team/elsewhere:1")
    assert len(elsewhere.seen) == 2
    for one in elsewhere.seen:
        assert one.path.startswith("/up?signed=a%2Bb&digest=sha256:")
        assert "Authorization" not in one.sent


@pytest.mark.parametrize(
    "realm", ["http://192.0.2.1/token", "file:///etc/passwd", "", "https://u:p@localhost/", "::"]
)
def test_a_secret_goes_to_no_server_in_the_clear(middle, tmp_path, realm):
    log_in(tmp_path, middle.host)
    middle.spoil = lambda one: say(one, 401, WWW_Authenticate=f'Bearer realm="{realm}",service="x"')
    with pytest.raises(ToolError, match="names a token server that is not asked") as caught:
        pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert "u:p@" not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b"[]", b'{"token": 3}', b'{"token": "a\\nb"}', b" " * (2 << 20)]
)
def test_a_token_server_that_gives_none_is_said(middle, elsewhere, tmp_path, answer):
    elsewhere.spoil = lambda one: say(one, 200, answer)
    challenge = f'Bearer realm="http://{elsewhere.host}/token",service="x"'
    middle.spoil = lambda one: say(one, 401, WWW_Authenticate=challenge)
    with pytest.raises(ToolError, match="token"):
        pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")


def test_a_token_that_is_refused_ends_it(middle, elsewhere, tmp_path):
    elsewhere.spoil = lambda one: say(one, 200, {"token": "of-yesterday"})
    challenge = f'Bearer realm="http://{elsewhere.host}/token",service="x"'
    middle.spoil = lambda one: say(one, 401, WWW_Authenticate=challenge)
    with pytest.raises(ToolError, match="does not let us"):
        pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert len(middle.seen) == 2


def test_a_refresh_token_is_exchanged_and_not_put_into_an_address(middle, elsewhere, tmp_path):
    (tmp_path / "docker").mkdir()
    settings = {"auths": {middle.host: {"auth": "", "identitytoken": "refresh-me"}}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps(settings))
    elsewhere.spoil = lambda one: say(one, 200, {"access_token": "fresh"})
    challenge = f'Bearer realm="http://{elsewhere.host}/token",service="x"'

    def spoil(exchange: Exchange) -> None:
        if exchange.sent.get("Authorization") != "Bearer fresh":
            say(exchange, 401, WWW_Authenticate=challenge)

    middle.spoil = spoil
    pull(f"{middle.host}/{NAME}", AMD, tmp_path / "kept")
    assert [(one.method, one.path) for one in elsewhere.seen] == [("POST", "/token")]


def document(kind: str, **more: object) -> Blob:
    return blob_of({"schemaVersion": 2, "mediaType": kind, **more}, kind)


def a_loop() -> list[Blob]:
    """An index of an index of an index of …"""
    blobs = [document(INDEX, manifests=[])]
    for _ in range(6):
        blobs.append(index_over([blobs[-1].descriptor], {}))
    return blobs


@pytest.mark.parametrize(
    ("blobs", "words"),
    [
        (a_loop(), "index of indexes"),
        ([document(MANIFEST, layers=[], manifests=[])], "something else too"),
        ([document("application/vnd.example+json")], "of a type that is not read"),
        ([document(MANIFEST, layers=[], config={"digest": "sha256:../../x", "size": 1})], "digest"),
        ([document(MANIFEST, layers=[{}] * 2_000)], "no array of at most"),
        ([document(INDEX, manifests=[])], "is there for"),
    ],
    ids=["loop", "both", "unknown", "digest", "many", "none"],
)
def test_documents_that_lead_nowhere_are_refused(elsewhere, tmp_path, blobs, words):
    by_digest = {one.descriptor.digest: one for one in blobs}

    def spoil(exchange: Exchange) -> None:
        blob = by_digest.get(exchange.path.rpartition("/")[2], blobs[-1])
        assert isinstance(blob.content, bytes)
        say(exchange, 200, blob.content, Content_Type=blob.descriptor.media_type)

    elsewhere.spoil = spoil
    with pytest.raises(HoldfastError, match=words):
        pull(f"{elsewhere.host}/{NAME}", AMD, tmp_path / "kept")


def pushing(path: Path) -> Image:
    return image_of(path / "layers", {"b": os.urandom(99), "c": os.urandom(99)})


def test_the_tag_comes_last(middle, tmp_path):
    image = pushing(tmp_path)
    artifact = artifact_of("application/x", image.manifest.descriptor, [], {})
    images = Images(images=(image,), attachments=(artifact,), blobs=(NOTHING,))
    push(images, f"{middle.host}/team/last:1")
    last = middle.seen[-1]
    assert (last.method, last.path) == ("PUT", "/v2/team/last/manifests/1")
    assert len(middle.asked("PUT", "/manifests/1")) == 1


@pytest.mark.parametrize("fails", ["/blobs/uploads/", "/manifests/sha256:", "/manifests/sha256-"])
def test_nothing_half_pushed_has_a_tag(middle, registry, tmp_path, fails):
    image = pushing(tmp_path)
    artifact = artifact_of("application/x", image.manifest.descriptor, [], {})
    images = Images(images=(image,), attachments=(artifact,), blobs=(NOTHING,))
    name = f"team/half-{digest_of(fails.encode())[-8:]}:1"

    def spoil(exchange: Exchange) -> None:
        if exchange.method == "PUT" and fails in exchange.path:
            say(exchange, 500)

    middle.spoil = spoil
    with pytest.raises(ToolError, match="HTTP 500"):
        push(images, f"{middle.host}/{name}")
    with pytest.raises(InputError, match="is not there"):
        pull(f"{registry.host}/{name}", AMD, tmp_path / "kept")
    middle.spoil = lambda _: None
    assert push(images, f"{middle.host}/{name}").digest == image.manifest.descriptor.digest


@pytest.mark.parametrize("change", [broken, silence], ids=lambda one: one.__name__)
def test_an_upload_that_fails_once_is_sent_again(middle, tmp_path, change):
    image = pushing(tmp_path)
    left = [1]

    def spoil(exchange: Exchange) -> None:
        if exchange.method == "PUT" and "/uploads/" in exchange.path and left:
            left.pop()
            change(exchange)

    middle.spoil = spoil
    push(images_of(image), f"{middle.host}/team/again:1")


def test_a_registry_that_says_where_a_blob_lies_has_it(middle, tmp_path):
    def spoil(exchange: Exchange) -> None:
        if exchange.method == "HEAD":
            assert exchange.status == 200
            say(exchange, 307, Location="http://192.0.2.1/for-get-only")

    image = pushing(tmp_path)
    push(images_of(image), f"{middle.host}/team/there:1")
    middle.spoil = spoil
    assert push(images_of(image), f"{middle.host}/team/there:2").there == 3


def test_a_layer_that_was_spoilt_is_not_pushed(middle, tmp_path):
    image = pushing(tmp_path)
    path = Path(image.layers[0].blob.content)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(MismatchError, match="is named"):
        push(images_of(image), f"{middle.host}/team/spoilt:1")
    assert not middle.asked("PUT", "/manifests/")


def test_a_registry_that_takes_it_for_another_is_noticed(middle, tmp_path):
    def spoil(exchange: Exchange) -> None:
        if exchange.method == "PUT" and "/manifests/" in exchange.path:
            lie_in_header(exchange)

    middle.spoil = spoil
    with pytest.raises(MismatchError, match="took sha256:"):
        push(images_of(pushing(tmp_path)), f"{middle.host}/team/taken:1")


def test_a_digest_that_was_not_made_is_not_pushed(middle, tmp_path):
    with pytest.raises(MismatchError, match="what was made is"):
        push(images_of(pushing(tmp_path)), f"{middle.host}/team/x@{digest_of(b'')}")
    assert not middle.seen


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/a/b?c=d%2Fe", "https://registry.example/v2/a/b?c=d%2Fe"),
        ("https://storage.example/x", "https://storage.example/x"),
        # It sits behind a proxy, and does not know that it is reached by TLS.
        ("http://registry.example/up", "https://registry.example/up"),
        ("http://registry.example:80/up", "https://registry.example/up"),
        ("http://storage.example/x", None),
        ("http://127.0.0.1/x", None),
        ("https://u:p@storage.example/x", None),
        ("ftp://storage.example/x", None),
        ("", None),
    ],
)
def test_nothing_is_sent_in_the_clear_to_others(location, expected):
    talking = client.Client(parse_reference("registry.example/team/model:1"))
    request = httpx.Request("POST", "https://registry.example/v2/team/model/blobs/uploads/")
    answer = httpx.Response(202, headers={"Location": location}, request=request)
    if expected is None:
        with pytest.raises(ToolError, match="redirects to"):
            talking.led_to(answer)
    else:
        assert str(talking.led_to(answer)) == expected
    talking.close()


def test_a_registry_that_stores_a_great_blob_is_given_time(monkeypatch):
    monkeypatch.undo()
    assert client._timeout().read == 30
    assert 400 < client._timeout(2_000_000_000).read < 900
    assert client._timeout(2_000_000_000).write == 30


def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "odd://ada:s3cret@proxy.example:1")
    with pytest.raises(ToolError, match="the proxy in") as caught:
        client.Client(parse_reference("registry.example/team/model:1"))
    assert "s3cret" not in str(caught.value)
