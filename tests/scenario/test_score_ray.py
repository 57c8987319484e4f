"""A cluster of Ray's: every node restores the environment once, verifies it, and predicts."""

from __future__ import annotations

import json
import threading

import pyarrow.parquet as pq
import pytest

from clusters import (
    check_output,
    kill_when_half_done,
    ray_cluster,
    tampered,
    write_csv,
    write_input,
)

pytestmark = pytest.mark.slow

FILES, ROWS = 12, 500

JOB = """
import sys

import ray

import holdfast

address, model, given, out, receipts = sys.argv[1:]
ray.init(address=address, log_to_driver=False)
given = ray.data.read_parquet(given).repartition(target_num_rows_per_block=500)
given.map_batches(
    **holdfast.ray(model, keep=["id"], workers=3, batch_rows=250, receipts=receipts)
).write_parquet(out)
"""


@pytest.fixture(scope="module")
def cluster(engines, tmp_path_factory):
    with ray_cluster(engines, tmp_path_factory.mktemp("r")) as cluster:
        yield cluster


def test_each_node_builds_the_environment_once(cluster, engines, slow_model, tmp_path):
    given = write_input(tmp_path / "in", FILES, ROWS)
    out, receipts = tmp_path / "out", tmp_path / "receipts"
    ran = engines.drive(JOB, cluster.address, slow_model, given, out, receipts, cwd=tmp_path)
    assert ran.code == 0, ran
    check_output(out, FILES * ROWS)
    assert [len(node.environments) for node in cluster.nodes] == [1, 1, 1]
    assert cluster.said("building an environment") == len(cluster.nodes)
    found = [json.loads(path.read_text()) for path in receipts.iterdir()]
    assert {str(node.home) in "".join(each["node"] for each in found) for node in cluster.nodes}
    assert [each["matches"] for each in found] == [True] * len(cluster.nodes)


def test_a_node_is_killed_in_the_middle(cluster, engines, slow_model, tmp_path):
    given = write_input(tmp_path / "in", FILES * 5, ROWS)
    out, receipts = tmp_path / "out", tmp_path / "receipts"
    job = threading.Thread(target=kill_when_half_done, args=(cluster.nodes[1], out, 3))
    job.start()
    ran = engines.drive(JOB, cluster.address, slow_model, given, out, receipts, cwd=tmp_path)
    job.join()
    assert ran.code == 0, ran
    assert cluster.nodes[1].process.poll() is not None
    check_output(out, FILES * 5 * ROWS)


def test_a_node_whose_environment_was_tampered_with_is_refused(
    cluster, engines, slow_model, tmp_path
):
    given = write_input(tmp_path / "in", FILES, ROWS)
    out, receipts = tmp_path / "out", tmp_path / "receipts"
    with tampered(cluster.nodes[2]) as path:
        ran = engines.drive(JOB, cluster.address, slow_model, given, out, receipts, cwd=tmp_path)
    assert ran.code == 1, ran
    assert str(cluster.nodes[2].home) in ran.err
    assert f"changed: {path}" in ran.err
    assert not out.exists()


def test_a_whole_run_from_files_to_files(cluster, engines, slow_model, tmp_path):
    given = write_input(tmp_path / "in", FILES, ROWS)
    run = ("score", slow_model, given, "-o", "out", "--keep", "id", "--batch-rows", 250)
    run += ("--engine", "ray", "--address", cluster.address, "--json")
    ran = engines.holdfast(*run, cwd=tmp_path)
    assert ran.code == 0, ran
    scored = json.loads(ran.out)
    assert (scored["rows"], scored["before"]) == (FILES * ROWS, 0)
    check_output(tmp_path / "out", FILES * ROWS)
    receipts = list((tmp_path / "out" / "_holdfast" / "receipts").iterdir())
    assert 1 <= len(receipts) <= len(cluster.nodes)
    again = json.loads(engines.holdfast(*run, cwd=tmp_path).out)
    assert again["before"] == again["files"] == scored["files"]


def test_a_row_that_the_model_does_not_answer_stops_the_run(cluster, engines, slow_model, tmp_path):
    given = write_csv(tmp_path / "in", 1000, bad=777)
    run = ("score", slow_model, given, "-o", "out", "--engine", "ray", "--address")
    ran = engines.holdfast(*run, cluster.address, "--batch-rows", 1000, cwd=tmp_path)
    assert ran.code == 3, ran
    assert "row 777 of the batch" in ran.err
    assert "x is below zero" in ran.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["_holdfast"]
    good = write_csv(tmp_path / "good", 1000)
    run = ("score", slow_model, good, "-o", "rest", "--keep", "id", "--engine", "ray", "--address")
    ran = engines.holdfast(*run, cluster.address, "--output-format", "parquet", cwd=tmp_path)
    assert ran.code == 0, ran
    table = pq.read_table(tmp_path / "rest")
    found = dict(
        zip(map(int, table["id"].to_pylist()), table["prediction"].to_pylist(), strict=True)
    )
    assert found == {one: one / 4 for one in range(1000)}
