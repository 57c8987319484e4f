"""The sales: a row a day, made by a seed, so that nothing has to be downloaded."""

import numpy as np
import pandas as pd

TARGET = "units"


def load(days: int = 1096, seed: int = 7) -> pd.DataFrame:
    """`date`, `promotion` and `units` of so many days from 2023 on."""
    chance = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-01", periods=days, freq="D")
    number = np.arange(days)
    promotion = chance.random(days) < 0.1
    expected = (
        200
        + 0.05 * number
        + np.array([0, -10, -12, -5, 20, 60, 35])[dates.day_of_week]
        + 30 * np.sin(2 * np.pi * number / 365.25)
        + 45 * promotion
    )
    units = chance.normal(expected, 12).round().clip(min=0)
    return pd.DataFrame({"date": dates, "promotion": promotion, TARGET: units})


def split(sales: pd.DataFrame, days: int = 90) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The past to learn from, and the last days to test with."""
    return sales.iloc[:-days], sales.iloc[-days:]
