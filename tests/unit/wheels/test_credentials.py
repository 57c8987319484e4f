"""Who we are is taken from where uv takes it, and goes to whom it belongs."""

from __future__ import annotations

import base64

import pytest

from holdfast.errors import ToolError
from holdfast.uv import run_uv
from holdfast.wheels.credentials import Credential, Credentials

URL = "https://index.example/simple/"
FILE = "https://index.example/packages/mine-1.0-py3-none-any.whl"
ADA = Credential.basic("ada", "s3cret-of-ada")


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Nothing of this machine's user is found."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_KEYRING_PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("UV_CREDENTIALS_DIR", str(tmp_path / "credentials"))


def _known(*indexes: tuple[str, str]) -> Credentials:
    return Credentials(indexes)


def test_a_header_is_basic_and_never_shown():
    assert base64.b64decode(ADA.header.removeprefix("Basic ")) == b"ada:s3cret-of-ada"
    assert "s3cret" not in repr(ADA)
    assert ADA.header not in repr(ADA)


def test_variables_of_an_index(monkeypatch):
    monkeypatch.setenv("UV_INDEX_MY_INDEX_2_USERNAME", "ada")
    monkeypatch.setenv("UV_INDEX_MY_INDEX_2_PASSWORD", "s3cret-of-ada")
    credentials = _known(("my-index.2", URL))
    assert credentials.known(FILE) == ADA
    assert credentials.known("https://INDEX.example:443/x.whl") == ADA


@pytest.mark.parametrize(
    "url",
    [
        "http://index.example/packages/x.whl",
        "https://index.example:8443/packages/x.whl",
        "https://index.example.evil.example/x.whl",
        "https://files.example/x.whl",
    ],
)
def test_nobody_else_gets_them(monkeypatch, url):
    monkeypatch.setenv("UV_INDEX_MINE_USERNAME", "ada")
    monkeypatch.setenv("UV_INDEX_MINE_PASSWORD", "s3cret-of-ada")
    assert _known(("mine", URL)).known(url) is None
    assert _known(("mine", URL)).asked(url) is None


def test_of_two_indexes_on_a_host_the_likelier(monkeypatch):
    for name in ("a", "b"):
        monkeypatch.setenv(f"UV_INDEX_{name.upper()}_USERNAME", name)
        monkeypatch.setenv(f"UV_INDEX_{name.upper()}_PASSWORD", "password")
    credentials = _known(
        ("a", "https://index.example/repos/a/simple"), ("b", "https://index.example/repos/b/simple")
    )
    found = credentials.known("https://index.example/repos/b/packages/x.whl")
    assert found == Credential.basic("b", "password")


@pytest.mark.parametrize("prefix", ["", "mine="])
def test_the_users_own_index(monkeypatch, prefix):
    monkeypatch.setenv(
        "UV_DEFAULT_INDEX", f"{prefix}https://ada:s3cret%2Dof-ada@index.example/simple"
    )
    assert _known().known(FILE) == ADA


def test_netrc(tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine index.example login ada password s3cret-of-ada\n")
    netrc.chmod(0o600)
    assert _known().known(FILE) is None
    assert _known().asked(FILE) == ADA
    assert _known().asked("https://other.example/x.whl") is None


def test_a_broken_netrc_is_none(tmp_path):
    (tmp_path / "netrc").write_text("machine\n")
    assert _known().asked(FILE) is None


def test_what_uv_was_told():
    run_uv(["auth", "login", URL, "--username", "ada", "--password", "s3cret-of-ada"])
    run_uv(["auth", "login", "https://other.example/", "--token", "a-token"])
    credentials = _known()
    assert credentials.asked(FILE) == ADA
    assert credentials.asked("https://other.example/x") == Credential.basic("__token__", "a-token")
    assert credentials.asked("http://index.example/x") is None


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    """A program of that name, which knows the host, and with a user the URL."""
    program = tmp_path / "bin" / "keyring"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/asked\n'
        'case "$*" in\n'
        '  "--mode creds get index.example") echo ada; echo s3cret-of-ada;;\n'
        f'  "get {FILE} bea") echo s3cret-of-bea;;\n'
        "  *) exit 1;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
    return program


def test_the_keyring_is_asked_for_the_url_then_the_host_and_once(keyring, tmp_path):
    credentials = _known()
    assert credentials.asked(FILE) == credentials.asked(URL) == ADA
    assert (tmp_path / "asked").read_text().splitlines() == [
        f"--mode creds get {FILE}",
        "--mode creds get index.example",
    ]


def test_the_keyring_has_the_password_of_a_known_user(keyring, monkeypatch):
    monkeypatch.setenv("UV_INDEX_MINE_USERNAME", "bea")
    credentials = _known(("mine", URL))
    assert credentials.known(FILE) is None
    assert credentials.asked(FILE) == Credential.basic("bea", "s3cret-of-bea")


def test_no_keyring_where_one_was_named(keyring):
    keyring.unlink()
    with pytest.raises(ToolError, match="no `keyring` program"):
        _known().asked(FILE)
