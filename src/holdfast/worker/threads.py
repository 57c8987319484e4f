"""Threads: as many as a batch is worth.

Models start the threads that they were trained with, mostly one for each core. For a few rows that
costs more than it gains, most of all on a busy machine; and workers share the cores. So a
small batch gets one thread, a large one at most its worker's share. No answer depends on it.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Iterator

# From about this many rows on, threads are worth starting.
LARGE = 1000
_MOST_VISITED = 20_000
_DEEPEST = 8
_PLAIN = (str, bytes, int, float, type(None))

Setting = Callable[[bool], None]


class Threads:
    """Sets the threads of what a model is made of.

    Args:
        model: The flavor's wrapper.
        share: How many threads a large batch may use.
    """

    def __init__(self, model: Any, share: int) -> None:
        self._settings: list[Setting] = list(_settings(model, max(1, share)))
        self._large: bool | None = None

    def fit(self, rows: int) -> None:
        """Set them for a batch of `rows` rows."""
        large = rows >= LARGE
        if large is not self._large:
            self._large = large
            for setting in self._settings:
                setting(large)


def _settings(model: Any, share: int) -> Iterator[Setting]:
    # Listed first: setting the threads of one part may make another.
    for part in list(_parts(model)):
        own = getattr(part, "__dict__", {}).get("n_jobs")
        if type(own) is int:
            yield _jobs(part, min(_effective(own), share))
        module = type(part).__module__.split(".")[0]
        if module in _BOOSTERS:
            yield from _BOOSTERS[module](part, share)
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "set_num_threads"):
        yield lambda large: torch.set_num_threads(share if large else 1)


def _parts(model: Any) -> Iterator[Any]:
    """The objects that a model is made of: steps of pipelines, estimators of ensembles."""
    seen: set[int] = set()
    waiting = [(model, 0)]
    while waiting and len(seen) < _MOST_VISITED:
        part, depth = waiting.pop()
        if id(part) in seen or depth > _DEEPEST:
            continue
        seen.add(id(part))
        inside: list[Any] = []
        if isinstance(part, (list, tuple)):
            inside = list(part)
        elif isinstance(part, dict):
            inside = list(part.values())
        elif hasattr(type(part), "predict") or hasattr(type(part), "get_params"):
            yield part
            inside = list(getattr(part, "__dict__", {}).values())
        waiting += [(each, depth + 1) for each in inside if not isinstance(each, _PLAIN)]


def _effective(jobs: int) -> int:
    """What joblib means: -1 is every core, -2 all but one."""
    return jobs if jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + jobs)


def _jobs(part: Any, many: int) -> Setting:
    def setting(large: bool) -> None:  # noqa: FBT001 - a Setting
        part.n_jobs = many if large else 1

    return setting


def _lightgbm(part: Any, share: int) -> Iterator[Setting]:
    """A scikit-learn one has its threads in `n_jobs`, a plain Booster is told at each call."""
    if type(part).__name__ == "Booster":
        yield _argument(part, "num_threads", share)
    elif type(getattr(part, "n_jobs", 0)) is not int:
        yield _jobs(part, share)


def _xgboost(part: Any, share: int) -> Iterator[Setting]:
    booster = part if type(part).__name__ == "Booster" else None
    if hasattr(part, "get_booster"):
        booster = part.get_booster()
        yield _jobs(part, share)
    if booster is not None:
        yield lambda large: booster.set_param({"nthread": share if large else 1})


def _catboost(part: Any, share: int) -> Iterator[Setting]:
    yield _argument(part, "thread_count", share)


def _argument(part: Any, name: str, share: int) -> Setting:
    """Give `part.predict` one more argument, unless the caller does."""
    predict, threads = part.predict, {name: 1}

    def limited(*args: Any, **options: Any) -> Any:
        return predict(*args, **{**threads, **options})

    part.predict = limited

    def setting(large: bool) -> None:  # noqa: FBT001 - a Setting
        threads[name] = share if large else 1

    return setting


_BOOSTERS = {"lightgbm": _lightgbm, "xgboost": _xgboost, "catboost": _catboost}
