"""A standalone cluster of Spark's: every node restores the environment once, and predicts."""

from __future__ import annotations

import json

import pytest

from clusters import check_output, spark_cluster, write_input

pytestmark = pytest.mark.slow

FILES, ROWS = 12, 500

JOB = """
import sys

from pyspark.sql import SparkSession

import holdfast

address, model, given, out, receipts = sys.argv[1:]
spark = SparkSession.builder.master(address).config("spark.ui.enabled", "false").config(
    "spark.executor.memory", "600m").config("spark.driver.host", "127.0.0.1").config(
    "spark.sql.files.openCostInBytes", str(1 << 27)).config(
    "spark.sql.execution.arrow.maxRecordsPerBatch", "250").getOrCreate()
given = spark.read.parquet(given)
function, schema = holdfast.spark(model, keep=given.select("id").schema, receipts=receipts)
given.mapInArrow(function, schema).write.parquet(out)
"""


@pytest.fixture(scope="module")
def cluster(engines, tmp_path_factory):
    with spark_cluster(engines, tmp_path_factory.mktemp("s")) as cluster:
        yield cluster


def test_each_node_builds_the_environment_once(cluster, engines, slow_model, tmp_path):
    given = write_input(tmp_path / "in", FILES, ROWS)
    out, receipts = tmp_path / "out", tmp_path / "receipts"
    ran = engines.drive(
        JOB, cluster.address, slow_model, given, out, receipts.as_uri(), cwd=tmp_path
    )
    assert ran.code == 0, ran
    check_output(out, FILES * ROWS)
    assert [len(node.environments) for node in cluster.nodes] == [1, 1, 1]
    assert cluster.said("building an environment") == len(cluster.nodes)
    found = [json.loads(path.read_text()) for path in receipts.iterdir()]
    assert {str(node.home) in "".join(each["node"] for each in found) for node in cluster.nodes}
    assert [each["matches"] for each in found] == [True] * len(cluster.nodes)
