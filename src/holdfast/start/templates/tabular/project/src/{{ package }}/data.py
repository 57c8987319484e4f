"""The table: a row a patient. Nothing is downloaded; it ships with scikit-learn."""

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

# The names of the source are s1 to s6.
_NAMES = {
    "s1": "cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_by_hdl",
    "s5": "log_triglycerides",
    "s6": "glucose",
}
TARGET = "progression"


def load() -> pd.DataFrame:
    """442 patients: ten measurements, as measured, and `progression`, from 25 to 346."""
    table: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return table.rename(columns={**_NAMES, "target": TARGET}).astype(float)


def split(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three quarters to learn from, and a quarter to test with; always the same."""
    learn, test = train_test_split(table, test_size=0.25, random_state=7)
    return learn, test
