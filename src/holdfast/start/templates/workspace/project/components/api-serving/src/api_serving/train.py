"""`uv run train`: fit, log to MLflow, register. Holdfast, being installed, seals what is logged."""

import mlflow
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from api_serving.features import Features
from api_serving.registry import NAME, crown
from config_management import Settings, section


class Training(Settings):
    """What training can be told: `[training]` in settings.toml, or variables."""

    model_config = section("training")

    features: tuple[str, ...] = ("ratios", "logarithms")
    strength: float = 1.0
    test_share: float = 0.25
    seed: int = 7


def load() -> tuple[pd.DataFrame, pd.Series]:
    """178 wines, what a laboratory measured of each, and the number of its grower: 0, 1, 2."""
    table, grower = load_wine(return_X_y=True, as_frame=True)
    return table.rename(columns=lambda name: name.replace("/", "_")).astype(float), grower


def build(settings: Training) -> Pipeline:
    """The model, not trained yet."""
    regression = LogisticRegression(C=settings.strength, max_iter=1000)
    return make_pipeline(Features(settings.features), StandardScaler(), regression)


def train(settings: Training | None = None) -> str:
    """Log and register a new version; the URI of it."""
    told = settings or Training()
    table, grower = load()
    known, unknown, known_grower, unknown_grower = train_test_split(
        table, grower, test_size=told.test_share, random_state=told.seed, stratify=grower
    )
    model = build(told).fit(known, known_grower)
    scores = {
        "accuracy": float(model.score(unknown, unknown_grower)),
        "log_loss": float(log_loss(unknown_grower, model.predict_proba(unknown))),
    }
    with mlflow.start_run():
        mlflow.log_params(told.model_dump())
        mlflow.log_metrics(scores)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            input_example=unknown.head(10),
            registered_model_name=NAME,
            serialization_format="skops",  # no pickle: it names the one type that is ours
            skops_trusted_types=["api_serving.features.Features"],
        )
    version = str(logged.registered_model_version)
    print(", ".join(f"{name} {value:.3f}" for name, value in scores.items()))
    crown(version, "log_loss")
    return f"models:/{NAME}/{version}"


def main() -> None:
    """The command."""
    print(train())
