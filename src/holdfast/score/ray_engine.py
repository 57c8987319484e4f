"""Predicting on Ray: what `Dataset.map_batches` takes, and whole jobs from files to files.

Ray reads and writes. Every node of the cluster is made ready (node.py) before the first row is
read, since Ray writes as it goes; nodes that come later make themselves ready in their first task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from holdfast.errors import HoldfastError, ToolError
from holdfast.extras import needed
from holdfast.model import Model
from holdfast.score.node import Order, make_ready
from holdfast.score.options import BATCH_ROWS
from holdfast.score.said import raised_in
from holdfast.score.task import answer, place_order, scorer_for

_CLIENT_NEEDS = "docs/score-clusters.md says what a driver elsewhere needs"


class Predicting:
    """An actor's part: the node is made ready when it starts, and a worker with it."""

    def __init__(self, order: Order) -> None:
        self._order = order
        scorer_for(order)

    def __call__(self, table: pa.Table) -> pa.Table:
        """The columns to keep, then the predictions."""
        batches = table.combine_chunks().to_batches()
        if not batches:
            return pa.table({})
        return pa.Table.from_batches([answer(self._order, batch) for batch in batches])


def ray(  # noqa: PLR0913 - an option means the same in every verb
    model: Model | str,
    *,
    keep: Iterable[str] = (),
    workers: int | None = None,
    batch_rows: int = BATCH_ROWS,
    receipts: str = "",
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    timeout: float = 300.0,
) -> dict[str, Any]:
    """What `map_batches` takes to predict with `model`, in its sealed environment on every node.

        matches.map_batches(**holdfast.ray("models:/m@champion", keep=["id"]))

    Connects to the cluster, if this process has not, and waits until each of its nodes has the
    environment and has verified it. Every node needs `holdfast[ray]` in its Python, of any version,
    and HOLDFAST_HOME or a home folder to keep environments in.

    Args:
        model: What `open_model` gives, or takes; the nodes open it, too.
        keep: The columns of the input that stand before the predictions.
        workers: How many predict at once, None for what there are processors for.
        batch_rows: How many rows the model gets at once.
        receipts: A folder, or URI of one, that each node writes its receipt to.
        slim: In an environment of only the packages that the model was seen to need.
        slim_include: Packages that this environment has in any case.
        offline: Fetch no package.
        strict: Refuse another patch release of Python than the sealed one.
        timeout: Seconds for loading, and for each batch.

    Raises:
        MismatchError: A node's model or environment is not as it was sealed; names it.
        HoldfastError: The model is not there, or a node cannot have its environment.
        ToolError: A node was lost, or has no Holdfast.
    """
    connect("")
    order, _ = place_order(
        model,
        keep=tuple(keep),
        receipts=receipts,
        slim=slim,
        slim_include=tuple(slim_include),
        offline=offline,
        strict=strict,
        timeout=timeout,
    )
    make_all_ready(order)
    return for_ray(order, workers=workers, batch_rows=batch_rows)


def connect(address: str) -> None:
    """Connect to the cluster at `address`, if this process has not; "": where RAY_ADDRESS says.

    Raises:
        ToolError: Ray is not installed, or does not answer.
    """
    with needed("ray", "scoring on Ray"):
        import ray as cluster
    if cluster.is_initialized():
        return
    try:
        cluster.init(address=address or None, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ToolError(
            f"Ray at {address or 'RAY_ADDRESS'} does not answer: {said[-1]}",
            hint=_CLIENT_NEEDS if address.startswith("ray://") else None,
        ) from error


def is_client() -> bool:
    """Whether this process is no part of the cluster, and speaks to it by Ray's client."""
    from ray.util.client import ray as client

    return bool(client.is_connected())


def for_ray(order: Order, *, workers: int | None, batch_rows: int) -> dict[str, Any]:
    """The arguments of `map_batches`: actors, as many as Ray finds processors for, or `workers`."""
    from ray.data import ActorPoolStrategy

    return {
        "fn": Predicting,
        "fn_constructor_kwargs": {"order": order},
        "batch_format": "pyarrow",
        "batch_size": batch_rows,
        "zero_copy_batch": True,
        "compute": ActorPoolStrategy(size=workers) if workers else ActorPoolStrategy(min_size=1),
        "num_cpus": 1,
    }


def make_all_ready(order: Order) -> list[dict[str, Any]]:
    """Make every node of the cluster ready that tasks can run on, at once; their receipts.

    Raises:
        MismatchError: A node's model or environment is not as it was sealed; names it.
        HoldfastError: A node cannot have the model or its environment.
        ToolError: A node was lost, or has no Holdfast.
    """
    import ray as cluster
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

    ready = cluster.remote(num_cpus=0, max_retries=0)(_receipt)
    nodes = [
        node["NodeID"] for node in cluster.nodes() if node["Alive"] and node["Resources"].get("CPU")
    ]
    asked = [
        ready.options(scheduling_strategy=OnNode(node, soft=False)).remote(order) for node in nodes
    ]
    with explained():
        receipts: list[dict[str, Any]] = cluster.get(asked)
    return receipts


def _receipt(order: Order) -> dict[str, Any]:
    return make_ready(order)[1]


@contextmanager
def explained() -> Iterator[None]:
    """Raise what a task raised, not what Ray says around it."""
    from ray import exceptions

    try:
        yield
    except exceptions.RayError as error:
        raise _cause(error) from error


def _cause(error: BaseException) -> HoldfastError:
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, HoldfastError):
            return inner
        inner = getattr(inner, "cause", None) or inner.__cause__
    # Of what an actor raises only the text comes along.
    return raised_in(str(error)) or ToolError(
        f"Ray failed: {error}",
        hint="is holdfast[ray] installed on every node, in the version that is here?",
    )
