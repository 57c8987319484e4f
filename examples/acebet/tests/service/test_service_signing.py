"""Signing in, and who is kept out."""

from __future__ import annotations

import json
import stat
import time
from datetime import datetime, timedelta, timezone

import jwt
import pytest
from people import PASSWORD, SECRET

from acebet.service.commands import ServiceError, settings_from_environment
from acebet.service.settings import Settings
from acebet.service.users import UsersError, add_user, read_users

CLOSED = [
    ("GET", "/users/me"),
    ("GET", "/players?q=a"),
    ("GET", "/elo?player=1"),
    ("POST", "/predict"),
]


def test_somebody_signs_in(service):
    answer = service.post("/token", data={"username": "ada", "password": PASSWORD})
    assert answer.json()["token_type"] == "bearer"  # noqa: S105
    assert answer.json()["expires_in"] == 1800
    assert answer.headers["cache-control"] == "no-store"
    claims = jwt.decode(answer.json()["access_token"], SECRET, algorithms=["HS256"])
    assert set(claims) == {"sub", "iat", "exp"}
    assert claims["sub"] == "ada"
    assert claims["exp"] - claims["iat"] == 1800
    shown = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert service.get("/users/me", headers=shown).json() == {"username": "ada"}


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "canary-of-a-passwort"), ("ada", ""), ("nobody", PASSWORD), ("ADA", PASSWORD)],
)
def test_nobody_else_does(service, name, password):
    answer = service.post("/token", data={"username": name, "password": password})
    # An empty field is none to python-multipart.
    assert answer.status_code == (401 if password else 422), answer.text
    if password:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json() == {"detail": "wrong name or password"}


def test_a_name_that_nobody_has_takes_as_long(service):
    def spent(name):
        begin = time.process_time()
        service.post("/token", data={"username": name, "password": "wrong-password"})
        return time.process_time() - begin

    spent("ada")
    known, unknown = (min(spent(name) for _ in range(3)) for name in ("ada", "nobody"))
    assert 0.5 < known / unknown < 2


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_a_token_nothing_is_answered(service, method, path):
    answer = service.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def token(key=SECRET, algorithm="HS256", **claims):
    now = datetime.now(timezone.utc)
    full = {"sub": "ada", "iat": now, "exp": now + timedelta(minutes=5)} | claims
    kept = {name: value for name, value in full.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm)


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "no.token.this",
        token(key=SECRET[::-1]),
        token(key="", algorithm="none"),
        token(algorithm="HS512"),
        token(exp=datetime.now(timezone.utc) - timedelta(seconds=1)),
        token(exp=None),
        token(sub=None),
        token(sub="nobody"),
        token() + "x",
    ],
)
def test_tokens_that_are_not_ours(service, shown):
    answer = service.get("/users/me", headers={"authorization": f"Bearer {shown}"})
    assert answer.status_code == 401


def test_a_good_token_of_this_test_is_good(service):
    answer = service.get("/users/me", headers={"authorization": f"Bearer {token()}"})
    assert answer.status_code == 200


def test_who_is_disabled_or_gone_is_out_at_once(ada, users):
    said = json.loads(users.read_text())
    said["ada"]["disabled"] = True
    users.write_text(json.dumps(said))
    for answer in (
        ada.get("/users/me"),
        ada.post("/token", data={"username": "ada", "password": PASSWORD}),
    ):
        assert answer.status_code == 403
        assert answer.json() == {"detail": "this user is disabled"}
    wrong = ada.post("/token", data={"username": "ada", "password": "not-the-password"})
    assert wrong.status_code == 401
    del said["ada"]
    users.write_text(json.dumps(said))
    assert ada.get("/users/me").status_code == 401


def test_a_file_of_users_that_went_bad(ada, users, caplog):
    users.write_text("{")
    assert ada.get("/users/me").status_code == 503
    users.write_text("{}")
    users.chmod(0o644)
    assert ada.get("/users/me").status_code == 503
    assert "chmod 600" in caplog.text


def test_users_are_kept_as_hashes_for_the_owner_alone(tmp_path):
    path = tmp_path / "users.json"
    add_user(path, "ada", PASSWORD)
    add_user(path, "eve", PASSWORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD not in path.read_text()
    ada, eve = read_users(path).values()
    assert ada.hash.startswith("$argon2id$")
    assert ada.hash != eve.hash
    assert [one.name for one in tmp_path.iterdir()] == ["users.json"]
    add_user(path, "ada", PASSWORD + "2")
    assert read_users(path)["ada"].hash != ada.hash
    assert read_users(path)["eve"] == eve


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ada", PASSWORD), ("", PASSWORD), ("a" * 65, PASSWORD), ("ada", "brief")],
)
def test_users_who_will_not_do(tmp_path, name, password):
    with pytest.raises(UsersError) as said:
        add_user(tmp_path / "users.json", name, password)
    assert password not in str(said.value)
    assert not list(tmp_path.iterdir())


def test_it_does_not_start_without_a_key(monkeypatch, users):
    monkeypatch.setenv("ACEBET_USERS", str(users))
    monkeypatch.delenv("ACEBET_SECRET_KEY", raising=False)
    with pytest.raises(ServiceError, match="ACEBET_SECRET_KEY: Field required"):
        settings_from_environment()
    monkeypatch.setenv("ACEBET_SECRET_KEY", "canary-short")
    monkeypatch.setenv("ACEBET_USERS", "/nowhere")
    with pytest.raises(ServiceError) as said:
        settings_from_environment()
    assert "ACEBET_SECRET_KEY: Value should have at least 32" in str(said.value)
    assert "ACEBET_USERS: Path does not point to a file" in str(said.value)
    assert "canary" not in str(said.value)


def test_settings_do_not_say_their_secrets(users):
    settings = Settings(secret_key=SECRET, users=users, model_key=SECRET, proxies="::1, 10.0.0.0/8")
    assert "canary" not in repr(settings)
    assert settings.proxies == ("::1", "10.0.0.0/8")
