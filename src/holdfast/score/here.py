"""A whole run on this machine: what is missing is done by workers, and recorded file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from holdfast.cores import available
from holdfast.restore.restore import restore
from holdfast.score.book import Book, Done
from holdfast.score.local import Engine
from holdfast.score.run import Outcome, Run
from holdfast.score.schema import Job
from holdfast.score.workers import Workers

# For less than this a second worker starts for longer than it works.
_WORTH_A_WORKER = 32 << 20


def score_here(run: Run) -> Outcome:
    """Do what no earlier start has done.

    Raises:
        HoldfastError: As of `score`.
    """
    book = _book(run)
    book.check([job.split for job in run.jobs])
    done = {job.split: found for job in run.jobs if (found := book.done(job.split))}
    missing = [job for job in run.jobs if job.split not in done]
    results = [*done.values(), *(_work(run, missing, book) if missing else ())]
    book.close()
    return Outcome(
        rows=sum(each.rows for each in results),
        rejected=sum(each.rejected for each in results),
        files=len(results),
        before=len(done),
    )


def _book(run: Run) -> Book:
    options = run.options
    known_by = {
        "format": 1,
        "seal": run.model.digest,
        "keep": list(options.keep),
        "on_error": options.on_error,
        "batch_rows": options.batch_rows,
    }
    return Book(run.output, known_by)


def _work(run: Run, missing: Sequence[Job], book: Book) -> list[Done]:
    book.open()
    restored = restore(run.model, **asdict(run.how), on_progress=run.tell)
    run.tell("starting the model")
    count = run.options.wanted_workers or _worthwhile(missing)
    threads = max(1, available() // count)
    engine = Engine(
        Workers(restored, count, threads=threads, gap=run.gap),
        run.output,
        book,
        keep=run.options.keep,
        stop=not run.options.rejects,
        tell=run.tell,
    )
    return engine.run(missing)


def _worthwhile(jobs: Sequence[Job]) -> int:
    size = sum(job.split.file.size for job in jobs)
    return max(1, min(available(), size // _WORTH_A_WORKER))
