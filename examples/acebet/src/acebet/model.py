"""The model that answers: a LightGBM booster, asked from both sides, with a slope.

Which player is the first is nobody's concern, so that both orders are asked, and half their
difference counts: the chances of the two sum to one, for any booster. The slope says how much of
the booster's confidence had been borne out on seasons that it had not seen (Platt's scaling without
an intercept, which two sides cannot have). Reasons are the booster's own SHAP values, taken the
same way: they sum to the log-odds of the answer.

Both parts are text files; nothing is pickled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import numpy.typing as npt
import pandas as pd

from acebet.features import FEATURES, GROUPS, HEAD_TO_HEAD, OF_THE_MATCH, swapped

Numbers = npt.NDArray[np.float64]

REASONS: dict[str, tuple[str, ...]] = {
    **{
        group: tuple(
            column
            for name in names
            for column in (f"first_{name}", f"second_{name}", f"{name}_difference")
        )
        for group, names in GROUPS.items()
    },
    "head_to_head": HEAD_TO_HEAD,
    "match": OF_THE_MATCH,
}
"""The columns of `FEATURES` that stand for one reason."""


class WinModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc] # MLflow is not typed
    """Takes `FEATURES`; answers `probability`, of the first player, and `because_<reason>` each."""

    def load_context(self, context: Any) -> None:
        """Read the booster and the slope from the model's artifacts."""
        self._booster = lightgbm.Booster(model_file=context.artifacts["booster"])
        text = Path(context.artifacts["calibration"]).read_text(encoding="utf-8")
        self._slope = float(json.loads(text)["slope"])

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """One row for each match; a reason is in log-odds, above zero for the first player."""
        return answers(self._booster, self._slope, model_input)


def answers(booster: lightgbm.Booster, slope: float, rows: pd.DataFrame) -> pd.DataFrame:
    """What `WinModel` answers, from its parts."""
    parts = _contributions(booster, rows) * slope
    said = {"probability": probability(parts.sum(axis=1))}
    for reason, names in REASONS.items():
        said[f"because_{reason}"] = parts[:, [FEATURES.index(name) for name in names]].sum(axis=1)
    answered: pd.DataFrame = pd.DataFrame(said, index=rows.index)
    return answered


def log_odds(booster: lightgbm.Booster, rows: pd.DataFrame) -> Numbers:
    """What the booster gives the first players, before the slope."""
    one, other = (
        np.asarray(booster.predict(side[list(FEATURES)], raw_score=True, num_threads=1))
        for side in (rows, swapped(rows))
    )
    half: Numbers = (one - other) / 2
    return half


def probability(odds: Numbers) -> Numbers:
    """Of log-odds."""
    return np.asarray(1 / (1 + np.exp(-odds)))


def _contributions(booster: lightgbm.Booster, rows: pd.DataFrame) -> Numbers:
    """Of each feature to the log-odds; what is the same from both sides (the bias) falls away."""
    one, other = (
        np.asarray(booster.predict(side[list(FEATURES)], pred_contrib=True, num_threads=1))[:, :-1]
        for side in (rows, swapped(rows))
    )
    half: Numbers = (one - other) / 2
    return half
