"""What is known before a match, and that nothing later is."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from acebet.careers import expected, step
from acebet.data import ROUNDS
from acebet.features import FEATURES, History, UnknownPlayerError, swapped, table


@pytest.fixture(scope="module")
def rows(matches):
    return table(matches)


@pytest.fixture(scope="module")
def history(matches):
    return History.of(matches)


def asked(history, match, first="winner", second="loser"):
    return history.features(
        match[f"{first}_id"],
        match[f"{second}_id"],
        match["date"].date(),
        match["surface"],
        level=match["level"],
        round=match["round"],
        best_of=int(match["best_of"]),
    )


def test_the_table_is_what_is_answered(matches, rows, history):
    for place in np.random.default_rng(5).integers(0, len(matches), 50):
        answer = asked(history, matches.iloc[place])
        assert list(answer) == list(FEATURES)
        np.testing.assert_array_equal(list(answer.values()), rows.iloc[place].to_numpy())


def test_the_other_order_is_the_swapped_row(matches, rows, history):
    other = swapped(rows)
    for place in (0, 500, len(matches) - 1):
        answer = asked(history, matches.iloc[place], "loser", "winner")
        np.testing.assert_array_equal(list(answer.values()), other.iloc[place].to_numpy())


@pytest.mark.parametrize("played", ["R16", "SF", "F"])
def test_the_future_changes_nothing(matches, rows, played):
    """Another order, other players, other results from some round of some day on."""
    day = matches["date"].iloc[700]
    place = matches["round"].map(list(ROUNDS).index)
    now = (matches["date"] == day) & (place == ROUNDS.index(played))
    later = (matches["date"] > day) | ((matches["date"] == day) & (place > ROUNDS.index(played)))
    changed = matches.copy()
    random = np.random.default_rng(3)
    of_players = [name for name in matches if name.startswith(("winner_", "loser_"))]
    shuffled = matches.loc[later, of_players].sample(frac=1, random_state=4).to_numpy()
    changed.loc[later, of_players] = shuffled
    turned = (later & (random.random(len(matches)) < 0.5)) | now
    changed.loc[turned] = turn(changed[turned])
    again = table(changed)
    before = ~later & ~now
    pd.testing.assert_frame_equal(again[before], rows[before])
    # Who wins a match now changes no number of it, but who is named first.
    pd.testing.assert_frame_equal(again[now], swapped(rows[now]))
    assert not again[later].equals(rows[later])


def turn(matches):
    """The other one won."""
    names = {}
    for name in matches:
        side, _, what = name.partition("_")
        if side in {"winner", "loser"}:
            names[name] = ("loser_" if side == "winner" else "winner_") + what
    return matches.rename(columns=names)[matches.columns]


def test_elo_by_hand(matches):
    first = matches.iloc[:1]
    history = History.of(first)
    (point,) = history.elo(first["winner_id"].iloc[0])
    assert point.overall == 1500 + step(0) / 2
    assert point.surfaces["Hard"] == point.overall
    assert point.surfaces["Clay"] == 1500
    assert expected(1900, 1500) == pytest.approx(10 / 11)


def test_elo_finds_who_is_strong(history):
    now = {one.id: history.elo(one.id)[-1].overall for one in history.players()}
    order = sorted(now, key=lambda player: -now[player])
    assert np.corrcoef(order, range(len(order)))[0, 1] > 0.8


def test_before_a_first_match_nothing_is_known(history):
    answer = history.features(100, 101, date(1990, 1, 1), "Hard")
    assert answer["first_elo"] == answer["second_elo"] == 1500
    for name in ("rank", "points", "form", "rest", "age", "height", "left"):
        assert math.isnan(answer[f"first_{name}"])
    assert answer["head_to_head"] == answer["first_played"] == 0


def test_after_the_data_the_last_state_counts(matches, history):
    end = matches["date"].max().date()
    soon, late = (
        history.features(100, 101, end + timedelta(days=days), "Clay") for days in (30, 3650)
    )
    assert soon["first_elo"] == late["first_elo"] == history.elo(100)[-1].overall
    assert late["first_rest"] == 90
    assert late["first_age"] - soon["first_age"] == pytest.approx(3620 / 365.25)


def test_before_a_day(matches, history):
    day = matches["date"].iloc[600]
    known = history.before(day.date())
    fewer = History.of(matches[matches["date"] < day])
    assert known.players() == fewer.players()
    assert known.elo(103) == fewer.elo(103) == history.elo(103, until=day.date())
    later = date(2030, 1, 1)
    assert str(known.features(103, 104, later, "Grass")) == str(
        fewer.features(103, 104, later, "Grass")
    )


def test_questions_that_make_no_sense(history):
    day = date(2003, 1, 1)
    with pytest.raises(UnknownPlayerError):
        history.features(100, 7, day, "Hard")
    with pytest.raises(UnknownPlayerError):
        history.elo(7)
    for wrong in (
        {"first": 101},
        {"surface": "Ice"},
        {"level": "Z"},
        {"round": "R3"},
    ):
        given = {"first": 100, "second": 101, "day": day, "surface": "Hard"} | wrong
        with pytest.raises(ValueError, match=r"two players|is one of"):
            history.features(**given)
