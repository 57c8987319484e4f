"""What every request passes: limits, sizes, headers, and what is never logged."""

from __future__ import annotations

import logging

import pytest
from people import PASSWORD, SECRET, let_in
from test_service_asking import MATCH

from acebet.service.guard import LARGEST_BODY
from acebet.service.limits import ANYTHING, PREDICTIONS, SIGN_INS, WRONG_PASSWORDS, client_of


def statuses(count, ask):
    return [ask().status_code for _ in range(count)]


def wrong(service, name="ada", **headers):
    return lambda: service.post(
        "/token", data={"username": name, "password": "wrong-password"}, headers=headers
    )


def as_if(service, limit, who, left):
    """As if all but `left` of what `who` may do had been done: passwords take their time."""
    for _ in range(limit.amount - left):
        service.app.state.desk.limits.count(limit, who)


def test_few_passwords_a_client(service):
    as_if(service, SIGN_INS, "192.0.2.1", left=2)
    assert statuses(3, wrong(service)) == [401, 401, 429]
    answer = service.post("/token", data={"username": "ada", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_few_wrong_passwords_a_name_from_wherever(start):
    service = start(client="10.0.0.1", proxies="10.0.0.1")
    as_if(service, WRONG_PASSWORDS, "ada", left=2)
    found = [
        wrong(service, **{"x-forwarded-for": f"198.51.100.{number}"})().status_code
        for number in range(3)
    ]
    assert found == [401, 401, 429]
    other = {"username": "eve", "password": PASSWORD}
    assert service.post("/token", data=other).status_code == 200


def test_so_many_predictions_a_user(start):
    service = start()
    let_in(service)
    asked = statuses(PREDICTIONS.amount + 1, lambda: service.post("/predict", json=MATCH))
    assert asked == [200] * PREDICTIONS.amount + [429]
    # Another user may, from the same client.
    assert let_in(service, "eve").post("/predict", json=MATCH).status_code == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/main.js", "/players?q=a"])
def test_so_much_of_anything_a_client(service, path):
    asked = statuses(ANYTHING.amount + 1, lambda: service.get(path))
    assert asked[-1] == 429
    assert 429 not in asked[:-1]


def test_nobody_chooses_an_address(service):
    as_if(service, SIGN_INS, "192.0.2.1", left=1)
    ask = [wrong(service, **{"x-forwarded-for": f"198.51.100.{number}"}) for number in range(2)]
    assert [one().status_code for one in ask] == [401, 429]


def test_what_a_client_adds_before_a_proxy_counts_for_nothing(start):
    service = start(client="10.0.0.1", proxies="10.0.0.0/8")
    as_if(service, SIGN_INS, "198.51.100.1", left=1)
    ask = [
        wrong(service, **{"x-forwarded-for": f"203.0.113.{number}, 198.51.100.1, 10.0.0.2"})
        for number in range(2)
    ]
    assert [one().status_code for one in ask] == [401, 429]
    assert wrong(service, **{"x-forwarded-for": "198.51.100.2"})().status_code == 401


def test_an_ipv6_customer_is_one_client():
    assert client_of("2001:db8:1:2:3::4") == client_of("2001:db8:1:2::ffff") == "2001:db8:1:2::"
    assert client_of("2001:db8:1:3::4") != client_of("2001:db8:1:2::4")
    assert client_of("::ffff:192.0.2.1") == client_of("192.0.2.1") == "192.0.2.1"
    assert client_of("testclient") == "testclient"


def test_large_bodies_are_not_read(ada):
    large = b'"' + b"x" * LARGEST_BODY + b'"'
    assert ada.post("/predict", content=large).status_code == 413
    # Without a length, piece by piece.
    assert ada.post("/predict", content=iter([large[:9000], large[9000:]])).status_code == 413
    assert ada.post("/token", data={"username": "ada", "password": "x" * 20_000}).status_code == 413
    assert ada.post("/token", data={"username": "ada", "password": "x" * 2000}).status_code == 422
    assert ada.post("/predict", content=b" " * (LARGEST_BODY - 1)).status_code == 422


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/healthz", "/nothing", "/players", "/static/main.js"]
)
def test_every_answer_is_headed(service, path):
    headers = service.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    file = path in {"/", "/docs", "/static/main.js"}
    assert headers["cache-control"] == ("no-cache" if file else "no-store")
    assert "server" not in headers


def test_failures_say_nothing_and_are_headed(ada, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("canary")

    monkeypatch.setattr("acebet.features.History.features", fail)
    answer = ada.post("/predict", json=MATCH)
    assert answer.status_code == 500
    assert "canary" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/docs/static/../core.py"]
)
def test_no_other_file_is_served(service, path):
    assert service.get(path).status_code == 404


def test_the_documentation_is_here_and_whole(service):
    page = service.get("/docs").text
    assert "http" not in page.replace("http-equiv", "")
    assert service.get("/docs/static/swagger-ui-bundle.js").status_code == 200
    paths = service.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/token", "/users/me", "/players", "/elo", "/predict", "/healthz"}
    assert service.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_the_log_says_who_and_what_and_nothing_else(ada, model, caplog):
    """Neither passwords nor tokens, nor whom somebody bets on: also where it goes wrong."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # as `acebet serve` sets it
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # this test's client
    token = ada.headers["authorization"].split()[1]
    wrong = "canary-of-a-wrong-one"
    ada.post("/token", data={"username": "canary-name", "password": wrong})
    ada.post("/token", data={"username": "ada", "password": PASSWORD})
    ada.post("/token", json={"username": "ada", "password": PASSWORD})
    for body in (MATCH, MATCH | {"first": "canary-player"}, MATCH | {"date": "canary-date"}, {}):
        ada.post("/predict", json=body)
    ada.get("/players?q=canary-search")
    ada.get("/canary%0Apath")
    model.answer = 500, b"canary-answer"
    ada.post("/predict", json=MATCH)
    lines = [one.getMessage() for one in caplog.records if one.name == "acebet.service"]
    assert "192.0.2.1 POST /predict 200" in "".join(lines)
    assert "192.0.2.1 POST /predict 503" in "".join(lines)
    assert "/canary%0Apath 404" in "".join(lines)
    text = caplog.text.replace("/canary%0Apath", "")
    for secret in ("canary", token, SECRET, PASSWORD, "Ana", "Cruz"):
        assert secret not in text, secret
