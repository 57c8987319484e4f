"""Replaying the golden predictions: what the model answers now, against what it answered then."""

from __future__ import annotations

from holdfast.seal.agreement import Agreement, compare
from holdfast.seal.golden import Golden, Payload
from holdfast.worker.client import Worker


def replay(golden: Golden, worker: Worker, *, timeout: float) -> Agreement:
    """Ask `worker` what a model was asked when it was logged, and compare.

    Args:
        golden: What it was asked, and what it answered.
        worker: A worker with that model, or with another that is compared with it.
        timeout: Seconds for loading and predicting.

    Raises:
        InputError: The model refuses the input.
        ModelError: The model failed, died or took too long.
    """
    given = golden.given
    header, buffers = worker.predict(
        dict(given.header), given.buffers, params=golden.params, timeout=timeout
    )
    return compare(golden.answer, Payload(header=header, buffers=tuple(map(bytes, buffers))))
