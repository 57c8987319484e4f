"""Clusters of Ray's and Spark's: each node restores the environment once, verifies it, predicts."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta

import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from clusters import (
    check_output,
    kill_when_half_done,
    ray_cluster,
    spark_cluster,
    tampered,
    write_csv,
    write_input,
)
from tracking import tracking_server

pytestmark = pytest.mark.slow

FILES, ROWS = 12, 500

JOBS = {
    "ray": """
import sys

import ray

import holdfast

address, model, given, out, receipts = sys.argv[1:]
ray.init(address=address, log_to_driver=False)
given = ray.data.read_parquet(given).repartition(target_num_rows_per_block=500)
given.map_batches(
    **holdfast.ray(model, keep=["id"], workers=3, batch_rows=250, receipts=receipts)
).write_parquet(out)
""",
    "spark": """
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
""",
}


@pytest.fixture(scope="module", params=["ray", "spark"])
def cluster(request, engines, tmp_path_factory):
    start = {"ray": ray_cluster, "spark": spark_cluster}[request.param]
    # A short name: Ray's sockets lie below.
    with start(engines, tmp_path_factory.mktemp(request.param[0])) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def registry(cluster_models, tmp_path_factory):
    """An MLflow server whose `models:/doubles@champion` doubles."""
    with tracking_server(tmp_path_factory.mktemp("registry")) as url:
        client = MlflowClient(url)
        run = client.create_run(client.create_experiment("doubles"))
        client.log_artifacts(run.info.run_id, str(cluster_models / "slow"), "model")
        client.create_registered_model("doubles")
        client.create_model_version("doubles", f"{run.info.artifact_uri}/model", run.info.run_id)
        client.set_registered_model_alias("doubles", "champion", "1")
        yield url


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def job(cluster, engines, slow_model, tmp_path, out):
    """A user's own job, from `given` to `out`."""

    def run(given):
        where = (given, out, (tmp_path / "receipts").as_uri())
        script = JOBS[cluster.engine]
        return engines.drive(script, cluster.address, slow_model, *where, cwd=tmp_path)

    return run


@pytest.fixture
def score(cluster, engines, tmp_path):
    """`holdfast score`, from a machine that is no node."""

    def run(model, given, *options, **env):
        command = ("score", model, given, "-o", "out", "--keep", "id", "--json", *options)
        engine = ("--engine", cluster.engine, "--address", cluster.address)
        return engines.holdfast(*command, *engine, cwd=tmp_path, **env)

    return run


def test_each_node_builds_the_environment_once(cluster, job, tmp_path, out):
    ran = job(write_input(tmp_path / "in", FILES, ROWS))
    assert ran.code == 0, ran
    check_output(out, FILES * ROWS)
    assert [len(node.environments) for node in cluster.nodes] == [1, 1, 1]
    assert cluster.said("building an environment") == len(cluster.nodes)
    found = [json.loads(path.read_text()) for path in (tmp_path / "receipts").iterdir()]
    assert {str(node.home) in "".join(each["node"] for each in found) for node in cluster.nodes}
    assert [each["matches"] for each in found] == [True] * len(cluster.nodes)


def test_a_whole_run_from_files_to_files(cluster, score, slow_model, tmp_path, out):
    given = write_input(tmp_path / "in", FILES, ROWS)
    ran = score(slow_model, given, "--batch-rows", 250)
    assert ran.code == 0, ran
    scored = json.loads(ran.out)
    assert (scored["rows"], scored["before"]) == (FILES * ROWS, 0)
    check_output(out, FILES * ROWS)
    receipts = list((out / "_holdfast" / "receipts").iterdir())
    assert 1 <= len(receipts) <= len(cluster.nodes)
    again = json.loads(score(slow_model, given, "--batch-rows", 250).out)
    assert again["before"] == again["files"] == scored["files"]


def test_a_row_that_the_model_does_not_answer_stops_the_run(score, slow_model, tmp_path, out):
    ran = score(slow_model, write_csv(tmp_path / "in", 1000, bad=777), "--batch-rows", 1000)
    assert ran.code == 3, ran
    assert "the row with id 777: " in ran.err
    assert "x is below zero" in ran.err
    assert [path.name for path in out.iterdir()] == ["_holdfast"]


def test_text_is_read_in_the_signatures_types(score, slow_model, tmp_path, out):
    ran = score(slow_model, write_csv(tmp_path / "in", 1000), "--output-format", "parquet")
    assert ran.code == 0, ran
    table = pq.read_table(out).to_pydict()
    found = dict(zip(map(int, table["id"]), table["prediction"], strict=True))
    assert found == {one: one / 4 for one in range(1000)}


def test_predictions_are_of_any_type(score, cluster_models, tmp_path, out):
    ran = score(cluster_models / "kinds", write_input(tmp_path / "in", 2, 150))
    assert ran.code == 0, ran
    assert pq.read_table(out).sort_by("id").to_pylist() == [
        {
            "id": one,
            "count": one,
            "small": one % 256,
            "half": one / 16,
            "name": "odd" if one % 2 else "gerade",
            "known": None if one % 3 else "by three",
            "sure": one > 50,
            "when": datetime(2026, 11, 21) + timedelta(hours=one),  # noqa: DTZ001
        }
        for one in range(300)
    ]


def test_a_classifiers_answers_are_integers(score, cluster_models, tmp_path, out):
    ran = score(cluster_models / "classifier", write_input(tmp_path / "in", 2, 150))
    assert ran.code == 0, ran
    table = pq.read_table(out).sort_by("id")
    assert str(table.schema.field("prediction").type) == "int64"
    assert table["prediction"].to_pylist() == [int(one >= 24) for one in range(300)]


def test_an_alias_is_the_same_version_on_every_node(score, registry, tmp_path, out):
    given = write_input(tmp_path / "in", 2, 150)
    ran = score("models:/doubles@champion", given, MLFLOW_TRACKING_URI=registry)
    assert ran.code == 0, ran
    check_output(out, 300)
    receipts = (out / "_holdfast" / "receipts").iterdir()
    assert {json.loads(path.read_text())["model"] for path in receipts} == {"models:/doubles/1"}


def test_a_node_whose_environment_was_tampered_with_is_refused(cluster, job, tmp_path, out):
    given = write_input(tmp_path / "in", FILES, ROWS)
    with tampered(cluster.nodes[2]) as path:
        ran = job(given)
    assert ran.code == 1, ran
    assert str(cluster.nodes[2].home) in ran.err
    assert f"changed: {path}" in ran.err
    assert not list(out.rglob("*.parquet"))


def test_a_node_is_killed_in_the_middle(cluster, job, tmp_path, out):
    given = write_input(tmp_path / "in", FILES * 5, ROWS)
    files = {"ray": 3, "spark": 6}[cluster.engine]
    killing = threading.Thread(target=kill_when_half_done, args=(cluster.nodes[1], out, files))
    killing.start()
    ran = job(given)
    killing.join()
    assert ran.code == 0, ran
    assert cluster.nodes[1].process.poll() is not None
    check_output(out, FILES * 5 * ROWS)


def test_nodes_that_share_uvs_cache_need_no_index_and_the_driver_may_be_elsewhere(
    engines, slow_model, tmp_path, tmp_path_factory, out
):
    shared = {"UV_CACHE_DIR": str(tmp_path / "uv-cache")}
    ran = engines.holdfast("restore", slow_model, cwd=tmp_path, **shared)
    assert ran.code == 0, ran
    given = write_input(tmp_path / "in", 2, 150)
    with ray_cluster(engines, tmp_path_factory.mktemp("c"), nodes=2, **shared) as cluster:
        ran = engines.holdfast(
            *("score", slow_model, given, "-o", out, "--keep", "id", "--offline"),
            *("--engine", "ray", "--address", cluster.client),
            cwd=tmp_path,
        )
        assert ran.code == 0, ran
        assert [len(node.environments) for node in cluster.nodes] == [1, 1]
    check_output(out, 300)
