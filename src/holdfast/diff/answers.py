"""What two models answer: as they were logged, and each to the other's golden input."""

from __future__ import annotations

import math
from dataclasses import dataclass

from holdfast.diff.difference import AnswerChange, finite
from holdfast.errors import InputError, ModelError
from holdfast.model import Model, read_golden
from holdfast.progress import Progress
from holdfast.restore.replay import replay
from holdfast.restore.restore import restore
from holdfast.restore.restored import open_worker
from holdfast.seal.agreement import Agreement, compare
from holdfast.seal.golden import Golden


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaying:
    """How models are asked; see `diff`."""

    tolerance: float
    offline: bool
    strict: bool
    timeout: float
    on_progress: Progress


def golden_change(a: Model, b: Model, tolerance: float) -> AnswerChange:
    """What both answered when they were logged."""
    lacking = [(name, one) for name, one in (("a", a), ("b", b)) if not one.seal.golden.sha256]
    if lacking:
        name, one = lacking[0]
        # Where neither has any, that is no difference.
        same = None if len(lacking) > 1 else False
        return AnswerChange(
            what="golden",
            same=same,
            summary=f"{name} has no golden predictions: {one.seal.golden.reason}",
        )
    before, after = read_golden(a), read_golden(b)
    if (before.given, before.params) != (after.given, after.params):
        summary = "the models were logged with other inputs: --replay asks each for the other's"
        return AnswerChange(what="golden", same=False, summary=summary)
    found = compare(before.answer, after.answer)
    repeatable = a.seal.golden.repeatable and b.seal.golden.repeatable
    rows = f"{a.seal.golden.rows} rows, one input"
    return _change("golden", rows, found, tolerance, repeatable=repeatable)


def replayed_changes(a: Model, b: Model, how: Replaying) -> tuple[AnswerChange, ...]:
    """What each answers now to the other's golden input, against what the other answered then."""
    return (_replayed("b answers a", a, b, how), _replayed("a answers b", b, a, how))


def _replayed(what: str, asked: Model, answers: Model, how: Replaying) -> AnswerChange:
    if not asked.seal.golden.sha256:
        return AnswerChange(what=what, same=None, summary="there is no golden input to ask")
    golden = read_golden(asked)
    how.on_progress(f"asking {answers.uri}")
    try:
        found = _replay(golden, answers, how)
    except (InputError, ModelError) as error:
        return AnswerChange(what=what, same=False, summary=f"it does not predict: {error.message}")
    repeatable = asked.seal.golden.repeatable and answers.seal.golden.repeatable
    rows = f"{asked.seal.golden.rows} rows"
    return _change(what, rows, found, how.tolerance, repeatable=repeatable)


def _replay(golden: Golden, model: Model, how: Replaying) -> Agreement:
    restored = restore(model, offline=how.offline, strict=how.strict, on_progress=how.on_progress)
    with open_worker(restored) as worker:
        return replay(golden, worker, timeout=how.timeout)


def _change(
    what: str, rows: str, found: Agreement, tolerance: float, *, repeatable: bool
) -> AnswerChange:
    same, said = found.within(tolerance), "identical to the bit"
    if not found.identical:
        if not found.same_shape:
            said = f"another shape or type at {found.place}"
        elif math.isinf(found.largest):
            said = f"something that is no number differs at {found.place}"
        else:
            said = f"the largest difference is {found.largest:g}, at {found.place}"
    if not repeatable and found.same_shape:
        same, said = True, f"{said}; not repeatable, so only shape and type count"
    return AnswerChange(
        what=what,
        same=same,
        summary=f"{rows}: {said}",
        largest=finite(found.largest),
        place=found.place,
    )
