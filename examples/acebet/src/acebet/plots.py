"""Pictures of a training, for MLflow. Decides nothing."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from acebet.evaluation import calibration
from acebet.model import REASONS
from acebet.training import Prepared, Trained

_TOP = 10


def pictures(trained: Trained, prepared: Prepared) -> dict[str, Figure]:
    """By the name of the file."""
    drawn = {
        "calibration.png": _calibration(trained),
        "importance.png": _importance(trained),
        "elo.png": _elo(prepared),
    }
    for figure in drawn.values():
        plt.close(figure)
    return drawn


def _calibration(trained: Trained) -> Figure:
    figure, axes = plt.subplots(layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name in ("plain Elo", "model"):
        axes.plot(*calibration(trained.chances[name]), marker="o", label=name)
    axes.set(title=f"Season {trained.season}", xlabel="chance given", ylabel="share that won")
    axes.legend()
    return figure


def _importance(trained: Trained) -> Figure:
    gains = trained.booster.feature_importance("gain")
    of = dict(zip(trained.booster.feature_name(), gains / gains.sum(), strict=True))
    by_reason = {reason: sum(of[name] for name in names) for reason, names in REASONS.items()}
    figure, axes = plt.subplots(layout="constrained")
    ordered = sorted(by_reason, key=lambda reason: by_reason[reason])
    axes.barh(ordered, [by_reason[reason] for reason in ordered])
    axes.set(title="What the booster goes by", xlabel="share of the gain")
    return figure


def _elo(prepared: Prepared) -> Figure:
    last = prepared.matches["date"].max()
    playing = [one for one in prepared.history.players() if (last.date() - one.last).days < 365]  # noqa: PLR2004
    curves = {one.name: prepared.history.elo(one.id) for one in playing}
    top = sorted(curves, key=lambda name: -curves[name][-1].overall)[:_TOP]
    figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    for name in top:
        points = curves[name]
        axes.plot([one.date for one in points], [one.overall for one in points], label=name)  # type: ignore[arg-type]
    axes.set(title="The ten best by Elo at the end of the data", ylabel="Elo")
    axes.legend(fontsize="small")
    return figure
