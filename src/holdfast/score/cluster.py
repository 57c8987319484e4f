"""A whole run on a cluster, from files to files, through the engine's own readers and writers.

The driver looks into every file first, as on one machine. The engine writes into the output's
`_holdfast/`, where no reader looks; only when it is done, and its rows were counted, do the files
come to their place. The receipts of all nodes are gathered in `_holdfast/receipts/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import uuid4

import pyarrow as pa
from pyarrow import dataset, fs

from holdfast.errors import InputError, ToolError
from holdfast.progress import Progress
from holdfast.score.book import OWN, Book
from holdfast.score.node import Order, heed_refusals
from holdfast.score.place import Place, explained
from holdfast.score.run import Outcome, Run
from holdfast.score.schema import Job, answer_schema
from holdfast.score.task import place_order

_READ = {"ray": ("parquet", "csv"), "spark": ("parquet", "csv", "jsonl")}
_DATASET = {"parquet": "parquet", "csv": "csv", "jsonl": "json"}
_WRITING = f"{OWN}/writing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterJob:
    """What an engine is to do.

    Attributes:
        address: The cluster's, as the engine has them; "" for what the engine finds by itself.
        order: What the nodes are to do.
        paths: The input's files.
        format: Theirs.
        names: The columns to read.
        types: Of columns of text formats.
        answered: The columns of the predictions, where that is known.
        target: A folder that is not there yet.
        output_format: What to write.
        workers: How many predict at once; None for what there are processors for.
        batch_rows: The most rows that the model is given at once.
    """

    address: str
    order: Order
    paths: tuple[str, ...]
    format: str
    names: tuple[str, ...]
    types: dict[str, pa.DataType]
    answered: pa.Schema | None
    target: str
    output_format: str
    workers: int | None
    batch_rows: int


def score_on_cluster(run: Run) -> Outcome:
    """Have the cluster do it, unless an earlier start has.

    Raises:
        HoldfastError: As of `score`; and a node cannot be had as sealed, or rows were lost.
    """
    kind = run.options.output_format or run.format
    _refuse_formats(run.options.engine, run.format, kind)
    book = _book(run, kind)
    if book.is_complete():
        there = _files(run.output)
        rows = _count(run.output, there, kind)
        return Outcome(rows=rows, rejected=0, files=len(there), before=len(there))
    book.open()
    _clear(run.output)
    staged = run.output / f"{_WRITING}/{uuid4().hex}"
    job = _job(run, staged, kind)
    _run(run.options.engine, job, run.tell)
    heed_refusals(job.order)
    outcome = _land(staged, run.output, kind, run.jobs)
    book.close()
    return outcome


def _book(run: Run, kind: str) -> Book:
    inputs = [job.split.identity for job in run.jobs]
    known_by = {
        "format": 1,
        "seal": run.model.digest,
        "engine": run.options.engine,
        "inputs": hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest(),
        "keep": list(run.options.keep),
        "output_format": kind,
    }
    return Book(run.output, known_by)


def _job(run: Run, staged: Place, kind: str) -> ClusterJob:
    receipts = _address(run.output / f"{OWN}/receipts")
    asked = {"keep": run.options.keep, "gap": run.gap, **asdict(run.how)}
    wanted = run.jobs[0].wanted
    return ClusterJob(
        address=run.options.address,
        order=place_order(run.model, receipts=receipts, **asked)[0],
        paths=tuple(_address(each.split.file.place) for each in run.jobs),
        format=run.format,
        names=tuple(wanted.names or ()),
        types=dict(wanted.types),
        answered=answer_schema(run.model),
        target=_address(staged),
        output_format=kind,
        workers=run.options.wanted_workers,
        batch_rows=run.options.batch_rows,
    )


def _refuse_formats(engine: str, *formats: str) -> None:
    for each in formats:
        if each not in _READ[engine]:
            raise InputError(
                f"{each} is not among what Holdfast has {engine} read and write: "
                f"{', '.join(_READ[engine])}",
                hint="leave --engine away, or have the files in another format",
            )


def _run(engine: str, job: ClusterJob, on_progress: Progress) -> None:
    if engine == "ray":
        from holdfast.score.ray_job import run_on_ray

        run_on_ray(job, on_progress)
    else:
        from holdfast.score.spark_job import run_on_spark

        run_on_spark(job, on_progress)


def _address(place: Place) -> str:
    """How an engine names a place: this machine's by its path, all others as the user did."""
    return place.path if place.is_local else place.name


def _clear(output: Place) -> None:
    """Take away what an earlier start had not finished: the book says that it is this run's."""
    with explained(output.name, "written"):
        for file in _files(output):
            output.system.delete_file(file)
        for name in (_WRITING, f"{OWN}/receipts"):
            output.system.delete_dir_contents((output / name).path, missing_dir_ok=True)


def _files(folder: Place) -> list[str]:
    """The data files that lie in a folder."""
    with explained(folder.name, "read"):
        found = folder.system.get_file_info(fs.FileSelector(folder.path, allow_not_found=True))
    return sorted(
        info.path for info in found if info.is_file and not info.base_name.startswith((".", "_"))
    )


def _count(folder: Place, files: Sequence[str], kind: str) -> int:
    if not files:
        return 0
    with explained(folder.name, "read"):
        found = dataset.dataset(list(files), filesystem=folder.system, format=_DATASET[kind])
        return int(found.count_rows())


def _land(staged: Place, output: Place, kind: str, jobs: Sequence[Job]) -> Outcome:
    """Bring what was written to its place, once no row is missing."""
    files = _files(staged)
    rows = _count(staged, files, kind)
    # Of text the rows before are a guess.
    if jobs[0].split.format == "parquet" and rows != (there := sum(job.rows or 0 for job in jobs)):
        raise ToolError(
            f"{rows} of {there} rows came to {output.name}",
            hint="the output has to be on a file system that the driver and all nodes share",
        )
    with explained(output.name, "written"):
        for file in files:
            output.system.move(file, (output / file.rpartition("/")[2]).path)
        output.system.delete_dir((output / _WRITING).path)
    return Outcome(rows=rows, rejected=0, files=len(files), before=0)
