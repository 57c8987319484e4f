"""Small batches get one thread, large ones their worker's share."""

from __future__ import annotations

import os

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from holdfast.worker.threads import LARGE, Threads

X = np.random.default_rng(3).normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)


class Wrapper:
    """As MLflow's flavors have one around a model."""

    def __init__(self, model):
        self.model = model

    def predict(self, data):
        return self.model.predict(data)


def forest(jobs):
    return RandomForestClassifier(n_estimators=4, n_jobs=jobs, random_state=0)


@pytest.mark.parametrize(
    ("jobs", "share", "large"),
    [(8, 2, 2), (1, 4, 1), (2, 4, 2), (-1, 1, 1), (-1, 999, os.cpu_count()), (None, 4, None)],
)
def test_jobs_are_those_of_the_batch(jobs, share, large):
    model = forest(jobs).fit(X, Y)
    threads = Threads(Wrapper(model), share)
    threads.fit(1)
    assert model.n_jobs == (None if jobs is None else 1)
    threads.fit(LARGE)
    assert model.n_jobs == large
    threads.fit(LARGE - 1)
    assert model.n_jobs == (None if jobs is None else 1)


def test_what_is_inside_a_pipeline_or_an_ensemble_is_found():
    inner = VotingClassifier([("a", forest(3)), ("b", KNeighborsClassifier(n_jobs=5))], n_jobs=2)
    model = make_pipeline(StandardScaler(), inner).fit(X, Y)
    before = model.predict(X)
    Threads(Wrapper(model), 2).fit(1)
    voting = model[-1]
    assert [voting.n_jobs, *(each.n_jobs for each in voting.estimators_)] == [1, 1, 1]
    assert (model.predict(X) == before).all()


def booster(module, method):
    """A class as the library has it: its `predict` takes the threads at each call."""

    def predict(self, data, **options):
        return options

    def set_param(self, params):
        self.params = params

    return type("Booster", (), {"__module__": module, "predict": predict, "set_param": set_param})()


def test_a_lightgbm_booster_is_told_at_each_call():
    model = booster("lightgbm.basic", "num_threads")
    threads = Threads(Wrapper(model), 3)
    threads.fit(1)
    assert model.predict(X) == {"num_threads": 1}
    threads.fit(LARGE)
    assert model.predict(X, raw_score=True) == {"num_threads": 3, "raw_score": True}
    assert model.predict(X, num_threads=7) == {"num_threads": 7}


def test_an_xgboost_booster_keeps_its_threads():
    model = booster("xgboost.core", "nthread")
    threads = Threads(Wrapper(model), 3)
    threads.fit(1)
    assert model.params == {"nthread": 1}
    threads.fit(LARGE)
    assert model.params == {"nthread": 3}
