"""Making a model that has seen nothing of the season that it is judged on.

The seasons before that one are walked through in order, each predicted by a booster of those
before it: what that gives sets the slope (see `model`). The parameters were chosen by such walks
over seasons from 2017 to 2022.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from acebet.evaluation import Figures, better_ranked_wins, judge, plain_elo, rank_rule
from acebet.features import FEATURES, History, swapped, table
from acebet.model import Numbers, log_odds, probability
from acebet.seasons import DataError

FOLDS = 5
SEED = 1
ROUNDS = 300
PARAMETERS: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.03,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
_UNSETTLED = 3  # seasons at the start of the data in which ratings find their places


@dataclass(frozen=True)
class Prepared:
    """Matches, what was known before each, and the season of each; row for row, winner first."""

    matches: pd.DataFrame
    history: History
    rows: pd.DataFrame
    season: pd.Series[int]

    def of(self, seasons: Iterable[int]) -> pd.DataFrame:
        """The rows of some seasons."""
        rows: pd.DataFrame = self.rows[self.season.isin(list(seasons))]
        return rows


@dataclass(frozen=True)
class Trained:
    """A model's parts, and the chances that it and others gave.

    Attributes:
        booster: Trained on `seen`.
        slope: See `model`.
        seen: The seasons.
        walked: For each season of the walk, the model's figures.
        season: The one that it is judged on, which it did not see.
        chances: By "rank rule", "plain Elo" and "model": of the winners of that season.
    """

    booster: lightgbm.Booster
    slope: float
    seen: list[int]
    walked: dict[int, Figures]
    season: int
    chances: dict[str, Numbers]

    @property
    def figures(self) -> dict[str, Figures]:
        """Of each that gave chances."""
        return {name: judge(chances) for name, chances in self.chances.items()}


def prepare(matches: pd.DataFrame) -> Prepared:
    """The features of all matches of a table that `acebet.data.load` gave."""
    history = History.of(matches)
    return Prepared(matches, history, table(matches, history), matches["date"].dt.year)


def train(prepared: Prepared, season: int, *, folds: int = FOLDS, seed: int = SEED) -> Trained:
    """Train on what was before a season, and judge on that season.

    Args:
        prepared: Also with later seasons: they are not looked at.
        season: Such as 2023.
        folds: So many seasons before it are walked through.
        seed: Decides which player of a match is the first.

    Raises:
        DataError: There are too few seasons, or none to judge on.
    """
    seasons = sorted(set(prepared.season))
    seen = [year for year in seasons if year < season]
    settled = seen[min(_UNSETTLED, (len(seen) - 1) // 2) :]
    folds = min(folds, len(settled) - 1)
    if season not in seasons or folds < 1:
        there = ", ".join(map(str, seasons)) or "none"
        raise DataError(f"season {season} and two before it are needed; there are: {there}")
    walked = {year: _walked(prepared, settled, year, seed) for year in settled[-folds:]}
    slope = _fitted_slope(np.concatenate(list(walked.values())))
    past, unseen = prepared.of(settled), prepared.of([season])
    booster = fit(past, seed)
    return Trained(
        booster=booster,
        slope=slope,
        seen=seen,
        walked={year: judge(probability(slope * odds)) for year, odds in walked.items()},
        season=season,
        chances={
            "rank rule": rank_rule(unseen, better_ranked_wins(past)),
            "plain Elo": plain_elo(unseen),
            "model": probability(slope * log_odds(booster, unseen)),
        },
    )


def fit(rows: pd.DataFrame, seed: int) -> lightgbm.Booster:
    """A booster of rows with the winner first, of which half are swapped at random."""
    swap = np.random.default_rng(seed).random(len(rows)) < 0.5  # noqa: PLR2004
    shuffled = rows.copy()
    shuffled[swap] = swapped(rows[swap])
    data = lightgbm.Dataset(shuffled[list(FEATURES)], (~swap).astype(int))
    return lightgbm.train({**PARAMETERS, "seed": seed}, data, ROUNDS)


def _walked(prepared: Prepared, settled: list[int], year: int, seed: int) -> Numbers:
    past = prepared.of(one for one in settled if one < year)
    return log_odds(fit(past, seed), prepared.of([year]))


def _fitted_slope(odds: Numbers) -> float:
    """The one with the least log loss: `odds` are those of the winners."""
    found = minimize_scalar(
        lambda slope: judge(probability(slope * odds)).log_loss, bounds=(0.05, 5), method="bounded"
    )
    return float(found.x)
