"""What is served, in words: the model, its seal, its environment, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.page.markup import Markup, element, join, other
from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.pool.pool import Pool
from holdfast.units import size

# How a worker calls the model (worker/ways.py).
_WAYS = {
    "array": "a NumPy array, past MLflow's checks, which the gateway has made",
    "frame": "a DataFrame, past MLflow's checks, which the gateway has made",
    "pyfunc": "all that MLflow does",
}


def identity(endpoint: Endpoint, pool: Pool) -> Markup:
    """A table: what, and what it is."""
    rows = (
        element("tr", element("th", name, scope="row"), element("td", value))
        for name, value in _facts(endpoint, pool)
    )
    return element("table", element("tbody", *rows))


def version(pool: Pool) -> str:
    """The registry's version, or else the start of the seal's digest."""
    known = pool.restored.model.registered
    return f"version {known.version} of {known.name}" if known else f"seal {pool.version}"


def _facts(endpoint: Endpoint, pool: Pool) -> Iterable[tuple[str, Markup]]:
    model, environment = pool.restored.model, pool.restored.environment
    yield "Model", other(endpoint.uri, 1000)
    if model.uri != endpoint.uri:
        yield "Which is now", other(model.uri, 1000)
    if endpoint.main.failed:
        yield "Refused", other(f"{endpoint.main.failed.uri}: {endpoint.main.failed.why}", 1000)
    yield "Version", other(pool.version)
    yield "Seal", _code(model.digest)
    yield "Grade", join(model.seal.grade.value)
    yield "Python", other(f"{model.seal.python.implementation} {environment.python_version}")
    yield "Packages", join(_packages(pool))
    yield "Environment", _code(environment.key)
    yield "MLflow", other(str(pool.loaded.get("mlflow") or "—"))
    yield "Batching", join(_batching(pool))
    yield "Asked with", join(other(_WAYS.get(pool.way, pool.way)), *_because(pool))
    yield from _beside(endpoint)


def _beside(endpoint: Endpoint) -> Iterable[tuple[str, Markup]]:
    """What else stands under this name."""
    if endpoint.canary:
        weight = endpoint.canary.share.weight
        yield "Canary", join(other(endpoint.canary.track.uri, 1000), f", {weight:g} % of requests")
    if endpoint.shadow:
        tally = endpoint.shadow.tally
        said = f": {tally.agreed} answers agreed, {tally.disagreed} did not"
        yield "Shadow", join(other(endpoint.shadow.track.uri, 1000), said)


def _packages(pool: Pool) -> str:
    slim, sealed = pool.restored.slim, pool.restored.model.seal.distributions
    if slim:
        return f"{slim.packages} of {slim.whole_packages}, {size(slim.bytes)}: slim"
    installed = sum(one.size for one in sealed.values())
    return f"{len(sealed)}, {size(installed)}" if installed else str(len(sealed))


def _batching(pool: Pool) -> str:
    if pool.by_row:
        return "requests that wait are predicted together"
    return "one request at a time"


def _because(pool: Pool) -> list[Markup]:
    return [element("small", other(pool.why, 500), class_="soft because")] if pool.why else []


def _code(digest: str) -> Markup:
    return element("code", other(digest))
