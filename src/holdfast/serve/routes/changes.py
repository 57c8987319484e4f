"""Metrics of what changes while it is served: versions, receipts, canaries, shadows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.endpoint.shadow import ShadowTally
from holdfast.serve.endpoint.track import Track

T = TypeVar("T")

# "main", "canary" or "shadow".
_PART = ("model", "part")
_COUNTERS: tuple[tuple[str, str, Callable[[Track], float]], ...] = (
    ("holdfast_model_changes", "Other versions that took over.", lambda track: track.changes),
    (
        "holdfast_model_change_failures",
        "Times that another version should have taken over, and did not.",
        lambda track: track.failures,
    ),
)
_GAUGES: tuple[tuple[str, str, Callable[[Track], float | None]], ...] = (
    (
        "holdfast_model_change_failed",
        "Whether another version than the one that is wanted is served.",
        lambda track: float(track.failed is not None),
    ),
    (
        "holdfast_registry_silent",
        "Whether the registry does not say what an alias names.",
        lambda track: float(bool(track.silent)),
    ),
    (
        "holdfast_receipt_matches",
        "Whether the last receipt matches; nothing as long as there is none.",
        lambda track: None if track.receipt is None else float(track.receipt.matches),
    ),
)
_OUTCOMES = ("agreed", "disagreed", "failed", "dropped")


def each_of(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    table: Iterable[tuple[str, str, Callable[[T], float | None]]],
    names: Sequence[str],
    subjects: Sequence[tuple[Sequence[str], T]],
) -> Iterator[Metric]:
    """A metric for each row of a table: its name, what it says, how it is read of a subject.

    Args:
        family: Counters or gauges.
        table: The rows; what is read as None is left out.
        names: Of the labels.
        subjects: Labels, and what is read.
    """
    for name, said, read in table:
        metric = family(name, said, labels=names)
        for labels, subject in subjects:
            value = read(subject)
            if value is not None:
                metric.add_metric(labels, value)
        yield metric


def of_changes(endpoints: Iterable[Endpoint]) -> Iterator[Metric]:
    """The metrics of all endpoints."""
    tracks = [
        ((endpoint.name, part), track)
        for endpoint in endpoints
        for part, track in endpoint.tracks.items()
    ]
    yield from each_of(CounterMetricFamily, _COUNTERS, _PART, tracks)
    yield from each_of(GaugeMetricFamily, _GAUGES, _PART, tracks)
    weight = GaugeMetricFamily(
        "holdfast_canary_weight_percent", "The canary's share.", labels=("model",)
    )
    for endpoint in endpoints:
        if endpoint.canary is not None:
            weight.add_metric((endpoint.name,), endpoint.canary.share.weight)
    yield weight
    yield from _of_shadows(
        [(endpoint.name, one.tally) for endpoint in endpoints if (one := endpoint.shadow)]
    )


def _of_shadows(tallies: list[tuple[str, ShadowTally]]) -> Iterator[Metric]:
    answers = CounterMetricFamily(
        "holdfast_shadow_answers",
        "Requests by how the shadow's answer stands to the one that was given.",
        labels=("model", "outcome"),
    )
    largest = GaugeMetricFamily(
        "holdfast_shadow_difference_largest", "Between two numbers.", labels=("model",)
    )
    mean = GaugeMetricFamily(
        "holdfast_shadow_difference_mean", "Of the numbers that differ.", labels=("model",)
    )
    for name, tally in tallies:
        for outcome in _OUTCOMES:
            answers.add_metric((name, outcome), getattr(tally, outcome))
        largest.add_metric((name,), tally.largest)
        mean.add_metric((name,), tally.mean)
    yield from (answers, largest, mean)
