"""Trying another lock on a sealed model: its environment, and the golden predictions in it.

The model and its seal stay as they are: what is made is an environment in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from holdfast.environment.store import Store
from holdfast.environment.use import refuse_changed
from holdfast.errors import HoldfastError, MismatchError, StoreError
from holdfast.lock.pylock import dumps
from holdfast.model import Model, read_golden
from holdfast.progress import Progress
from holdfast.restore.replay import replay
from holdfast.restore.restored import spec_of
from holdfast.worker.client import Worker


class Verdict(str, Enum):
    """What the golden predictions say."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    BREAKS = "breaks"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of trying a lock.

    Attributes:
        largest: By how much two numbers differ at most; None where that was not compared.
        reason: Why it breaks, or is not proven.
    """

    verdict: Verdict
    largest: float | None = None
    reason: str = ""

    @property
    def said(self) -> str:
        """In a few words."""
        if self.verdict is Verdict.IDENTICAL:
            return "safe: identical"
        if self.verdict is Verdict.DIFFERS:
            return f"differs by at most {self.largest:.3g}"
        return f"{'breaks' if self.verdict is Verdict.BREAKS else 'not proven'}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How locks are tried.

    Attributes:
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        timeout: Seconds for loading and predicting, each time.
        on_progress: Told what takes time.
    """

    offline: bool
    strict: bool
    timeout: float
    on_progress: Progress


def try_lock(model: Model, lock: Mapping[str, Any], how: How) -> Trial:
    """Restore `lock` for `model` and replay its golden predictions there.

    Args:
        model: The model, opened.
        lock: A PEP 751 lock, with the model's own wheels by their paths.
        how: How it is tried.

    Raises:
        MismatchError: A file of the model is not as it was sealed, or a download is not as locked.
        StoreError: The disk is full.
    """
    if not model.seal.golden.sha256:
        return Trial(verdict=Verdict.UNPROVEN, reason=model.seal.golden.reason)
    golden = read_golden(model)
    sealed = spec_of(model, None, offline=how.offline, on_progress=how.on_progress)
    # Records are of the versions that were installed; of others nothing is recorded.
    spec = replace(sealed, pylock=dumps(lock), records={})
    store = Store.open()
    model.check_files()
    try:
        environment = store.restore(
            spec, offline=how.offline, strict=how.strict, on_progress=how.on_progress
        )
        with store.lease(environment):
            refuse_changed(store, environment)
            how.on_progress("replaying the golden predictions")
            with Worker.start(
                environment.python, model.path, pycache=environment.pycache
            ) as worker:
                found = replay(golden, worker, timeout=how.timeout)
    except (MismatchError, StoreError):
        raise
    except HoldfastError as error:
        return Trial(verdict=Verdict.BREAKS, reason=error.message.splitlines()[0])
    if found.identical:
        return Trial(verdict=Verdict.IDENTICAL, largest=0.0)
    if not found.same_shape:
        return Trial(verdict=Verdict.BREAKS, reason=f"answers otherwise at {found.place}")
    return Trial(verdict=Verdict.DIFFERS, largest=found.largest)
