"""Players, ratings, predictions."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from people import let_in

from acebet.data import LEVELS, ROUNDS, SURFACES
from acebet.features import FEATURES
from acebet.service import shapes

MATCH = {"first": "Ana Écru", "second": "Bo de la Cruz", "date": "2020-07-01", "surface": "Grass"}


def test_any_two_players_on_any_day(ada, model):
    answer = ada.post("/predict", json=MATCH | {"level": "G", "round": "F", "best_of": 5})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["first"]["name"] == "Ana Écru"
    assert said["probability"] > 0.5
    assert said["version"] == "7"
    assert [one["reason"] for one in said["reasons"]] == ["elo", "rest"]
    (asked,) = model.asked
    assert tuple(asked) == FEATURES
    assert (asked["best_of"], asked["level"], asked["round"]) == (
        5.0,
        0.0,
        float(ROUNDS.index("F")),
    )
    swapped = ada.post("/predict", json=MATCH | {"first": "2", "second": "1"}).json()
    assert math.isclose(swapped["probability"], 1 - said["probability"])
    assert (swapped["first"]["id"], swapped["reasons"][0]["log_odds"] < 0) == (2, True)


def test_before_anybody_played_nothing_is_known(ada, model):
    answer = ada.post("/predict", json=MATCH | {"date": "1999-01-01"}).json()
    assert answer["probability"] == 0.5
    assert model.asked[0]["first_rank"] is None
    assert model.asked[0]["first_elo"] == 1500.0


def test_long_after_the_data_the_last_is_known(ada, model):
    assert ada.post("/predict", json=MATCH | {"date": "2030-01-01"}).status_code == 200
    assert model.asked[0]["first_rest"] == 90
    assert model.asked[0]["first_elo"] > 1500


@pytest.mark.parametrize(
    ("named", "near"),
    [
        ("Ana Ecro", ["Ana Écru"]),
        ("cruz", ["Bo de la Cruz"]),
        ("Zzz", []),
        ("9999", []),
        ("'; drop table", []),
        ("²", []),
    ],
)
def test_nobody_of_that_name(ada, model, named, near):
    for field in ("first", "second"):
        answer = ada.post("/predict", json=MATCH | {field: named})
        assert answer.status_code == 404
        detail = answer.json()["detail"]
        assert (detail["field"], detail["near"]) == (field, near)
    assert not model.asked


def test_two_of_one_name(ada):
    answer = ada.post("/predict", json=MATCH | {"first": "di smith"})
    assert answer.status_code == 404
    assert "4 (USA)" in answer.json()["detail"]["message"]
    assert ada.post("/predict", json=MATCH | {"first": "5"}).json()["first"]["country"] == "GBR"


@pytest.mark.parametrize("written", ["ana ecru", " ANA  ÉCRU ", "1", "Ana E\u0301cru"])
def test_names_as_people_write_them(ada, written):
    assert ada.post("/predict", json=MATCH | {"first": written}).json()["first"]["id"] == 1


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"date": "2020-02-30"}, "date"),
        ({"date": "1.7.2020"}, "date"),
        ({"date": 1593561600}, "date"),
        ({"date": "2020-07-01T12:00:00"}, "date"),
        ({"date": "1900-01-01"}, "date"),
        ({"date": "9999-12-31"}, "date"),
        ({"date": None}, "date"),
        ({"surface": "Ice"}, "surface"),
        ({"level": "X"}, "level"),
        ({"round": "R3"}, "round"),
        ({"best_of": 4}, "best_of"),
        ({"first": ""}, "first"),
        ({"first": "x" * 65}, "first"),
        ({"first": None}, "first"),
        ({"second": "ana ecru"}, "second"),
        ({"testing": True}, "testing"),
    ],
)
def test_what_is_no_match(ada, model, changed, where):
    answer = ada.post("/predict", json=MATCH | changed)
    assert answer.status_code == 422, answer.text
    assert [one["loc"][-1] for one in answer.json()["detail"]] == [where]
    assert '"input"' not in answer.text
    assert not model.asked


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "\ud800", '{"first": ' + "[" * 5000])
def test_what_is_no_json(ada, body):
    answer = ada.post("/predict", content=body.encode(errors="surrogatepass"))
    assert answer.status_code in {400, 422}, answer.text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"canary"),
        (200, b"canary"),
        (200, b"{}"),
        (200, b'{"predictions": []}'),
        (200, b'{"predictions": [{"probability": null}]}'),
        (200, b'{"predictions": [{"probability": 1.5}]}'),
        (200, b'{"predictions": [[0.5]]}'),
    ],
)
def test_a_model_that_answers_otherwise(ada, model, status, body):
    model.answer = status, body
    answer = ada.post("/predict", json=MATCH)
    assert answer.status_code == 503
    assert "canary" not in answer.text


def test_no_model(start):
    service = start(model_url="http://127.0.0.1:9")
    assert service.get("/healthz").status_code == 503
    assert service.get("/healthz").json() == {"model": "silent"}


def test_a_model_that_is_ready_and_wants_a_key(start, model):
    service = let_in(start(model_key="a-key"))
    assert service.get("/healthz").json() == {"model": "ready"}
    assert service.post("/predict", json=MATCH).status_code == 200
    assert model.keys == ["Bearer a-key"]


def test_players_are_found_by_parts_of_names(ada):
    def found(q, **options):
        answer = ada.get("/players", params={"q": q, **options})
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()]

    assert found("écr") == found("ECR an") == [1]
    assert found("o hara") == [] != found("ohara")
    assert set(found("d")) == {2, 4, 5}
    # Who played last comes first, and of these the better one.
    assert found("d") == [4, 5, 2]
    assert found("d", limit=1) == [4]
    assert found(" ") == found("%") == []
    (player,) = ada.get("/players?q=ana").json()
    assert player == {
        "id": 1,
        "name": "Ana Écru",
        "country": "FRA",
        "first_match": "2020-01-06",
        "last_match": "2020-06-29",
        "rank": 1,
    }


@pytest.mark.parametrize("query", ["", "q=", "q=a&limit=0", "q=a&limit=51", f"q={'a' * 65}"])
def test_searches_that_are_none(ada, query):
    assert ada.get(f"/players?{query}").status_code == 422


def test_ratings_before_a_day(ada):
    points = ada.get("/elo", params={"player": "ana ecru", "until": "2020-06-29"}).json()
    assert [one["date"] for one in points] == ["2020-01-06"]
    assert set(points[0]["surfaces"]) == set(SURFACES)
    assert points[0]["surfaces"]["Clay"] == 1500.0 < points[0]["surfaces"]["Hard"]
    assert len(ada.get("/elo?player=1").json()) == 2
    assert ada.get("/elo?player=zz").json()["detail"]["field"] == "player"
    assert ada.get("/elo?player=1&until=never").status_code == 422


def test_the_shapes_are_those_of_the_data():
    assert get_args(shapes.Surface) == SURFACES
    assert get_args(shapes.Level) == LEVELS
    assert get_args(shapes.Round) == ROUNDS
