"""LitServe, as its guide on batching writes it; BATCH says whether.

Requests may have different numbers of rows, so a batch is put together and taken apart here.
"""

# ruff: noqa: D102 - the methods are the framework's

import os
import sys
from typing import Any

import joblib
import litserve
import numpy as np

BATCH = os.environ["BATCH"] == "1"


class Single(litserve.LitAPI):
    """One request at a time."""

    def setup(self, device: str) -> None:
        del device
        self.model = joblib.load(os.environ["MODEL"])

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        return np.array(request["rows"])

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict(rows)

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        return {"predictions": output.tolist()}


class Batched(Single):
    """What has come within the time, in one call."""

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return inputs

    def predict(self, rows: list[np.ndarray]) -> list[np.ndarray]:
        ends = np.cumsum([len(one) for one in rows])[:-1]
        return np.split(self.model.predict(np.concatenate(rows)), ends)

    def unbatch(self, output: list[np.ndarray]) -> list[np.ndarray]:
        return output


if __name__ == "__main__":
    api = Batched(max_batch_size=64, batch_timeout=0.002) if BATCH else Single()
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False
    )
