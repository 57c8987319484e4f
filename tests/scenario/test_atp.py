"""The main job, on real data: who wins a tennis match, by LightGBM, from a package of one's own.

The matches are Jeff Sackmann's (CC BY-NC-SA 4.0); they lie beside the repository, never in it.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient

from holdfast.model import open_model
from kit import REPOSITORY, Holdfast, UvProject

# What every run does with these matches is the example's: test_example_acebet.py.
pytestmark = pytest.mark.slow

DATA = REPOSITORY.parent / "shared" / "data" / "atp"

FEATURES = '''
"""What is known of two players before they meet."""

import numpy as np
import pandas as pd

SURFACES = {"Hard": 0.0, "Clay": 1.0, "Grass": 2.0, "Carpet": 3.0}
LEVELS = {"G": 4.0, "M": 3.0, "F": 2.0, "A": 1.0, "D": 0.0}
OF_A_PLAYER = ("rank", "rank_points", "age", "ht")


def read_seasons(folder, seasons):
    files = [folder / f"atp_matches_{season}.csv.gz" for season in seasons]
    return pd.concat(map(pd.read_csv, files), ignore_index=True)


def before_the_match(matches, seed):
    """(features, whether the first player won): winner and loser in random order."""
    swapped = np.random.default_rng(seed).random(len(matches)) < 0.5
    features = pd.DataFrame(
        {
            "surface": matches["surface"].map(SURFACES).astype(float),
            "level": matches["tourney_level"].map(LEVELS).astype(float),
            "best_of": matches["best_of"].astype(float),
        }
    )
    for name in OF_A_PLAYER:
        winner, loser = matches[f"winner_{name}"], matches[f"loser_{name}"]
        features[f"first_{name}"] = winner.where(~swapped, loser).astype(float)
        features[f"second_{name}"] = loser.where(~swapped, winner).astype(float)
    return features, (~swapped).astype(int)
'''

MODEL = '''
"""A LightGBM model that derives features of its own, and answers with probabilities."""

import lightgbm


def with_differences(matches):
    return matches.assign(
        ranks=matches["first_rank"] / matches["second_rank"],
        points=matches["first_rank_points"] - matches["second_rank_points"],
        years=matches["first_age"] - matches["second_age"],
    )


class WinnerModel(lightgbm.LGBMClassifier):
    def fit(self, matches, won, **options):
        return super().fit(with_differences(matches), won, **options)

    def predict(self, matches, **options):
        return self.predict_proba(with_differences(matches), **options)[:, 1]
'''

TRAIN = """
import json, sys
from pathlib import Path

import lightgbm
import mlflow
from tennis.features import before_the_match, read_seasons
from tennis.model import WinnerModel

data, out = map(Path, sys.argv[1:])
train, won = before_the_match(read_seasons(data, range(2015, 2020)), seed=1)
test, really = before_the_match(read_seasons(data, [2021]), seed=2)

mlflow.lightgbm.autolog(
    log_input_examples=True,
    registered_model_name="tennis-auto",
    disable_for_unsupported_versions=True,
)
with mlflow.start_run():
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "seed": 3, "num_threads": 2},
        lightgbm.Dataset(train, won),
        num_boost_round=40,
    )
mlflow.lightgbm.autolog(disable=True)

model = WinnerModel(n_estimators=60, verbose=-1, random_state=3, n_jobs=2).fit(train, won)
with mlflow.start_run() as run:
    logged = mlflow.lightgbm.log_model(
        model,
        name="winner",
        input_example=test.head(200),
        registered_model_name="tennis",
        serialization_format="cloudpickle",
    )
mlflow.MlflowClient().set_registered_model_alias(
    "tennis", "champion", logged.registered_model_version
)
answers = model.predict(test)
test.to_csv(out / "rows.csv", index=False)
test.to_parquet(out / "rows.parquet", index=False)
(out / "said.json").write_text(
    json.dumps(
        {
            "champion": [float(one) for one in answers],
            "auto": [float(one) for one in booster.predict(test)],
            "right": float(((answers > 0.5) == really).mean()),
            "run": run.info.run_id,
            "id": logged.model_id,
        }
    )
)
"""


@pytest.fixture(scope="module")
def logged(new_project_in, tmp_path_factory):
    """What the training left: its folder, with rows and what the models said of them."""
    if not DATA.is_dir():
        pytest.skip(f"the matches are not at {DATA.relative_to(REPOSITORY.parent)}")
    folder = tmp_path_factory.mktemp("tennis")
    project: UvProject = new_project_in(folder)
    project.pyproject("mlflow", "pandas", "lightgbm", "pyarrow", "scikit-learn", packaged=True,
                      project={"name": "tennis"})  # fmt: skip
    project.write("src/tennis/__init__.py", "")
    project.write("src/tennis/features.py", FEATURES)
    project.write("src/tennis/model.py", MODEL)
    project.write("jobs/nightly/train.py", TRAIN)
    project.sync()
    # MLflow keeps artifacts below the working directory: not in the project, which will go.
    ran = project.train("jobs/nightly/train.py", DATA, folder, cwd="..")
    assert ran.code == 0, ran
    project.delete()
    return folder


@pytest.fixture
def said(logged):
    return json.loads((logged / "said.json").read_text())


@pytest.fixture
def command(logged, shared):
    tracking = f"sqlite:///{logged / 'mlflow.db'}"
    return Holdfast(home=shared / "home", folder=logged, env={"MLFLOW_TRACKING_URI": tracking})


def predicted(text: str) -> list[float]:
    return [float(row["prediction"]) for row in csv.DictReader(io.StringIO(text))]


def test_it_has_learned_something(said):
    assert 0.6 < said["right"] < 0.75


def check_verified(command: Holdfast, uri: str, *options: str) -> dict[str, Any]:
    receipt = command.receipt(uri, *options)
    assert receipt["matches"], receipt
    assert {check["status"] for check in receipt["checks"]} == {"match"}, receipt
    assert "identical to the bit" in receipt["checks"][-1]["summary"]
    return receipt


def test_it_verifies_to_the_bit_and_the_registry_knows(command):
    receipt = check_verified(command, "models:/tennis@champion", "--record")
    client = MlflowClient(registry_uri=command.env["MLFLOW_TRACKING_URI"])
    tags = client.get_model_version("tennis", "1").tags
    assert tags["holdfast.verified"] == "true"
    assert tags["holdfast.seal"] == receipt["seal"]
    assert tags["holdfast.checks"].endswith("predictions match")


def test_what_autolog_logged_verifies_too(command):
    check_verified(command, "models:/tennis-auto/1")


def test_it_predicts_what_it_predicted_where_it_was_trained(command, logged, said):
    rows, out = logged / "rows.parquet", logged / "answers.csv"
    ran = command("predict", "runs:/{run}/winner".format(**said), "-i", rows, "-o", out)
    assert ran.code == 0, ran
    assert ran.out == ""
    assert predicted(out.read_text()) == said["champion"]


def test_a_csv_gives_the_same(command, logged, said):
    ran = command("predict", "models:/tennis-auto/1", "-i", logged / "rows.csv")
    assert ran.code == 0, ran
    assert predicted(ran.out) == said["auto"]


def test_a_parquet_that_does_not_fit(command, logged):
    rows = pd.read_parquet(logged / "rows.parquet").head(3)
    for wrong, said in (
        (rows.drop(columns=["first_age"]), "missing inputs ['first_age']"),
        (rows.assign(first_rank="best"), "first_rank"),
    ):
        wrong.to_parquet(logged / "wrong.parquet")
        ran = command("predict", "models:/tennis-auto/1", "-i", "wrong.parquet", "-o", "wrong.csv")
        assert (ran.code, ran.out) == (2, ""), ran
        assert said in ran.err
        assert len(ran.err) < 700, ran
        assert not (logged / "wrong.csv").exists()


def test_every_name_of_it_opens_the_same_seal(command, said, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", command.env["MLFLOW_TRACKING_URI"])
    names = ("models:/tennis@champion", "models:/tennis/1", "models:/{id}", "runs:/{run}/winner")
    opened = [open_model(name.format(**said)) for name in names]
    assert len({model.digest for model in opened}) == 1
    seal = opened[0].seal
    assert (seal.grade.value, seal.reasons) == ("locked", ())
    assert [wheel.name for wheel in seal.wheels] == ["tennis"]
    assert open_model("models:/tennis-auto/1").digest != opened[0].digest
