"""A training in MLflow: run, pictures, registered model; and which version is the champion.

The standing champion answers through Holdfast, in the environment that it was sealed with: what it
says is what it would say in production, whatever is installed here.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import holdfast
import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from acebet import served
from acebet.evaluation import Figures, judge
from acebet.features import FEATURES
from acebet.model import answers
from acebet.plots import pictures
from acebet.training import PARAMETERS, ROUNDS, Prepared, Trained

NAME = "acebet"
CHAMPION = "champion"
_SEEN = "acebet.last_season_seen"
_EXAMPLES = 20


@dataclass(frozen=True)
class Verdict:
    """Whether a version became the champion, and why or why not."""

    version: str
    champion: bool
    reason: str


def log(trained: Trained, prepared: Prepared, seed: int) -> str:
    """Log and register what was trained: the version."""
    mlflow.set_experiment(NAME)
    with mlflow.start_run() as run:
        mlflow.log_params({**PARAMETERS, "rounds": ROUNDS, "seed": seed, "slope": trained.slope})
        mlflow.log_params({"seen": f"{trained.seen[0]}-{trained.seen[-1]}"})
        for season, figures in trained.walked.items():
            mlflow.log_metrics(_named("walk", figures), step=season)
        for name, figures in trained.figures.items():
            mlflow.log_metrics(_named(name.replace(" ", "_"), figures), step=trained.season)
        for file, figure in pictures(trained, prepared).items():
            mlflow.log_figure(figure, file)
        version = _register(trained, prepared)
    mlflow.MlflowClient().set_model_version_tag(NAME, version, _SEEN, str(trained.seen[-1]))
    mlflow.MlflowClient().set_model_version_tag(NAME, version, "acebet.run", run.info.run_id)
    return version


def choose(version: str, trained: Trained, prepared: Prepared) -> Verdict:
    """Make a version the champion if it beats the rank rule and the standing champion.

    In accuracy and in log loss, on the season that it has not seen. A champion that has seen that
    season cannot be judged on it, and stays.
    """
    client = mlflow.MlflowClient()
    figures = trained.figures
    if not beats(figures["model"], figures["rank rule"]):
        return Verdict(version, champion=False, reason="it does not beat the rank rule")
    try:
        standing = client.get_model_version_by_alias(NAME, CHAMPION)
    except MlflowException:
        reason = f"it beats the rank rule on {trained.season}, and there was no champion"
    else:
        if int(standing.tags.get(_SEEN, trained.season)) >= trained.season:
            reason = (
                f"version {standing.version} has seen {trained.season}: wait for a later season"
            )
            return Verdict(version, champion=False, reason=reason)
        if not beats(figures["model"], _judged(str(standing.version), trained.season, prepared)):
            reason = f"it does not beat version {standing.version} on {trained.season}"
            return Verdict(version, champion=False, reason=reason)
        reason = f"it beats the rank rule and version {standing.version} on {trained.season}"
    client.set_registered_model_alias(NAME, CHAMPION, version)
    return Verdict(version, champion=True, reason=reason)


def beats(one: Figures, other: Figures) -> bool:
    """Better in both."""
    return one.accuracy > other.accuracy and one.log_loss < other.log_loss


def _judged(version: str, season: int, prepared: Prepared) -> Figures:
    said = holdfast.predict(f"models:/{NAME}/{version}", prepared.of([season])[list(FEATURES)])
    return judge(np.asarray(said["probability"], dtype=float))


def _register(trained: Trained, prepared: Prepared) -> str:
    example = prepared.of([trained.season])[list(FEATURES)].head(_EXAMPLES).reset_index(drop=True)
    example = example.astype(float)
    with tempfile.TemporaryDirectory() as folder:
        parts = {"booster": f"{folder}/booster.txt", "calibration": f"{folder}/calibration.json"}
        trained.booster.save_model(parts["booster"])
        Path(parts["calibration"]).write_text(json.dumps({"slope": trained.slope}))
        logged = mlflow.pyfunc.log_model(
            name=NAME,
            python_model=served.__file__,
            artifacts=parts,
            input_example=example,
            signature=mlflow.models.infer_signature(
                example, answers(trained.booster, trained.slope, example)
            ),
            registered_model_name=NAME,
        )
    return str(logged.registered_model_version)


def _named(prefix: str, figures: Figures) -> dict[str, float]:
    return {f"{prefix}_{name}": float(value) for name, value in asdict(figures).items()}
