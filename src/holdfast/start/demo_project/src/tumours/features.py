"""The project's own code, which the model needs wherever it goes."""

import pandas as pd


def with_ratios(cells: pd.DataFrame) -> pd.DataFrame:
    """The measurements, and how far the worst cell is from the mean one."""
    worst = cells.filter(like="worst ").rename(columns=lambda name: name[len("worst ") :])
    mean = cells.filter(like="mean ").rename(columns=lambda name: name[len("mean ") :])
    return cells.join((worst / (mean + 1e-9)).add_suffix(" ratio"))
