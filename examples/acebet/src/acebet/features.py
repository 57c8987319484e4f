"""What is known of two players before they meet: the numbers that a model gets, nothing later.

`History` answers for any two players at any date, also for matches that were never played; `table`
asks it for each match that was. There is one way to a feature, so that both give the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan, log, nan
from typing import Any

import pandas as pd

from acebet.careers import (
    PLACES,
    Careers,
    Facts,
    Meeting,
    Meetings,
    State,
    When,
    expected,
    pair_of,
    walk,
)
from acebet.data import LEVELS, SURFACES

GROUPS: dict[str, tuple[str, ...]] = {
    "elo": ("elo", "games_elo"),
    "surface": ("surface_elo", "surface_games_elo", "surface_played"),
    "ranking": ("rank", "points"),
    "form": ("form", "long_form", "surprise"),
    "rest": ("rest", "busy"),
    "body": ("age", "height", "left"),
    "experience": ("played",),
}
"""Of each player, by the reason that they stand for; as `first_…`, `second_…`, `…_difference`."""
HEAD_TO_HEAD = ("head_to_head", "head_to_head_on_surface")
"""Wins of the first player's over the second, less the second's over the first."""
OF_THE_MATCH = ("surface", "level", "round", "best_of")
_OF_A_PLAYER = tuple(name for names in GROUPS.values() for name in names)
FEATURES: tuple[str, ...] = (
    *(f"first_{name}" for name in _OF_A_PLAYER),
    *(f"second_{name}" for name in _OF_A_PLAYER),
    *(f"{name}_difference" for name in _OF_A_PLAYER),
    *HEAD_TO_HEAD,
    *OF_THE_MATCH,
)

_FORM, _BUSY_DAYS, _LONGEST_REST = 10, 14, 90
_LAST: When = (date.max.toordinal(), 0)
_SURFACE_PLACES = {name: float(place) for place, name in enumerate(SURFACES)}
_LEVEL_PLACES = {name: float(place) for place, name in enumerate(LEVELS)}


class UnknownPlayerError(LookupError):
    """No match of this player's is in the data."""


@dataclass(frozen=True)
class Player:
    """Somebody who played: dates are those on which tournaments started; `rank` is the last one."""

    id: int
    name: str
    country: str
    first: date
    last: date
    rank: int | None


@dataclass(frozen=True)
class EloPoint:
    """A player's ratings after the tournament that started on a date."""

    date: date
    overall: float
    surfaces: dict[str, float]


@dataclass(frozen=True)
class History:
    """All that is known up to a moment. `History.of(matches)` makes it; nothing changes it."""

    _careers: Careers
    _meetings: Meetings
    _until: When = _LAST

    @classmethod
    def of(cls, matches: pd.DataFrame) -> History:
        """The history that matches make, a table as `acebet.data.load` gives it."""
        return cls(*walk(matches))

    def before(self, day: date) -> History:
        """What was known before the tournaments of a day started: no result of it, and no rank."""
        return History(self._careers, self._meetings, min(self._until, (day.toordinal(), 0)))

    def features(  # noqa: PLR0913 - what a match is
        self,
        first: int,
        second: int,
        day: date,
        surface: str,
        *,
        level: str = "A",
        round: str | None = None,  # noqa: A002 - tennis has no other word
        best_of: int = 3,
    ) -> dict[str, float]:
        """What is known before a match of two players, by the names in `FEATURES`.

        Args:
            first: A player's id.
            second: Another's.
            day: On which the tournament starts, as in the data: of the tournaments of that day, the
                rounds before `round` are known (and the rankings).
            surface: One of `acebet.data.SURFACES`, or "" for an unknown one.
            level: One of `acebet.data.LEVELS`.
            round: One of `acebet.data.ROUNDS`; None is unknown, and nothing of that day counts.
            best_of: 3 or 5 sets.

        Returns:
            Finite numbers, or NaN where nothing is known; ratings start at 1500.

        Raises:
            UnknownPlayerError: One of them is in no match at all.
            ValueError: A player against oneself; no such surface, level or round.
        """
        _check(first, second, surface, level, round)
        when = min(self._until, (day.toordinal(), PLACES[round] if round else 0))
        one = self._of_a_player(first, when, day, surface)
        other = self._of_a_player(second, when, day, surface)
        values = {f"first_{name}": value for name, value in one.items()}
        values.update({f"second_{name}": value for name, value in other.items()})
        values.update({f"{name}_difference": one[name] - other[name] for name in one})
        met = self._met(first, second, when)
        values["head_to_head"] = _balance(met, first)
        values["head_to_head_on_surface"] = _balance(
            [meeting for meeting in met if meeting.surface == surface], first
        )
        values["surface"] = _SURFACE_PLACES.get(surface, nan)
        values["level"] = _LEVEL_PLACES[level]
        values["round"] = float(PLACES[round]) if round else nan
        values["best_of"] = float(best_of)
        return values

    def elo_chance(self, first: int, second: int, day: date, round: str | None = None) -> float:  # noqa: A002
        """The chance that plain Elo gives the first player: what a model must beat."""
        when = min(self._until, (day.toordinal(), PLACES[round] if round else 0))
        return expected(self._state(first, when).elo, self._state(second, when).elo)

    def elo(self, player: int, until: date | None = None) -> list[EloPoint]:
        """A player's ratings over time, a point for each date before `until`.

        Raises:
            UnknownPlayerError: There is no such player.
        """
        career = self._careers.get(player)
        if career is None:
            raise UnknownPlayerError(player)
        end = min(self._until, (until.toordinal(), 0)) if until else self._until
        count = bisect_left(career.whens, end)
        by_day = {
            day: state
            for (day, _), state in zip(career.whens[:count], career.states[:count], strict=True)
        }
        return [
            EloPoint(
                date.fromordinal(day),
                state.elo,
                dict(zip(SURFACES, state.by_surface, strict=True)),
            )
            for day, state in by_day.items()
        ]

    def players(self) -> list[Player]:
        """Everybody who has played, by name."""
        found = []
        for player, career in self._careers.items():
            count = bisect_left(career.days, self._until[0])
            if count:
                facts = career.facts[count - 1]
                rank = None if isnan(facts.rank) else int(facts.rank)
                days = date.fromordinal(career.days[0]), date.fromordinal(facts.day)
                found.append(Player(player, facts.name, facts.country, *days, rank))
        return sorted(found, key=lambda player: (player.name, player.id))

    def _state(self, player: int, when: When) -> State:
        career = self._careers.get(player)
        if career is None:
            raise UnknownPlayerError(player)
        return career.state(when)

    def _of_a_player(self, player: int, when: When, day: date, surface: str) -> dict[str, float]:
        state = self._state(player, when)
        known = self._careers[player].known(min(day.toordinal(), self._until[0] - 1))
        return _told(state, known, day.toordinal(), surface)

    def _met(self, first: int, second: int, when: When) -> Sequence[Meeting]:
        met = self._meetings.get(pair_of(first, second), ())
        return [meeting for meeting in met if meeting.when < when]


def table(matches: pd.DataFrame, history: History | None = None) -> pd.DataFrame:
    """The features of each match, one a row, the winner as the first player: `FEATURES`, in order.

    Args:
        matches: As `acebet.data.load` gives them.
        history: What is known, where that is more than these matches; by default they are all.
    """
    history = history or History.of(matches)
    each: Iterator[Any] = matches.itertuples(index=False)
    rows = [
        history.features(
            match.winner_id,
            match.loser_id,
            match.date,
            match.surface,
            level=match.level,
            round=match.round,
            best_of=match.best_of,
        )
        for match in each
    ]
    features: pd.DataFrame = pd.DataFrame(rows, columns=list(FEATURES), index=matches.index)
    return features


def swapped(rows: pd.DataFrame) -> pd.DataFrame:
    """The same matches with the second player as the first."""
    changed: pd.DataFrame = rows.copy()
    for name in _OF_A_PLAYER:
        changed[f"first_{name}"] = rows[f"second_{name}"]
        changed[f"second_{name}"] = rows[f"first_{name}"]
    opposed = [*(f"{name}_difference" for name in _OF_A_PLAYER), *HEAD_TO_HEAD]
    changed[opposed] = -rows[opposed]
    return changed


def _told(state: State, known: Facts, day: int, surface: str) -> dict[str, float]:
    """`_OF_A_PLAYER`, in order."""
    place = SURFACES.index(surface) if surface else None
    lately = state.recent[:_FORM]
    return {
        "elo": state.elo,
        "games_elo": state.games,
        "surface_elo": state.elo if place is None else state.by_surface[place],
        "surface_games_elo": state.games if place is None else state.games_by_surface[place],
        "surface_played": nan if place is None else float(state.played_on[place]),
        "rank": log(known.rank),
        "points": log(known.points + 1),
        "form": _mean([result.won for result in lately]),
        "long_form": _mean([result.won for result in state.recent]),
        "surprise": _mean([result.won - result.chance for result in lately]),
        "rest": float(min(day - lately[0].day, _LONGEST_REST)) if lately else nan,
        "busy": float(sum(day - result.day <= _BUSY_DAYS for result in lately)),
        "age": known.age + (day - known.day) / 365.25,
        "height": known.height,
        "left": known.left,
        "played": float(state.played),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else nan


def _balance(met: Sequence[Meeting], first: int) -> float:
    return float(sum(1 if meeting.winner == first else -1 for meeting in met))


def _check(first: int, second: int, surface: str, level: str, round_: str | None) -> None:
    if first == second:
        raise ValueError("a match has two players")
    if surface and surface not in _SURFACE_PLACES:
        raise ValueError(f"surface is one of {', '.join(SURFACES)}, not {surface!r}")
    if level not in _LEVEL_PLACES:
        raise ValueError(f"level is one of {', '.join(LEVELS)}, not {level!r}")
    if round_ and round_ not in PLACES:
        raise ValueError(f"round is one of {', '.join(PLACES)}, not {round_!r}")
