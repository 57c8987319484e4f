"""A cluster of Ray's: every node restores the environment once, verifies it, and predicts."""

from __future__ import annotations

import json
import threading

import pytest

from clusters import check_output, kill_when_half_done, ray_cluster, tampered, write_input

pytestmark = pytest.mark.slow

FILES, ROWS = 12, 500

JOB = """
import sys

import ray

import holdfast

address, model, given, out, receipts = sys.argv[1:]
ray.init(address=address, log_to_driver=False)
given = ray.data.read_parquet(given, override_num_blocks=12)
given.map_batches(
    **holdfast.ray(model, keep=["id"], batch_rows=250, receipts=receipts)
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
    job = threading.Thread(target=kill_when_half_done, args=(cluster.nodes[1], out, FILES))
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
