"""The smallest part of a model's environment that is proven to give the same predictions.

What the model loads is seen in a worker of the whole environment while the golden predictions run;
the part of the lock that those packages need is restored by itself, and accepted only if the golden
predictions replay there to the bit. What was found is kept by the seal's digest, so that it is not
looked for again: a kept finding names packages, and the lock still says what their bytes are.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import tomli
from packaging.utils import canonicalize_name

from holdfast.environment.inventory import Inventory
from holdfast.errors import InputError, ModelError, SealError
from holdfast.lock.slim import (
    SKINNY_MLFLOW,
    WHOLE_MLFLOW,
    Needs,
    came_along,
    needs_of,
    part,
    unknown,
)
from holdfast.model import Model, read_golden
from holdfast.progress import Progress
from holdfast.restore.findings import Finding, all_included, recall, remember
from holdfast.restore.lock import read_lock
from holdfast.restore.replay import replay
from holdfast.restore.restored import Restored, Slim, open_worker, restore_packages
from holdfast.worker.client import TIMEOUT

# What was only loaded is tried without where that makes so much of a difference, so many times.
_WORTH_TRYING = 0.1
_MOST_TRIES = 3
_NOT_ENOUGH = (InputError, ModelError)
_ONLY_WHOLE = "leave --slim (slim=True) away, for the whole environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for: see `restore_slim`. `included` holds the seal's names too, sorted."""

    model: Model
    included: tuple[str, ...]
    offline: bool
    strict: bool
    on_progress: Progress
    timeout: float

    def restore(self, names: frozenset[str] | None = None) -> Restored:
        return restore_packages(
            self.model,
            names,
            offline=self.offline,
            strict=self.strict,
            on_progress=self.on_progress,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """What is known of the whole environment while a part of it is looked for.

    Attributes:
        inventory: What is in it.
        needs: Which package of it needs which.
        seen: Those that the model loaded.
        own: The project's own package.
    """

    asked: _Asked
    inventory: Inventory
    needs: Needs
    seen: frozenset[str]
    own: frozenset[str]

    def part_without(self, unused: frozenset[str], *, skinny: bool) -> frozenset[str]:
        names = (self.seen - unused).union(self.asked.included)
        return part(self.needs, names, own=self.own, skinny=skinny)


def restore_slim(
    model: Model,
    include: Iterable[str] = (),
    *,
    offline: bool,
    strict: bool,
    on_progress: Progress,
    timeout: float = TIMEOUT,
) -> Restored:
    """The slim environment of `model`.

    Args:
        model: The model, opened.
        include: Names of packages to keep, with what they need, besides the seal's `slim-include`.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        on_progress: Told what takes time, a line at a time.
        timeout: Seconds for loading and predicting, each time.

    Raises:
        SealError: Nothing proves that a part would do: no golden predictions, or none that repeat.
        LockError: The lock does not say which package needs which.
        InputError: A name in `include` is no package of the lock here.
        ModelError: The golden predictions do not replay in any part that was tried; where a module
            was missing, it is named.
        HoldfastError: The environment cannot be had.
    """
    _refuse_unprovable(model)
    asked = _Asked(
        model=model,
        included=all_included(model, include),
        offline=offline,
        strict=strict,
        on_progress=on_progress,
        timeout=timeout,
    )
    return _recalled(asked) or _found(asked)


def _recalled(asked: _Asked) -> Restored | None:
    """The environment that was proven before, if it comes out as that one here and now."""
    finding = recall(asked.model, asked.included)
    if finding is None:
        return None
    kept = asked.restore(finding.names)
    # The same packages on the same Python: where either is another, it is looked for again.
    return replace(kept, slim=finding.slim) if kept.environment.key == finding.key else None


def _found(asked: _Asked) -> Restored:
    slim = _smallest(_search(asked))
    remember(asked.model, asked.included, Finding.of(slim))
    return slim


def _search(asked: _Asked) -> _Search:
    whole = asked.restore()
    inventory = whole.environment.inventory()
    lock = read_lock(asked.model, offline=asked.offline, on_progress=asked.on_progress)
    needs = needs_of(tomli.loads(lock)["packages"], [one.name for one in inventory.distributions])
    if strange := unknown(needs, asked.included):
        raise InputError(
            f"slim-include names what the lock does not have here: {', '.join(strange)}",
            hint="`holdfast show --packages` lists what it has",
        )
    asked.on_progress("seeing what the model loads")
    return _Search(
        asked=asked,
        inventory=inventory,
        needs=needs,
        seen=_seen(whole, asked.timeout) & needs.keys(),
        own=frozenset({str(canonicalize_name(asked.model.seal.project.name))}),
    )


def _refuse_unprovable(model: Model) -> None:
    """Without golden predictions that repeat, nothing can show that a part is enough."""
    golden = model.seal.golden
    if golden.sha256 and golden.repeatable:
        return
    why = "repeatable golden predictions" if golden.sha256 else "golden predictions"
    hint = "log the model with an input_example, or " if not golden.sha256 else ""
    raise SealError(
        f"{model.uri} has no {why} to prove a slim environment by: {golden.reason}",
        hint=hint + _ONLY_WHOLE,
    )


def _seen(whole: Restored, timeout: float) -> frozenset[str]:
    """The distributions that are loaded once the golden predictions have run."""
    with open_worker(whole) as worker:
        found = replay(read_golden(whole.model), worker, timeout=timeout)
        if not found.identical:
            raise ModelError(
                f"{whole.model.uri} does not give its golden predictions in the whole environment "
                f"either: they differ by {found.largest:g} at {found.place}",
                hint="holdfast verify says more; " + _ONLY_WHOLE,
            )
        distributions = worker.observe(timeout=timeout).get("distributions")
    return frozenset(distributions if isinstance(distributions, dict) else ())


def _smallest(search: _Search) -> Restored:
    """The smallest part that was proven."""
    skinny = SKINNY_MLFLOW in search.needs and WHOLE_MLFLOW not in search.asked.included
    perhaps = _worth_trying(search, skinny=skinny)
    # Mostly all of them can go, or none.
    with suppress(*_NOT_ENOUGH):
        if perhaps:
            return _proven(search, frozenset(perhaps), skinny=skinny)
    try:
        kept = _proven(search, frozenset(), skinny=skinny)
    except _NOT_ENOUGH:
        if not skinny or WHOLE_MLFLOW not in search.seen:
            raise
        search.asked.on_progress(f"{SKINNY_MLFLOW} is not enough: trying with {WHOLE_MLFLOW}")
        return _proven(search, frozenset(), skinny=False)
    return _without_each(search, kept, perhaps, skinny=skinny) if len(perhaps) > 1 else kept


def _without_each(search: _Search, kept: Restored, perhaps: list[str], *, skinny: bool) -> Restored:
    """`kept`, or what was proven without those of `perhaps` that can go."""
    unused: frozenset[str] = frozenset()
    for name in perhaps:
        with suppress(*_NOT_ENOUGH):
            kept = _proven(search, unused | {name}, skinny=skinny)
            unused |= {name}
    return kept


def _worth_trying(search: _Search, *, skinny: bool) -> list[str]:
    """Names of what may have been loaded only because it was there, the largest first."""
    kept = search.part_without(frozenset(), skinny=skinny)
    candidates = came_along(
        search.needs, kept, search.seen - set(search.asked.included), own=search.own
    )
    all_bytes = search.inventory.bytes_of(kept)
    freed = {
        name: all_bytes
        - search.inventory.bytes_of(search.part_without(frozenset({name}), skinny=skinny))
        for name in candidates
    }
    worth = [name for name in freed if freed[name] > all_bytes * _WORTH_TRYING]
    return sorted(worth, key=lambda name: (-freed[name], name))[:_MOST_TRIES]


def _proven(search: _Search, unused: frozenset[str], *, skinny: bool) -> Restored:
    """The part without `unused`, once the golden predictions have replayed in it.

    Raises:
        ModelError: They do not.
    """
    names = search.part_without(unused, skinny=skinny)
    tried = f"trying {len(names)} of {len(search.needs)} packages"
    search.asked.on_progress(f"{tried}, without {', '.join(sorted(unused))}" if unused else tried)
    restored = search.asked.restore(names)
    if names != search.needs.keys():
        _check(search, restored)
    left_out = search.needs.keys() - names
    slim = Slim(
        packages=len(names),
        bytes=search.inventory.bytes_of(names),
        whole_packages=len(search.needs),
        whole_bytes=search.inventory.bytes_of(search.needs),
        left_out=tuple(sorted(left_out)),
        unused=tuple(sorted(unused & left_out)),
        included=search.asked.included,
    )
    return replace(restored, slim=slim)


def _check(search: _Search, restored: Restored) -> None:
    """Replay the golden predictions in a part.

    Raises:
        ModelError: It is not enough.
    """
    golden = read_golden(search.asked.model)
    try:
        with open_worker(restored) as worker:
            found = replay(golden, worker, timeout=search.asked.timeout)
    except _NOT_ENOUGH as error:
        missing = error.missing if isinstance(error, ModelError) else ""
        raise _not_enough(search, error.message, missing) from error
    if not found.identical:
        differ = f"its golden predictions differ by {found.largest:g} at {found.place}"
        raise _not_enough(search, differ)


def _not_enough(search: _Search, why: str, missing: str = "") -> ModelError:
    name = search.inventory.package_of(missing) if missing else ""
    if missing:
        origin = f", of the package {name}" if name else ""
        why = f"it lacks the module {missing}{origin}, which was not seen to be loaded"
    wish = name or "NAME"
    return ModelError(
        f"a slim environment is not enough for {search.asked.model.uri}: {why}",
        hint=f"--slim-include {wish}, or when logging [tool.holdfast] slim-include = "
        f'["{wish}"]; or {_ONLY_WHOLE}',
        missing=missing,
    )
