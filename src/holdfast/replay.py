"""Replaying the golden predictions: what the model answers now, against what it answered then."""

from __future__ import annotations

from holdfast.model import Model
from holdfast.seal.agreement import Agreement, compare
from holdfast.seal.digest import inside
from holdfast.seal.golden import GOLDEN_FILE, Golden, Payload
from holdfast.worker.client import Worker


def replay(model: Model, worker: Worker, *, timeout: float) -> Agreement:
    """Ask `worker` what the model was asked when it was logged, and compare.

    Args:
        model: It has golden predictions, and its files were compared with the seal.
        worker: A worker with that model.
        timeout: Seconds for loading and predicting.

    Raises:
        InputError: The model refuses its own input.
        ModelError: The model failed, died or took too long.
        SealError: The golden predictions cannot be read.
    """
    golden = Golden.from_json(inside(model.path, GOLDEN_FILE).read_bytes())
    given = golden.given
    header, buffers = worker.predict(
        dict(given.header), given.buffers, params=golden.params, timeout=timeout
    )
    return compare(golden.answer, Payload(header=header, buffers=tuple(map(bytes, buffers))))
