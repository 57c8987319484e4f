from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError, InputError, ToolError
from holdfast.image.registry.credentials import Credential, credential_for

HOST = "registry.example"
WORD = "secret"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def auth(user: str, word: str = WORD) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{word}".encode()).decode()}


def test_nobody_knows():
    assert credential_for(HOST, "team/model") is None


def test_podmans_file_is_asked_before_dockers(tmp_path):
    docker = tmp_path / "home" / ".docker" / "config.json"
    write(docker, {"auths": {HOST: auth("docker")}})
    assert credential_for(HOST, "a") == Credential("docker", "secret")
    write(tmp_path / "home/.config/containers/auth.json", {"auths": {HOST: auth("settings")}})
    assert credential_for(HOST, "a") == Credential("settings", "secret")
    write(tmp_path / "run/containers/auth.json", {"auths": {HOST: auth("podman")}})
    assert credential_for(HOST, "a") == Credential("podman", "secret")


def test_a_file_that_was_named_is_asked_first(tmp_path, monkeypatch):
    write(tmp_path / "run/containers/auth.json", {"auths": {HOST: auth("podman")}})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "named"))
    write(tmp_path / "named" / "config.json", {"auths": {HOST: auth("named")}})
    assert credential_for(HOST, "a") == Credential("named", "secret")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "only"))
    write(tmp_path / "only", {"auths": {HOST: auth("only")}})
    assert credential_for(HOST, "a") == Credential("only", "secret")
    assert credential_for("other.example", "a") is None


def test_the_nearest_name_counts(tmp_path):
    names = {HOST: "all", f"{HOST}/team": "team", f"{HOST}/team/model": "model"}
    file = {"auths": {name: auth(user) for name, user in names.items()}}
    write(tmp_path / "run/containers/auth.json", file)
    found = {
        name: (credential_for(HOST, name) or Credential()).user
        for name in ("team/model", "team/other", "teams")
    }
    assert found == {"team/model": "model", "team/other": "team", "teams": "all"}


@pytest.mark.parametrize("key", [f"https://{HOST}", f"https://{HOST}/v1/", f"https://{HOST}/v2/"])
def test_keys_that_are_addresses(tmp_path, key):
    write(tmp_path / "home/.docker/config.json", {"auths": {key: auth("old", "secret\0\0")}})
    assert credential_for(HOST, "a") == Credential("old", "secret")


def test_passwords_with_colons_and_tokens(tmp_path):
    file = tmp_path / "home/.docker/config.json"
    write(file, {"auths": {HOST: auth("ada", "a:b:c")}})
    assert credential_for(HOST, "a") == Credential("ada", "a:b:c")
    write(file, {"auths": {HOST: {**auth("0000"), "identitytoken": "refresh"}}})
    assert credential_for(HOST, "a") == Credential("0000", "secret", "refresh")
    write(file, {"auths": {HOST: {"registrytoken": "bearer"}}})
    assert credential_for(HOST, "a") == Credential("", "", "", "bearer")
    write(file, {"auths": {HOST: {}}})
    assert credential_for(HOST, "a") is None


@pytest.mark.parametrize(
    "content", ["{", "[]", "3", '{"auths": {"registry.example": {"auth": "%%%"}}}', "[" * 99_999]
)
def test_a_file_that_cannot_be_read_is_named_and_not_repeated(tmp_path, content):
    write(tmp_path / "home/.docker/config.json", content)
    with pytest.raises(InputError, match=r"config\.json") as caught:
        credential_for(HOST, "a")
    assert "%%%" not in str(caught.value)


@pytest.mark.parametrize("document", [{"auths": []}, {"auths": {HOST: 3}}, {"credsStore": 4}])
def test_what_is_of_another_shape_says_nothing(tmp_path, document):
    write(tmp_path / "home/.docker/config.json", document)
    assert credential_for(HOST, "a") is None


def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin" / "docker-credential-tests"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    write(tmp_path / "home/.docker/config.json", {"credsStore": "tests"})


def test_a_helper_hands_out_a_token(tmp_path, monkeypatch):
    answer = json.dumps({"Username": "<token>", "Secret": "refresh"})
    helper(tmp_path, monkeypatch, f"cat > /dev/null; echo '{answer}'")
    assert credential_for(HOST, "a") == Credential("", "", "refresh")


def test_a_helper_that_knows_nothing(tmp_path, monkeypatch):
    helper(tmp_path, monkeypatch, "echo credentials not found in native keychain; exit 1")
    assert credential_for(HOST, "a") is None


@pytest.mark.parametrize(
    "script", ["echo s3cret >&2; echo s3cret; exit 1", "echo s3cret", "echo 3"]
)
def test_a_helper_that_fails_is_named_and_not_repeated(tmp_path, monkeypatch, script):
    helper(tmp_path, monkeypatch, script)
    with pytest.raises(ToolError, match="docker-credential-tests") as caught:
        credential_for(HOST, "a")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "x;id", "none-of-that-name", ".", "a/b"])
def test_a_helper_is_a_name_on_path(tmp_path, name):
    write(tmp_path / "home/.docker/config.json", {"credHelpers": {HOST: name}})
    with pytest.raises(HoldfastError):
        credential_for(HOST, "a")


def test_nothing_secret_is_shown():
    said = repr(Credential("ada", "s3cret", "t0ken", "b3arer"))
    assert "ada" in said
    assert not [word for word in ("s3cret", "t0ken", "b3arer") if word in said]
