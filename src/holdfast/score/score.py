"""The verb `score`: rows of files by the million, in the sealed environment, on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from holdfast.cores import available
from holdfast.environment.lease import alone_if_free
from holdfast.errors import InputError
from holdfast.extras import needed
from holdfast.model import Model, open_model
from holdfast.progress import Progress, silent
from holdfast.restore.restore import restore

if TYPE_CHECKING:
    from holdfast.score.book import Done
    from holdfast.score.place import Place
    from holdfast.score.schema import Job

# For less than this a second worker starts for longer than it works.
_WORTH_A_WORKER = 32 << 20
_ROWS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a run came to.

    Attributes:
        output: The folder of outputs.
        rows: Predicted, in all files.
        rejected: Rows that the model did not answer; `_rejected/` says which, and why.
        files: Outputs.
        before: Of those, how many an earlier start of the same run had done.
        seconds: This start has taken.
    """

    output: str
    rows: int
    rejected: int
    files: int
    before: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def score(  # noqa: PLR0913 - an option means the same in every verb
    model: Model | str | os.PathLike[str],
    inputs: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    keep: Iterable[str] = (),
    workers: int | Literal["auto"] = "auto",
    on_error: Literal["stop", "reject"] = "stop",
    batch_rows: int = _ROWS,
    input_format: str | None = None,
    output_format: str | None = None,
    engine: Literal["local", "ray", "spark"] = "local",
    address: str = "",
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    on_progress: Progress = silent,
) -> Scored:
    """Predict for all rows of `inputs`: one file of `output` for each file, rows in their order.

    Started again after it was ended, however it was, it does only what is missing. The folder's
    `_holdfast/run.json` says "complete" when all is there.

    Args:
        model: What `open_model` gives, or takes.
        inputs: A file, a folder or a pattern ("data/*.csv"), as a path or as a URI of a file
            system of pyarrow's (`s3://`, `gs://`, `hdfs://`): Parquet, CSV, JSON lines or Arrow.
        output: A folder; made if it is not there.
        keep: Columns of the input that the output has, too, before the predictions.
        workers: Processes with the model; "auto": as many as there are cores, one for little.
        on_error: At a row that the model does not answer, "stop", or "reject" it into
            `_rejected/`, with the reason, and go on.
        batch_rows: The most rows that the model is given at once.
        input_format: "parquet", "csv", "jsonl" or "arrow"; None: what the files' names end in.
        output_format: One of the same; None: the input's.
        engine: "local", or the engine of a cluster whose nodes predict; see docs/score-clusters.md.
        address: The cluster's: "ray://head:10001", "spark://master:7077"; "": where the engine
            finds one by itself.
        slim: In an environment of only the packages that the model was seen to need.
        slim_include: Packages that this environment has in any case.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        on_progress: Told what takes time, a line at a time.

    Raises:
        InputError: The input cannot be read or does not fit the signature, or a row does not;
            nothing is in `output` that is not whole.
        ModelError: The model fails on a row, or died.
        MismatchError: A file of the model or of its environment is not as it was sealed.
        StoreError: The disk is full.
        ToolError: The extra `score` is not installed.
    """
    with needed("score", "scoring files"):
        from holdfast.score.book import Book
        from holdfast.score.local import Engine
        from holdfast.score.look import look_into, plan_splits
        from holdfast.score.place import place_of
        from holdfast.score.workers import Workers
    start = monotonic()
    _refuse_options(workers, on_error, batch_rows, engine)
    opened = model if isinstance(model, Model) else open_model(model)
    place, kept = place_of(output), tuple(keep)
    splits = plan_splits(inputs, place, input_format, output_format)
    options = {"keep": list(kept), "on_error": on_error, "batch_rows": batch_rows}
    book = Book(place, {"format": 1, "seal": opened.digest, **options})
    on_progress(f"looking into {len(splits)} files")
    jobs = look_into(opened, splits, kept, batch_rows, reject=on_error == "reject")
    # pandas' `read_csv`, and so MLflow, has NaN where text is missing.
    gap = "nan" if splits[0].format == "csv" else "None"
    with _alone(place):
        if engine != "local":
            from holdfast.score.cluster import score_on_cluster

            landed = score_on_cluster(
                engine,
                address,
                opened,
                jobs,
                place,
                workers=workers if workers != "auto" else None,
                batch_rows=batch_rows,
                output_format=output_format,
                on_progress=on_progress,
                keep=kept,
                gap=gap,
                slim=slim,
                slim_include=tuple(slim_include),
                offline=offline,
                strict=strict,
            )
            return Scored(
                output=place.name,
                rows=landed.rows,
                rejected=0,
                files=landed.files,
                before=landed.files if landed.before else 0,
                seconds=round(monotonic() - start, 3),
            )
        book.check(splits)
        done = {job.split: found for job in jobs if (found := book.done(job.split))}
        missing = [job for job in jobs if job.split not in done]
        results = list(done.values())
        if missing:
            book.open()
            restored = restore(
                opened,
                slim=slim,
                slim_include=slim_include,
                offline=offline,
                strict=strict,
                on_progress=on_progress,
            )
            on_progress("starting the model")
            count = _count(workers, missing)
            pool = Workers(restored, count, threads=max(1, available() // count), gap=gap)
            local = Engine(pool, place, book, keep=kept, stop=on_error == "stop", tell=on_progress)
            results += local.run(missing)
        book.close()
    return _scored(place, results, len(done), monotonic() - start)


def _refuse_options(workers: object, on_error: str, batch_rows: int, engine: str) -> None:
    if engine not in ("local", "ray", "spark"):
        raise InputError(f'engine is {engine!r}; expected "local", "ray" or "spark"')
    if engine != "local" and on_error == "reject":
        raise InputError(
            f"{engine} stops at a row that the model does not answer",
            hint="leave --on-error away, or score without --engine",
        )
    if workers != "auto" and (type(workers) is not int or workers < 1):
        raise InputError(f'workers is {workers!r}; expected "auto" or a number from 1')
    if on_error not in ("stop", "reject"):
        raise InputError(f'on_error is {on_error!r}; expected "stop" or "reject"')
    if batch_rows < 1:
        raise InputError(f"batch_rows is {batch_rows}; expected a number from 1")


def _count(workers: int | Literal["auto"], jobs: Sequence[Job]) -> int:
    if workers != "auto":
        return workers
    size = sum(job.split.file.size for job in jobs)
    return max(1, min(available(), size // _WORTH_A_WORKER))


@contextmanager
def _alone(output: Place) -> Iterator[None]:
    """Two runs must not write to one folder; on a store elsewhere nobody can keep them from it."""
    from holdfast.score.book import OWN
    from holdfast.score.place import explained
    from holdfast.score.write import WRITING

    with explained(output.name, "written"):
        output.system.create_dir((output / OWN).path, recursive=True)
    if not output.is_local:
        yield
        return
    with alone_if_free(Path(output.path, OWN, "lock")) as held:
        if not held:
            raise InputError(f"another run is writing to {output.name}")
        with explained(output.name, "written"):
            # What a killed run had not finished.
            output.system.delete_dir_contents((output / WRITING).path, missing_dir_ok=True)
        yield


def _scored(output: Place, results: Sequence[Done], before: int, seconds: float) -> Scored:
    return Scored(
        output=output.name,
        rows=sum(done.rows for done in results),
        rejected=sum(done.rejected for done in results),
        files=len(results),
        before=before,
        seconds=round(seconds, 3),
    )
