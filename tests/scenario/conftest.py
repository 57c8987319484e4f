"""Scripts as users write them: nothing in them knows of Holdfast."""

from __future__ import annotations

import pytest

IRIS = """
import sys
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
{imports}
X, y = load_iris(return_X_y=True, as_frame=True)
model = {model}.fit(X, y)
with mlflow.start_run():
    mlflow.sklearn.log_model(
        model, name="iris", input_example=X.iloc[::30], serialization_format="cloudpickle"{more}
    )
"""


@pytest.fixture
def iris_script():
    """A training script: `iris_script(model=..., imports=..., more=...)`."""

    def script(
        model: str = "LogisticRegression(max_iter=500)", imports: str = "", more: str = ""
    ) -> str:
        return IRIS.format(model=model, imports=imports, more=f", {more}" if more else "")

    return script


ROWS = """sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)
5.1,3.5,1.4,0.2
6.1,2.9,4.7,1.4
7.2,3.6,6.1,2.5
"""


@pytest.fixture
def iris_rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path
