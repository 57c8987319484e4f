"""The model: two sides of one match, reasons that add up, figures, a training from end to end."""

from __future__ import annotations

import json

import mlflow
import numpy as np
import pytest

from acebet import cli, registry
from acebet.evaluation import better_ranked_wins, judge, rank_rule
from acebet.features import FEATURES, swapped
from acebet.model import REASONS, answers
from acebet.training import prepare, train


@pytest.fixture(scope="module")
def prepared(matches):
    return prepare(matches)


@pytest.fixture(scope="module")
def trained(prepared):
    return train(prepared, 2004)


def test_every_feature_has_one_reason():
    assert sorted(name for names in REASONS.values() for name in names) == sorted(FEATURES)


def test_both_sides_sum_to_one(prepared, trained):
    rows = prepared.of([2004])
    one, other = (answers(trained.booster, trained.slope, side) for side in (rows, swapped(rows)))
    np.testing.assert_allclose(one["probability"] + other["probability"], 1, atol=1e-12)
    reasons = [f"because_{reason}" for reason in REASONS]
    np.testing.assert_allclose(one[reasons], -other[reasons], atol=1e-9)


def test_reasons_sum_to_the_answer(prepared, trained):
    said = answers(trained.booster, trained.slope, prepared.of([2004]))
    odds = np.log(said["probability"] / (1 - said["probability"]))
    reasons = said[[f"because_{reason}" for reason in REASONS]]
    np.testing.assert_allclose(reasons.sum(axis=1), odds, atol=1e-9)
    np.testing.assert_allclose(said["probability"], trained.chances["model"], atol=1e-9)


def test_a_season_that_it_did_not_see_changes_nothing(prepared, trained):
    without = prepare(prepared.matches[prepared.season < 2004])
    again = train(without, 2003)
    assert again.seen == [2001, 2002]
    early = train(prepared, 2003)
    assert early.booster.model_to_string() == again.booster.model_to_string()
    assert early.slope == again.slope
    assert trained.seen == [2001, 2002, 2003]


def test_it_learns(trained):
    figures = trained.figures
    assert figures["model"].accuracy > 0.6
    assert figures["model"].log_loss < 0.66


def test_figures_by_hand():
    figures = judge(np.array([0.8, 0.5, 0.4]))
    assert figures.accuracy == pytest.approx(0.5)
    assert figures.log_loss == pytest.approx(-np.log([0.8, 0.5, 0.4]).mean())
    assert figures.brier == pytest.approx((0.04 + 0.25 + 0.36) / 3)


def test_calibrated_chances_have_a_small_error():
    random = np.random.default_rng(2)
    chances = random.uniform(0.5, 1, 50_000)
    given = np.where(random.random(len(chances)) < chances, chances, 1 - chances)
    assert judge(given).calibration_error < 0.01
    assert judge(np.full(5000, 0.7)).calibration_error == pytest.approx(0.3, abs=0.02)


def test_the_rank_rule(prepared):
    rows = prepared.rows.head(4).copy()
    rows["first_rank"], rows["second_rank"] = [1.0, 2, 3, np.nan], [2.0, 1, 3, 5]
    np.testing.assert_allclose(rank_rule(rows, 0.7), [0.7, 0.3, 0.5, 0.3])
    assert better_ranked_wins(rows) == pytest.approx(1 / 3)


def test_one_that_beats_the_rank_rule_stands_until_one_is_better(
    seasons, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.get_tracking_uri())
    monkeypatch.setenv("HOLDFAST_OFF", "1")  # what is sealed is tested where models are restored
    arguments = ["train", "--data", str(seasons), "--require-champion"]
    monkeypatch.setattr(registry, "beats", lambda *_: False)
    assert cli.main(arguments) == 1
    assert "not the champion: it does not beat the rank rule" in capsys.readouterr().out
    monkeypatch.setattr(registry, "beats", lambda *_: True)
    assert cli.main(arguments) == 0
    assert "version 2 is now the champion" in capsys.readouterr().out
    client = mlflow.MlflowClient()
    assert str(client.get_model_version_by_alias("acebet", "champion").version) == "2"
    client.set_model_version_tag("acebet", "2", "acebet.last_season_seen", "2004")
    assert cli.main(arguments) == 1
    assert "version 2 has seen 2004" in capsys.readouterr().out
    run = client.search_runs([client.get_experiment_by_name("acebet").experiment_id])[0]
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"calibration.png", "importance.png", "elo.png"} <= names
    assert len(client.get_metric_history(run.info.run_id, "walk_accuracy")) == 1


def test_evaluate_prints_json(seasons, capsys):
    assert cli.main(["evaluate", "--data", str(seasons), "--season", "2004", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["seen"] == [2001, 2002, 2003]
    assert said["figures"]["model"]["matches"] == 20 * 15


def test_a_question_for_the_model(seasons, capsys):
    arguments = ["features", "--data", str(seasons), "player a", "101", "2004-12-30", "Clay"]
    assert cli.main(arguments) == 0
    table = json.loads(capsys.readouterr().out)["dataframe_split"]
    assert table["columns"] == list(FEATURES)
    assert None in table["data"][0]  # the round is not known
    assert cli.main([*arguments[:3], "nobody", *arguments[4:]]) == 2
    assert "no player is called 'nobody'" in capsys.readouterr().err


def test_too_few_seasons(seasons, capsys):
    assert cli.main(["evaluate", "--data", str(seasons), "--season", "2002"]) == 2
    assert "two before it are needed" in capsys.readouterr().err
