"""A whole run on a cluster, from files to files, through the engine's own readers and writers.

The driver looks into every file first, as on one machine. The engine writes into the output's
`_holdfast/`, where no reader looks; only when it is done, and its rows were counted, do the files
come to their place. The receipts of all nodes are gathered in `_holdfast/receipts/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyarrow import dataset, fs

from holdfast.errors import InputError, ToolError
from holdfast.model import Model
from holdfast.progress import Progress
from holdfast.score.book import OWN, Book
from holdfast.score.node import Order, heed_refusals
from holdfast.score.place import Place, explained
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


@dataclass(frozen=True, slots=True)
class Landed:
    """What came of it: rows, files, and whether an earlier start had done it all."""

    rows: int
    files: int
    before: bool


def score_on_cluster(  # noqa: PLR0913 - what `score` was told
    engine: str,
    address: str,
    model: Model,
    jobs: Sequence[Job],
    output: Place,
    *,
    workers: int | None,
    batch_rows: int,
    output_format: str | None,
    on_progress: Progress,
    **how: Any,
) -> Landed:
    """Run `jobs` on the cluster at `address`.

    Args:
        engine: "ray" or "spark".
        address: The cluster's.
        model: The model, opened.
        jobs: The input's files, looked into.
        output: A folder, which every node can write to.
        workers: How many predict at once, where the engine asks; None for what there is room for.
        batch_rows: The most rows that the model is given at once.
        output_format: "parquet", "csv" or "jsonl"; None: the input's.
        on_progress: Told what takes time.
        **how: The rest of an `Order`.

    Raises:
        HoldfastError: As of `score`; and a node cannot be had as sealed, or rows were lost.
    """
    kind = jobs[0].split.format
    wanted = output_format or kind
    _refuse_formats(engine, kind, wanted)
    inputs = [job.split.identity for job in jobs]
    identity = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    run = {"format": 1, "seal": model.digest, "engine": engine, "inputs": identity}
    book = Book(output, {**run, "keep": list(how.get("keep", ())), "output_format": wanted})
    if book.is_complete():
        there = _files(output)
        return Landed(_count(output, there, wanted), len(there), before=True)
    book.open()
    _clear(output)
    receipts = _address(output / f"{OWN}/receipts")
    staged = output / f"{_WRITING}/{uuid4().hex}"
    job = ClusterJob(
        address=address,
        order=place_order(model, receipts=receipts, **how)[0],
        paths=tuple(_address(each.split.file.place) for each in jobs),
        format=kind,
        names=tuple(jobs[0].wanted.names or ()),
        types=dict(jobs[0].wanted.types),
        answered=answer_schema(model),
        target=_address(staged),
        output_format=wanted,
        workers=workers,
        batch_rows=batch_rows,
    )
    _run(engine, job, on_progress)
    heed_refusals(job.order)
    landed = _land(staged, output, wanted, jobs)
    book.close()
    return landed


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


def _land(staged: Place, output: Place, kind: str, jobs: Sequence[Job]) -> Landed:
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
    return Landed(rows, len(files), before=False)
