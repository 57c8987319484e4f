"""What each player had done by when: ratings, results, facts. Walks through matches once, in time.

A match is known after its round: `When` is the date of the tournament's start and the place of the
round in it. Of round robin the order is not published, so that no match of it knows of another.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import islice
from math import nan
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from acebet.data import ROUNDS, SURFACES

Number = TypeVar("Number", int, float)
When = tuple[int, int]
"""The ordinal of a date, and the place of a round in `ROUNDS`."""
START = 1500.0
RECENT = 50
_GAMES = 20
PLACES = {name: place for place, name in enumerate(ROUNDS)}
_SURFACE_PLACES = {name: place for place, name in enumerate(SURFACES)}
_HANDS = {"L": 1.0, "R": 0.0}
_FACTS = ("name", "country", "hand", "height", "age", "rank", "points")


class Result(NamedTuple):
    """One match of a player's: its date, whether it was won, the chance that Elo gave."""

    day: int
    won: bool
    chance: float


class State(NamedTuple):
    """A player after some match: `games` are ratings, too, by how many games were won and lost."""

    elo: float = START
    games: float = START
    by_surface: tuple[float, ...] = (START,) * len(SURFACES)
    games_by_surface: tuple[float, ...] = (START,) * len(SURFACES)
    played: int = 0
    played_on: tuple[int, ...] = (0,) * len(SURFACES)
    recent: tuple[Result, ...] = ()


class Facts(NamedTuple):
    """What was published of a player on a day: known before the matches of that day."""

    day: int = 0
    name: str = ""
    country: str = ""
    left: float = nan
    height: float = nan
    age: float = nan
    rank: float = nan
    points: float = nan


@dataclass
class Career:
    """A player's states and facts, each with the moment from which it is known."""

    whens: list[When] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)

    def state(self, when: When) -> State:
        """After the last match before this moment."""
        place = bisect_left(self.whens, when)
        return self.states[place - 1] if place else _NEW

    def known(self, day: int) -> Facts:
        """The latest facts of this day or before."""
        place = bisect_right(self.days, day)
        return self.facts[place - 1] if place else _UNKNOWN

    def now(self) -> State:
        """After the last match of all."""
        return self.states[-1] if self.states else _NEW


class Meeting(NamedTuple):
    """Who won when two met."""

    when: When
    winner: int
    surface: str


_NEW, _UNKNOWN = State(), Facts()
Careers = dict[int, Career]
Meetings = dict[tuple[int, int], list[Meeting]]


def expected(elo: float, other: float) -> float:
    """The chance to win that Elo gives: a point more in ten for every 400 in rating."""
    return float(1 / (1 + 10 ** ((other - elo) / 400)))


def step(played: int) -> float:
    """How far one match moves a rating: further while little is known (FiveThirtyEight's curve)."""
    return float(250 / (played + 5) ** 0.4)


def walk(matches: pd.DataFrame) -> tuple[Careers, Meetings]:
    """The careers and the meetings of all players of a table that `acebet.data.load` gave."""
    careers: Careers = {}
    meetings: Meetings = {}
    for match in matches.itertuples(index=False):
        row: Any = match
        when = (row.date.toordinal(), PLACES[row.round])
        winner = careers.setdefault(row.winner_id, Career())
        loser = careers.setdefault(row.loser_id, Career())
        _learn_facts(winner, when[0], [getattr(row, f"winner_{name}") for name in _FACTS])
        _learn_facts(loser, when[0], [getattr(row, f"loser_{name}") for name in _FACTS])
        _learn_result(winner, loser, when, row)
        pair = pair_of(row.winner_id, row.loser_id)
        meetings.setdefault(pair, []).append(Meeting(when, row.winner_id, row.surface))
    return careers, meetings


def pair_of(first: int, second: int) -> tuple[int, int]:
    """The key of two players' meetings, in whatever order they are named."""
    return (first, second) if first < second else (second, first)


def _learn_facts(career: Career, day: int, published: list[Any]) -> None:
    if not career.days or career.days[-1] != day:
        name, country, hand, *numbers = published
        career.days.append(day)
        career.facts.append(Facts(day, name, country, _HANDS.get(hand, nan), *numbers))


def _learn_result(winner: Career, loser: Career, when: When, match: Any) -> None:
    of_winner, of_loser = winner.now(), loser.now()
    surface = _SURFACE_PLACES.get(match.surface)
    games = (match.winner_games, match.loser_games)
    _add(winner, when, _after(of_winner, of_loser, when[0], games, surface, won=True))
    _add(loser, when, _after(of_loser, of_winner, when[0], games[::-1], surface, won=False))


def _after(  # noqa: PLR0913 - what a match is, for one of two
    own: State,
    other: State,
    day: int,
    games: tuple[int, int],
    surface: int | None,
    *,
    won: bool,
) -> State:
    chance = expected(own.elo, other.elo)
    state = own._replace(
        elo=own.elo + step(own.played) * (won - chance),
        games=own.games + step(own.played) * _games_surprise(games, own.games, other.games),
        played=own.played + 1,
        recent=(Result(day, won, chance), *islice(own.recent, RECENT - 1)),
    )
    if surface is None:
        return state
    far = step(own.played_on[surface])
    surprise = won - expected(own.by_surface[surface], other.by_surface[surface])
    ratings = own.games_by_surface[surface], other.games_by_surface[surface]
    of_games = _games_surprise(games, *ratings)
    return state._replace(
        by_surface=_moved(own.by_surface, surface, far * surprise),
        games_by_surface=_moved(own.games_by_surface, surface, far * of_games),
        played_on=_moved(own.played_on, surface, 1),
    )


def _games_surprise(games: tuple[int, int], rating: float, other: float) -> float:
    """Games won beyond what was expected, in matches of `_GAMES` games."""
    return (games[0] - sum(games) * expected(rating, other)) / _GAMES


def _moved(values: tuple[Number, ...], place: int, by: Number) -> tuple[Number, ...]:
    return tuple(value + by if at == place else value for at, value in enumerate(values))


def _add(career: Career, when: When, state: State) -> None:
    if career.whens and career.whens[-1] == when:
        career.states[-1] = state
    else:
        career.whens.append(when)
        career.states.append(state)
