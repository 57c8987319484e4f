"""Columns made of other columns. A row's features depend on that row alone."""

import pandas as pd


def add_features(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with `ldl_by_hdl` and `pressure_at_age`."""
    return rows.assign(
        ldl_by_hdl=rows["ldl"] / rows["hdl"],
        pressure_at_age=rows["bp"] * rows["age"],
    )
