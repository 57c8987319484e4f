"""The core: one worker with a model, which predicts batch after batch.

    with BatchScorer(restored) as scorer:
        predictions = scorer.score(batch)

The same on one machine, on Ray and on Spark. A batch that fails is halved until the rows are found
that it fails for: they are named, or left out by `sift`, each with the reason. A worker that died
is started again.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pyarrow as pa

from holdfast.cores import limited_to
from holdfast.errors import HoldfastError, InputError, ModelError
from holdfast.model import read_golden, read_signature
from holdfast.restore.restored import Restored
from holdfast.score.answers import decode_answer
from holdfast.score.columns import Column, read_columns
from holdfast.score.schema import answer_schema
from holdfast.score.sent import encode_batch
from holdfast.worker.client import TIMEOUT, Worker


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that the model does not answer: its number in the batch, from 0, and why."""

    row: int
    error: InputError | ModelError

    @property
    def reason(self) -> str:
        """Why, in one line."""
        return self.error.message.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Sifted:
    """What is known of a batch: predictions for all rows but those that were rejected."""

    predictions: pa.RecordBatch
    rejected: tuple[Rejected, ...] = ()


class _RowsFail(Exception):  # noqa: N818 - not an error of the caller's
    """The model does not answer these rows, for a reason that may lie in one of them."""


class BatchScorer:
    """One model in one worker of its environment. Use as a context manager; not from two threads.

    Args:
        restored: The model and its environment.
        threads: How many the model may use.
        timeout: Seconds for loading, and for each batch.
        gap: What the model sees where text is null: "None", or "nan" as MLflow's CSV has it.

    Attributes:
        columns: The signature's, to whose types batches are brought; () where it has none.
        way: How the worker calls the model, and why not in a shorter way; see worker/ways.py.
    """

    def __init__(
        self,
        restored: Restored,
        *,
        threads: int = 1,
        timeout: float = TIMEOUT,
        gap: str = "None",
    ) -> None:
        self.columns: tuple[Column, ...] = read_columns(
            read_signature(restored.model).get("inputs")
        )
        self.way: dict[str, Any] = {}
        self._restored = restored
        self._threads = threads
        self._timeout = timeout
        self._gap = gap
        self._worker: Worker | None = None
        self._killed = False
        self._seen: pa.Schema | None = None
        self._open = ExitStack()

    def __enter__(self) -> BatchScorer:  # noqa: PYI034 - typing.Self is 3.11
        """Start the worker and prepare it.

        Raises:
            MismatchError: A file of the model or of its environment is not as it was.
            ModelError: The model does not load.
        """
        with ExitStack() as undo:
            undo.enter_context(self._restored.lease())
            self._start()
            self._open = undo.pop_all()
        return self

    def kill(self) -> None:
        """End it at once, also while another thread waits for predictions: they fail."""
        self._killed = True
        if self._worker is not None:
            self._worker.kill()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._open:
            if self._worker is not None:
                self._worker.__exit__(kind, error, trace)

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The predictions for `batch`, a row each, in its order.

        Args:
            batch: The columns that the model takes, as the signature names them, and no others.

        Raises:
            InputError: A row does not fit the model; says which, and why.
            ModelError: The model fails on a row, and it says which; or answers otherwise than by
                one value, or several, a row.
        """
        sifted = self.sift(batch, stop=True)
        for bad in sifted.rejected:
            where = f"row {bad.row} of the batch: " if batch.num_rows > 1 else ""
            raise type(bad.error)(where + bad.error.message, hint=bad.error.hint) from bad.error
        return sifted.predictions

    def sift(self, batch: pa.RecordBatch, *, stop: bool = False) -> Sifted:
        """As `score`, but that rows which fail are left out and named.

        Args:
            batch: As for `score`.
            stop: Look for the first such row only; there are no predictions then.

        Raises:
            ModelError: The model answers otherwise than by one value, or several, a row.
        """
        if not batch.num_rows:
            return Sifted(self._none())
        good: list[pa.RecordBatch] = []
        bad: list[Rejected] = []
        waiting = [(0, batch)]
        # Halves what fails until it is a row, from the first row to the last.
        while waiting and not (stop and bad):
            start, part = waiting.pop()
            try:
                good.append(self._ask(part))
            except _RowsFail as fail:
                half = part.num_rows // 2
                if not half:
                    bad.append(Rejected(start, fail.args[0]))
                    continue
                waiting += [(start + half, part.slice(half)), (start, part.slice(0, half))]
        return Sifted(_joined(good) if good and not (stop and bad) else self._none(), tuple(bad))

    def _none(self) -> pa.RecordBatch:
        schema = self._seen or answer_schema(self._restored.model) or pa.schema([])
        return pa.RecordBatch.from_pylist([], schema=schema)

    def _ask(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        worker = self._worker
        if worker is None or worker.over:
            worker = self._start()
        rows = batch.num_rows
        try:
            payload, buffers = encode_batch(batch, self.columns, gap=self._gap)
            answer = worker.score(payload, buffers, rows=rows, timeout=self._timeout)
        except (InputError, ModelError) as error:
            raise _RowsFail(error) from error
        predictions = decode_answer(*answer, rows)
        self._seen = predictions.schema
        return predictions

    def _start(self) -> Worker:
        if self._killed:
            raise ModelError("the worker was stopped")
        self._restored.model.check_files()
        self._restored.check_environment()
        environment = self._restored.environment
        with ExitStack() as undo:
            # From here on `kill` knows it.
            self._worker = worker = undo.enter_context(
                Worker.start(
                    environment.python,
                    self._restored.model.path,
                    pycache=environment.pycache,
                    # What the user has set is meant.
                    environment=limited_to(self._threads),
                )
            )
            if self._killed:  # while it was not known
                raise ModelError("the worker was stopped")
            header, buffers = _example(self._restored)
            self.way = worker.prepare(
                header, buffers, threads=self._threads, batch=None, timeout=self._timeout
            )
            undo.pop_all()
        return worker


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """The parts of one batch, whose types may differ where a model answers in Python's."""
    if len(parts) == 1:
        return parts[0]
    try:
        table = pa.concat_tables(map(_as_table, parts), promote_options="permissive")
    except pa.ArrowException as error:
        raise ModelError(f"the model answers rows in different ways: {error}") from error
    return table.combine_chunks().to_batches()[0]


def _as_table(part: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([part])


def _example(restored: Restored) -> tuple[dict[str, Any] | None, tuple[Any, ...]]:
    """The input example that the seal keeps; nothing where it keeps none that can be read."""
    if not restored.model.seal.golden.sha256:
        return None, ()
    try:
        given = read_golden(restored.model).given
    except HoldfastError:
        return None, ()
    return dict(given.header), tuple(given.buffers)
