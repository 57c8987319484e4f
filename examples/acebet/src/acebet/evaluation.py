"""How good chances are, and what they are held against. Fits nothing but one share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from acebet.careers import expected
from acebet.model import Numbers

BINS = 10
_UNRANKED = 100.0  # ranks are logarithms in features


@dataclass(frozen=True)
class Figures:
    """How good the chances were that were given to those who then won.

    Attributes:
        matches: How many there were.
        accuracy: The share in which the winner had the better chance; even chances count half.
        log_loss: The mean of -ln(chance of the winner).
        brier: The mean of (1 - chance of the winner)².
        calibration_error: The expected calibration error: every match is taken from both sides,
            so that nothing depends on who is named first; all those chances are sorted and cut into
            ten bins of one size; it is the mean over the bins of |mean chance - share that won|.
    """

    matches: int
    accuracy: float
    log_loss: float
    brier: float
    calibration_error: float


def judge(chances: Numbers) -> Figures:
    """The figures of chances that were given to the winners."""
    given, won = calibration(chances)
    return Figures(
        matches=len(chances),
        accuracy=float(np.mean((chances > 0.5) + 0.5 * (chances == 0.5))),  # noqa: PLR2004
        log_loss=float(-np.log(np.clip(chances, 1e-15, 1)).mean()),
        brier=float(((1 - chances) ** 2).mean()),
        calibration_error=float(np.abs(given - won).mean()),
    )


def calibration(chances: Numbers) -> tuple[Numbers, Numbers]:
    """In each bin, the mean chance and the share that won: the points of a calibration plot."""
    both = np.concatenate([chances, 1 - chances])
    won = np.repeat([1.0, 0.0], len(chances))
    # Equal chances are cut apart at random, not winners first.
    any_order = np.random.default_rng(0).permutation(len(both))
    order = any_order[np.argsort(both[any_order], kind="stable")]
    bins = np.array_split(order, BINS)
    given = [both[places].mean() if len(places) else 0.0 for places in bins]
    happened = [won[places].mean() if len(places) else 0.0 for places in bins]
    return np.array(given), np.array(happened)


def rank_rule(rows: pd.DataFrame, better_wins: float) -> Numbers:
    """The better ranked player wins, with one chance for all; even where ranks do not differ.

    Args:
        rows: Features, the winner as the first player; who has no rank is behind all who have.
        better_wins: The chance, as `better_ranked_wins` finds it in earlier seasons.
    """
    ahead = _ahead(rows)
    return np.where(ahead > 0, better_wins, np.where(ahead < 0, 1 - better_wins, 0.5))


def better_ranked_wins(rows: pd.DataFrame) -> float:
    """The share of matches that the better ranked player won."""
    ahead = _ahead(rows)
    return float((ahead[ahead != 0] > 0).mean())


def plain_elo(rows: pd.DataFrame) -> Numbers:
    """The chances that Elo gives, of all matches whatever their surface."""
    pairs = zip(rows["first_elo"], rows["second_elo"], strict=True)
    return np.array([expected(first, second) for first, second in pairs])


def _ahead(rows: pd.DataFrame) -> Numbers:
    ranks = [rows[f"{side}_rank"].fillna(_UNRANKED).to_numpy() for side in ("first", "second")]
    return np.asarray(np.sign(ranks[1] - ranks[0]))
