"""The local engine: one reader, several workers, one writer, and the rows in their order.

The reader is a few batches ahead and no more, so that memory is bounded however large the input.
Batches of all files go to whichever worker is free, and what comes back is written in the order
in which it was read.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from queue import Full, Queue
from time import monotonic
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.progress import Progress
from holdfast.score.batch import Sifted
from holdfast.score.book import Book, Done
from holdfast.score.csv_file import Aside, Malformed
from holdfast.score.place import Place
from holdfast.score.plan import format_of
from holdfast.score.read import read_batches
from holdfast.score.schema import Job
from holdfast.score.workers import Workers
from holdfast.score.write import Output

# Seconds between two words about how far it is, and between two looks for whether to stop.
_BETWEEN = 0.5
_PATIENCE = 0.1


@dataclass(frozen=True, slots=True)
class _Piece:
    """A batch of a job, and the numbers of its rows in the file; None at the job's end.

    `malformed` are lines that stood before one of them, and are no rows.
    """

    job: Job
    batch: pa.RecordBatch | None
    numbers: Sequence[int] = ()
    malformed: Sequence[Malformed] = ()


_Pieces = Generator[_Piece, None, None]


class Engine:
    """Scores jobs with workers.

    Args:
        workers: They predict.
        output: The folder of outputs.
        book: Where it is recorded what is done.
        keep: Columns of the input that the output has, too.
        stop: Whether the first row that fails ends it all; else such rows are noted.
        tell: Told how far it is.
    """

    def __init__(
        self,
        workers: Workers,
        output: Place,
        book: Book,
        *,
        keep: Sequence[str],
        stop: bool,
        tell: Progress,
    ) -> None:
        self._workers = workers
        self._output = output
        self._book = book
        self._keep = list(keep)
        self._stop = stop
        self._tell = tell
        self._current: Output | None = None

    def run(self, jobs: Sequence[Job]) -> list[Done]:
        """Score them, one after another; what each came to.

        Raises:
            InputError: A row does not fit the model, or a file cannot be read to its end.
            ModelError: The model fails on a row, and it says which.
            StoreError: The disk is full.
        """
        done: list[Done] = []
        far = _Far(jobs, self._tell)
        ahead = self._workers.count + 1
        try:
            with (
                ThreadPoolExecutor(self._workers.count) as pool,
                self._workers,
                closing(_ahead(_pieces(jobs, stop=self._stop), ahead)) as pieces,
            ):
                waiting: deque[tuple[_Piece, Future[Sifted] | None]] = deque()
                for piece in pieces:
                    waiting.append((piece, self._submit(pool, piece)))
                    if len(waiting) > ahead:
                        done += self._finish(*waiting.popleft(), far)
                while waiting:
                    done += self._finish(*waiting.popleft(), far)
        finally:
            if self._current is not None:
                self._current.abandon()
        return done

    def _submit(self, pool: ThreadPoolExecutor, piece: _Piece) -> Future[Sifted] | None:
        if piece.batch is None:
            return None
        given = piece.batch.select(list(piece.job.given))
        return pool.submit(self._workers.sift, given, stop=self._stop)

    def _finish(self, piece: _Piece, answer: Future[Sifted] | None, far: _Far) -> list[Done]:
        output = self._current = self._current or self._open(piece.job)
        if answer is None or piece.batch is None:
            output.reject(_rejected(piece))
            done = output.finish()
            self._current = None
            self._book.record(piece.job.split, done)
            return [done]
        sifted = answer.result()
        if sifted.rejected and self._stop:
            bad = sifted.rejected[0]
            name = piece.job.split.file.place.name
            where = f"{name}, row {piece.numbers[bad.row]} (the first is 0): "
            raise type(bad.error)(where + bad.error.message, hint=bad.error.hint) from bad.error
        output.reject(_rejected(piece, sifted))
        output.write(self._with_keys(piece.batch, sifted))
        far.further(piece.batch.num_rows)
        return []

    def _open(self, job: Job) -> Output:
        name = job.split.output
        return Output(self._output, name, format_of(name), job.schema)

    def _with_keys(self, batch: pa.RecordBatch, sifted: Sifted) -> pa.RecordBatch:
        predictions = sifted.predictions
        twice = [name for name in self._keep if name in predictions.schema.names]
        if twice:
            raise InputError(f"the model's predictions have a column of their own: {twice[0]}")
        if not self._keep:
            return predictions
        kept = batch.select(self._keep)
        if sifted.rejected:
            bad = {each.row for each in sifted.rejected}
            kept = kept.filter(pa.array([row not in bad for row in range(batch.num_rows)]))
        names = [*self._keep, *predictions.schema.names]
        return pa.RecordBatch.from_arrays([*kept.columns, *predictions.columns], names=names)


def _rejected(piece: _Piece, sifted: Sifted | None = None) -> list[dict[str, Any]]:
    """What is said of rows that were not answered, and of lines that are none; in their order."""
    said: list[dict[str, Any]] = [
        {"row": each.row, "reason": each.reason, "line": each.line} for each in piece.malformed
    ]
    if sifted is not None and piece.batch is not None:
        for bad in sifted.rejected:
            (values,) = piece.batch.slice(bad.row, 1).to_pylist()
            said.append({"row": piece.numbers[bad.row], "reason": bad.reason, "values": values})
    return sorted(said, key=itemgetter("row"))


def _pieces(jobs: Sequence[Job], *, stop: bool) -> _Pieces:
    for job in jobs:
        aside = Aside()
        for batch in read_batches(job.split, job.wanted, None if stop else aside):
            yield _Piece(job, batch, *aside.pass_by(batch.num_rows))
        yield _Piece(job, None, malformed=aside.rest())


def _ahead(pieces: _Pieces, most: int) -> _Pieces:
    """The same, read in a thread of its own, at most `most` of them before they are wanted."""
    queue: Queue[_Piece | BaseException | None] = Queue(most)
    left = threading.Event()

    def put(each: _Piece | BaseException | None) -> bool:
        while not left.is_set():
            try:
                queue.put(each, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            with closing(pieces) as source:
                if all(map(put, source)):
                    put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes it
            put(error)

    thread = threading.Thread(target=read, name="holdfast-read", daemon=True)
    thread.start()
    try:
        while (each := queue.get()) is not None:
            if isinstance(each, BaseException):
                raise each
            yield each
    finally:
        left.set()
        thread.join()


class _Far:
    """How far it is: rows, rows a second, and the time left where the number of rows is known."""

    def __init__(self, jobs: Sequence[Job], tell: Progress) -> None:
        known = [job.rows for job in jobs]
        self._all = None if None in known else sum(rows for rows in known if rows)
        self._tell = tell
        self._rows = self._before = 0
        self._said = self._start = 0.0

    def further(self, rows: int) -> None:
        """So many more are written."""
        self._rows += rows
        now = monotonic()
        if not self._start:  # how long workers take to start says nothing of rows
            self._start, self._before = now, rows
        if now - max(self._said, self._start) < _BETWEEN:
            return
        self._said = now
        rate = (self._rows - self._before) / (now - self._start)
        left = ""
        if self._all is not None and self._all > self._rows:
            left = f", {_time((self._all - self._rows) / rate)} left"
        self._tell(f"scoring: {self._rows:,} rows, {rate:,.0f} a second{left}")


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
