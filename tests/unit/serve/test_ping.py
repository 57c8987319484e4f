from __future__ import annotations

from holdfast.serve.ping import is_ready, ports


def test_it_looks_where_the_server_was_told_to_be_and_where_it_is_by_default():
    assert ports({}) == [8000]
    assert ports({"HOLDFAST_SERVE_PORT": "8080"}) == [8080, 8000]
    named = {"SAGEMAKER_BIND_TO_PORT": "9000", "HOLDFAST_SERVE_PORT": "8080"}
    assert ports(named) == [9000, 8080, 8000]
    assert ports({"HOLDFAST_SERVE_PORT": "8000; rm"}) == [8000]


def test_nobody_there_is_not_ready():
    assert not is_ready([1])
