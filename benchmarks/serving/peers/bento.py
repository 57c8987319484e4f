"""BentoML, as its guide on adaptive batching writes it; BATCH says whether.

`serve` starts one process for HTTP and the model, its default for one worker.
"""

# ruff: noqa: D102 - the methods are the framework's

import os

import bentoml
import joblib
import numpy as np

BATCH = os.environ["BATCH"] == "1"


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 1000})
class Model:
    """The one model."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api(batchable=BATCH, max_batch_size=1000, max_latency_ms=1000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict(rows)
