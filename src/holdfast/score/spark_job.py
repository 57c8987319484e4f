"""A whole run on Spark: DataFrames read, map and write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from holdfast.errors import HoldfastError, ToolError
from holdfast.extras import needed
from holdfast.progress import Progress
from holdfast.score.cluster import ClusterJob
from holdfast.score.said import raised_in
from holdfast.score.spark_engine import brought_to, for_spark, in_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# As RFC 4180 has CSV, which is how Arrow, and pandas, read and write it.
_CSV = {"header": True, "escape": '"'}
_READING = {**_CSV, "multiLine": True, "enforceSchema": False, "mode": "FAILFAST"}


def run_on_spark(job: ClusterJob, on_progress: Progress) -> None:
    """Read, predict and write on the cluster.

    Raises:
        HoldfastError: A node cannot be made ready, a row does not fit, or the model fails on it.
        ToolError: Spark failed.
    """
    with explained(), _session(job.address) as session:
        on_progress("predicting on Spark")
        session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(job.batch_rows))
        given = _read(session, job)
        keep = given.select(*_quoted(job.order.keep)).schema if job.order.keep else None
        predicted = given.mapInArrow(*for_spark(job.order, job.answered, keep))
        _write(predicted, job)


@contextmanager
def _session(address: str) -> Iterator[SparkSession]:
    """This process's session, or one on the cluster at `address`, which ends with the run."""
    with needed("spark", "scoring on Spark"):
        from pyspark.sql import SparkSession
    there = SparkSession.getActiveSession()
    builder = SparkSession.builder.appName("holdfast score")
    if address.startswith("sc://"):
        builder = builder.remote(address)
    elif address:
        builder = builder.master(address)
    session = there or builder.getOrCreate()
    try:
        yield session
    finally:
        if there is None:
            session.stop()


def _read(session: SparkSession, job: ClusterJob) -> DataFrame:
    paths = [_spark_name(path) for path in job.paths]
    if job.format == "parquet":
        given = session.read.parquet(*paths)
    elif job.format == "csv":
        names = session.read.options(**_CSV).csv(paths[0]).columns
        schema = ", ".join(_column(job, name, "string") for name in names)
        given = session.read.options(**_READING).schema(schema).csv(paths)
    else:
        looks = {
            field.name: field.dataType.simpleString() for field in session.read.json(paths).schema
        }
        schema = ", ".join(_column(job, name, looks.get(name, "string")) for name in job.names)
        given = session.read.options(mode="FAILFAST").schema(schema).json(paths)
    return given.select(*_quoted(job.names))


def _column(job: ClusterJob, name: str, otherwise: str) -> str:
    kind = otherwise
    if name in job.types:
        kind = in_spark(brought_to(job.types[name], name), name).simpleString()
    return f"{_quoted([name])[0]} {kind}"


def _quoted(names: tuple[str, ...] | list[str]) -> list[str]:
    return [f"`{name.replace('`', '``')}`" for name in names]


def _write(predicted: DataFrame, job: ClusterJob) -> None:
    target = _spark_name(job.target)
    if job.output_format == "parquet":
        predicted.write.parquet(target)
    elif job.output_format == "csv":
        predicted.write.options(**_CSV).csv(target)
    else:
        predicted.write.json(target)


def _spark_name(path: str) -> str:
    """Hadoop's names of what Arrow calls otherwise; without a scheme, this machine's disk."""
    if path.startswith("s3://"):
        return "s3a://" + path.removeprefix("s3://")
    return path if "://" in path else f"file://{path}"


@contextmanager
def explained() -> Iterator[None]:
    """Raise what a task raised, not what Spark says around it."""
    try:
        yield
    except HoldfastError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark.", "py4j.")):
            raise
        raise _cause(str(error)) from error


def _cause(text: str) -> HoldfastError:
    return raised_in(text) or ToolError(
        f"Spark failed: {text.strip()[:2000]}",
        hint="is holdfast[spark] installed on every node, in the version that is here?",
    )
