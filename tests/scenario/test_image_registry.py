"""Pushing to a real registry and pulling from it: as others do, and as anybody or as somebody."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from certificates import Authority
from holdfast.errors import InputError, ToolError
from holdfast.image.oci.blobs import blob_of
from holdfast.image.oci.layout import open_layout
from holdfast.image.oci.manifest import NOTHING, artifact_of, read_index
from holdfast.image.registry import again
from holdfast.image.registry.pull import pull
from holdfast.image.registry.push import push
from holdfast.image.values import Image, Images
from registries import PASSWORD, USER, Registry, between, needs_registry, serving, with_password
from tiny_images import AMD, ARM, image_of, images_of
from tokens import Tokens, token_server

pytestmark = needs_registry
skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("open") / "registry") as registry:
        yield registry


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("guarded")
    with serving(folder / "registry", with_password(folder)) as registry:
        yield registry


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tokens]:
    with token_server(tmp_path_factory.mktemp("tokens") / "server") as tokens:
        yield tokens


@pytest.fixture(scope="module")
def issuing(tokens: Tokens, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("issuing") / "registry", tokens.auth) as registry:
        yield registry


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user who is logged in nowhere; the folder where Docker would write that."""
    folder = tmp_path / "docker"
    folder.mkdir()
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setattr(again, "_MOST_WAIT_SECONDS", 0.1)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def log_in(folder: Path, host: str, password: str = PASSWORD) -> None:
    packed = base64.b64encode(f"{USER}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": packed}}}))


def ran(*command: str | Path) -> str:
    done = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def a_model(folder: Path, model: bytes = b"model") -> Image:
    """Four layers: what stays, and the model."""
    stays = {"base": b"base" * 9_000, "big": os.urandom(1) * 9_000, "small": b"small"}
    return image_of(folder, {**stays, "model": model})


def test_what_is_pushed_is_pulled(registry, tmp_path):
    images = images_of(a_model(tmp_path / "layers"))
    name = f"{registry.host}/team/model:1"
    pushed = push(images, name)
    assert pushed.digest == images.top.descriptor.digest
    assert (pushed.sent, pushed.there, pushed.mounted) == (6, 0, 0)
    taken = pull(name, AMD, tmp_path / "kept")
    assert taken.digest == pushed.digest
    assert [layer.diff_id for layer in taken.layers] == [
        layer.diff_id for layer in images.images[0].layers
    ]
    assert {layer.source for layer in taken.layers} == {f"{registry.host}/team/model"}
    for layer, made in zip(taken.layers, images.images[0].layers, strict=True):
        assert Path(layer.blob.content).read_bytes() == Path(made.blob.content).read_bytes()


@skopeo
@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_skopeo_reads_what_is_pushed(registry, tmp_path, compression):
    image = image_of(tmp_path / "layers", {"a": b"one", "b": b"two"}, compression=compression)
    name = f"{registry.host}/for-skopeo/{compression}:1"
    pushed = push(images_of(image), name)
    inspect = ["skopeo", "inspect", "--tls-verify=false", f"docker://{name}"]
    said = json.loads(ran(*inspect))
    assert said["Digest"] == pushed.digest
    assert said["Layers"] == [layer.blob.descriptor.digest for layer in image.layers]
    copy = ["skopeo", "copy", "-q", "--preserve-digests", "--src-tls-verify=false"]
    ran(*copy, f"docker://{name}", f"oci:{tmp_path / 'copy'}:x")
    assert open_layout(tmp_path / "copy").find("x")[0].digest == pushed.digest


@skopeo
@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_what_skopeo_pushes_is_pulled(registry, tmp_path, form):
    image = image_of(tmp_path / "layers", {"a": b"one"}, compression="gzip")
    name = f"{registry.host}/by-skopeo/{form}:1"
    push(images_of(image), f"{registry.host}/by-skopeo/first:1")
    ran(
        "skopeo", "copy", "-q", "--format", form, "--src-tls-verify=false",
        "--dest-tls-verify=false", f"docker://{registry.host}/by-skopeo/first:1", f"docker://{name}",
    )  # fmt: skip
    taken = pull(name, AMD, tmp_path / "kept")
    assert [layer.diff_id for layer in taken.layers] == [layer.diff_id for layer in image.layers]
    assert taken.layers[0].blob.descriptor.media_type == image.layers[0].blob.descriptor.media_type


def test_only_what_changed_is_sent(registry, tmp_path):
    name = f"{registry.host}/team/changed"
    image = a_model(tmp_path / "layers")
    push(images_of(image), f"{name}:1")
    changed = image_of(tmp_path / "layers", {"model": b"another"}).layers[0]
    layers = (*image.layers[:-1], changed)
    other = remade(image, layers)
    with between(registry.port) as middle:
        pushed = push(images_of(other), f"{middle.host}/team/changed:2")
        sent = sum(one.body_bytes for one in middle.seen)
    assert (pushed.sent, pushed.there) == (3, 3), "the model, the config and the manifest"
    little = other.config.descriptor.size + other.manifest.descriptor.size
    assert sent == changed.blob.descriptor.size + little


def remade(image: Image, layers: tuple) -> Image:
    from holdfast.image.oci.config import config_of
    from holdfast.image.oci.manifest import manifest_of

    config = config_of(image.platform, layers, {}, "1970-01-01T00:00:00Z")
    manifest = manifest_of(image.platform, config, layers, {})
    return replace(image, manifest=manifest, config=config, layers=layers)


def test_a_base_is_mounted_from_where_it_lies(registry, tmp_path):
    base = image_of(tmp_path / "layers", {"base": os.urandom(5_000)})
    push(images_of(base), f"{registry.host}/bases/python:3.12")
    taken = pull(f"{registry.host}/bases/python:3.12", AMD, tmp_path / "kept")
    model = image_of(tmp_path / "layers", {"model": os.urandom(500)}).layers
    image = remade(base, (*taken.layers, *model))
    pushed = push(images_of(image), f"{registry.host}/team/on-a-base:1")
    assert (pushed.mounted, pushed.sent) == (1, 3)
    assert len(pull(f"{registry.host}/team/on-a-base:1", AMD, tmp_path / "other").layers) == 2


def test_each_platform_is_found(registry, tmp_path):
    each = [image_of(tmp_path, {str(one)[-5:]: b"x"}, platform=one) for one in (AMD, ARM)]
    name = f"{registry.host}/team/both:1"
    images = images_of(*each)
    assert push(images, name).digest == images.top.descriptor.digest
    for image in each:
        taken = pull(name, image.platform, tmp_path / "kept")
        assert taken.digest == image.manifest.descriptor.digest
        if shutil.which("skopeo"):
            override = ["skopeo", f"--override-arch={image.platform.architecture}", "inspect"]
            said = json.loads(ran(*override, "--tls-verify=false", f"docker://{name}"))
            assert said["Architecture"] == image.platform.architecture
    # Both are kept, each under the same name.
    for image in each:
        taken = pull(name, image.platform, tmp_path / "kept", offline=True)
        assert taken.digest == image.manifest.descriptor.digest


def test_what_was_pulled_is_there_without_a_registry(tmp_path):
    image = a_model(tmp_path / "layers")
    with serving(tmp_path / "registry") as registry:
        name = f"{registry.host}/team/model:1"
        digest = push(images_of(image), name).digest
        pull(name, AMD, tmp_path / "kept")
        pull(f"{name}@{digest}", AMD, tmp_path / "kept")
    assert pull(name, AMD, tmp_path / "kept", offline=True).digest == digest
    assert pull(f"{name}@{digest}", AMD, tmp_path / "kept").digest == digest, "nothing can change"
    with pytest.raises(InputError, match="was never pulled"):
        pull(name, ARM, tmp_path / "kept", offline=True)


def test_a_kept_layer_that_was_spoilt_is_pulled_again(registry, tmp_path):
    image = a_model(tmp_path / "layers", b"spoilt")
    name = f"{registry.host}/team/spoilt:1"
    push(images_of(image), name)
    layer = Path(pull(name, AMD, tmp_path / "kept").layers[0].blob.content)
    good = layer.read_bytes()
    layer.write_bytes(good[:-1] + b"?")
    assert Path(pull(name, AMD, tmp_path / "kept").layers[0].blob.content).read_bytes() == good


def test_attachments_are_found_by_the_fallback_tag(registry, tmp_path):
    image = a_model(tmp_path / "layers")
    name = f"{registry.host}/team/attached"
    for kind in ("application/vnd.example.sbom+json", "application/vnd.example.receipt+json"):
        content = blob_of({"kind": kind}, kind)
        artifact = artifact_of(kind, image.manifest.descriptor, [content], {"by": "tests"})
        blobs = (NOTHING, content)
        push(Images(images=(image,), attachments=(artifact,), blobs=blobs), f"{name}:1")
        push(Images(images=(image,), attachments=(artifact,), blobs=blobs), f"{name}:1")
    tag = image.manifest.descriptor.digest.replace(":", "-")
    if shutil.which("skopeo"):
        raw = ran("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}:{tag}")
        kinds = [one.artifact_type for one in read_index(raw.encode(), "it").manifests]
        assert kinds == [
            "application/vnd.example.sbom+json",
            "application/vnd.example.receipt+json",
        ]


def test_a_registry_that_lists_attachments_needs_no_tag(registry, tmp_path):
    image = a_model(tmp_path / "layers")
    artifact = artifact_of("application/x", image.manifest.descriptor, [], {})
    images = Images(images=(image,), attachments=(artifact,), blobs=(NOTHING,))
    with between(registry.port) as middle:
        middle.spoil = lambda one: one.headers.update({"OCI-Subject": "sha256:whatever"})
        push(images, f"{middle.host}/team/listed:1")
        assert not middle.asked("PUT", "manifests/sha256-")


def test_a_password_is_needed_and_told(guarded, tmp_path, nobody):
    images, name = images_of(a_model(tmp_path / "layers")), f"{guarded.host}/team/model:1"
    with pytest.raises(ToolError, match="does not let us") as caught:
        push(images, name)
    assert f"podman login {guarded.host}" in str(caught.value)
    log_in(nobody, guarded.host, "wrong-password")
    with pytest.raises(ToolError, match="does not let us") as caught:
        push(images, name)
    assert "wrong-password" not in str(caught.value)
    log_in(nobody, guarded.host)
    push(images, name)
    assert pull(name, AMD, tmp_path / "kept").digest == images.top.descriptor.digest


def test_a_helper_is_asked_for_the_password(guarded, tmp_path, nobody, monkeypatch):
    program = tmp_path / "bin" / "docker-credential-tests"
    program.parent.mkdir()
    answer = json.dumps({"ServerURL": guarded.host, "Username": USER, "Secret": PASSWORD})
    program.write_text(
        f"#!/bin/sh\nread host\n"
        f"[ \"$1 $host\" = 'get {guarded.host}' ] || exit 1\necho '{answer}'\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    for settings in ({"credsStore": "tests"}, {"credHelpers": {guarded.host: "tests"}}):
        (nobody / "config.json").write_text(json.dumps(settings))
        push(images_of(a_model(tmp_path / "layers")), f"{guarded.host}/by/helper:1")


def test_tokens_are_asked_for_what_is_done(issuing, tokens, tmp_path, nobody):
    image = a_model(tmp_path / "layers")
    log_in(nobody, issuing.host)
    tokens.middle.seen.clear()
    push(images_of(image), f"{issuing.host}/public/model:1")
    assert tokens.scopes == [["repository:public/model:pull,push"]], "one token for all of it"
    push(images_of(image), f"{issuing.host}/private/model:1")
    pull(f"{issuing.host}/private/model:1", AMD, tmp_path / "kept")
    (nobody / "config.json").unlink()
    pull(f"{issuing.host}/public/model:1", AMD, tmp_path / "kept")
    with pytest.raises(ToolError, match="does not let us"):
        pull(f"{issuing.host}/private/model:1", AMD, tmp_path / "kept")
    with pytest.raises(ToolError, match="does not let us"):
        push(images_of(image), f"{issuing.host}/public/model:2")


def test_a_mount_asks_for_both_repositories(issuing, tokens, tmp_path, nobody):
    log_in(nobody, issuing.host)
    push(images_of(image_of(tmp_path, {"base": os.urandom(99)})), f"{issuing.host}/private/base:1")
    taken = pull(f"{issuing.host}/private/base:1", AMD, tmp_path / "kept")
    image = remade(image_of(tmp_path, {"base": b""}), taken.layers)
    assert push(images_of(image), f"{issuing.host}/private/top:1").mounted == 1
    assert ["repository:private/base:pull", "repository:private/top:pull,push"] in tokens.scopes
    assert PASSWORD not in json.dumps([one.path for one in tokens.middle.seen])


@pytest.fixture
def by_tls(tmp_path, monkeypatch) -> Iterator[tuple[str, Path]]:
    """A registry that is reached by this machine's name, and so by TLS; who signs for it."""
    name = socket.gethostname().lower()
    try:
        socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's name leads nowhere")
    (tmp_path / "tls").mkdir()
    authority = Authority(tmp_path / "tls")
    certificate, key = authority.sign(name)
    monkeypatch.setenv("NO_PROXY", name)
    tls = {"certificate": str(certificate), "key": str(key)}
    with serving(tmp_path / "registry", tls=tls) as registry:
        yield f"{name}:{registry.port}", authority.ca


def test_other_machines_are_reached_by_tls(by_tls, tmp_path, monkeypatch):
    host, ca = by_tls
    images, name = images_of(a_model(tmp_path / "layers")), f"{host}/team/model:1"
    with pytest.raises(ToolError, match="certificate verify failed") as caught:
        push(images, name)
    assert "SSL_CERT_FILE" in str(caught.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    push(images, name)
    assert pull(name, AMD, tmp_path / "kept").digest == images.top.descriptor.digest


def test_many_pull_into_one_folder_at_once(registry, tmp_path):
    images, name = images_of(a_model(tmp_path / "layers")), f"{registry.host}/team/many:1"
    push(images, name)
    with ThreadPoolExecutor(4) as pool:
        each = pool.map(lambda _: pull(name, AMD, tmp_path / "kept"), range(4))
        assert {one.digest for one in each} == {images.top.descriptor.digest}
    assert len(open_layout(tmp_path / "kept").index().manifests) == 1


def test_what_is_not_there_is_said(registry, tmp_path):
    for name in ("team/none:1", "team/model:none", "team/model@sha256:" + "0" * 64):
        with pytest.raises(InputError, match="is not there"):
            pull(f"{registry.host}/{name}", AMD, tmp_path / "kept")
    with pytest.raises(InputError, match="names no registry"):
        pull("python:3.12", AMD, tmp_path / "kept")


def test_nobody_listens(tmp_path):
    with serving(tmp_path / "registry") as registry:
        pass
    with pytest.raises(ToolError, match="refused"):
        pull(f"{registry.host}/team/model:1", AMD, tmp_path / "kept")
