"""Workers: several processes with one model, each lent to one batch at a time.

They start side by side, and the first that is ready begins.
"""

from __future__ import annotations

import threading
from queue import Queue
from types import TracebackType

import pyarrow as pa

from holdfast.restore.restored import Restored
from holdfast.score.batch import BatchScorer, Sifted


class Workers:
    """Use as a context manager.

    Args:
        restored: The model and its environment.
        count: How many.
        threads: How many each may use.
        gap: See `BatchScorer`.
    """

    def __init__(self, restored: Restored, count: int, *, threads: int, gap: str) -> None:
        self.count = count
        self._scorers = [BatchScorer(restored, threads=threads, gap=gap) for _ in range(count)]
        self._idle: Queue[BatchScorer | BaseException] = Queue()
        self._starting: list[threading.Thread] = []

    def __enter__(self) -> Workers:  # noqa: PYI034 - typing.Self is 3.11
        """Begin to start them; nothing is waited for."""
        for scorer in self._scorers:
            thread = threading.Thread(target=self._start, args=(scorer,), daemon=True)
            thread.start()
            self._starting.append(thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an error nobody waits for what is still being predicted.
        if kind is not None:
            for scorer in self._scorers:
                scorer.kill()
        for thread in self._starting:
            thread.join()
        for scorer in self._scorers:
            scorer.__exit__(kind, error, trace)

    def sift(self, batch: pa.RecordBatch, *, stop: bool) -> Sifted:
        """As `BatchScorer.sift`, by whichever worker is free first.

        Raises:
            HoldfastError: As there; and where a worker did not start.
        """
        scorer = self._idle.get()
        try:
            if isinstance(scorer, BaseException):
                raise scorer
            return scorer.sift(batch, stop=stop)
        finally:
            self._idle.put(scorer)

    def _start(self, scorer: BatchScorer) -> None:
        try:
            self._idle.put(scorer.__enter__())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever wants a worker
            self._idle.put(error)
