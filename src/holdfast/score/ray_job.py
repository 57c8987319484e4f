"""A whole run on Ray: `ray.data` reads, maps and writes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.csv

from holdfast.progress import Progress
from holdfast.score.cluster import ClusterJob
from holdfast.score.ray_engine import connect, explained, for_ray, is_client, make_all_ready

# Batches of a block: what a node has to do again where another one is lost, and an output file.
_BLOCK = 8


def run_on_ray(job: ClusterJob, on_progress: Progress) -> None:
    """Read, predict and write on the cluster.

    Raises:
        HoldfastError: A node cannot be made ready, a row does not fit, or the model fails on it.
        ToolError: Ray failed.
    """
    with explained():
        connect(job.address)
        on_progress("making every node ready")
        make_all_ready(job.order)
        on_progress("predicting on Ray")
        if is_client():
            _run_there(job)
        else:
            _run(job)


def _run_there(job: ClusterJob) -> None:
    """Run it in a task of the cluster: `ray.data` does not run at a client's end of `ray://`."""
    import ray as cluster

    cluster.get(cluster.remote(num_cpus=0, max_retries=0)(_run).remote(job))


def _run(job: ClusterJob) -> None:
    # By itself Ray makes one block of what is small, and one node would do all.
    given = _read(job).repartition(target_num_rows_per_block=_BLOCK * job.batch_rows)
    predicted = given.map_batches(
        **for_ray(job.order, workers=job.workers, batch_rows=job.batch_rows)
    )
    write = predicted.write_csv if job.output_format == "csv" else predicted.write_parquet
    write(job.target)


def _read(job: ClusterJob) -> Any:
    from ray import data

    paths, names = list(job.paths), list(job.names)
    if job.format == "parquet":
        return data.read_parquet(paths, columns=names)
    # As on one machine: what the signature does not name is text, as it stands.
    convert = pa.csv.ConvertOptions(
        column_types={name: job.types.get(name, pa.string()) for name in names},
        include_columns=names,
        strings_can_be_null=True,
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    return data.read_csv(paths, convert_options=convert, parse_options=parse, partitioning=None)
