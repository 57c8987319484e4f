"""Verifying: compare, in this order, what is needed before the next thing may be opened.

Model files, packages, installed bytes, strays, Python, predictions. Nothing of the model is loaded
as long as a byte of it, or of its environment, is not as it was sealed.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

from holdfast.errors import MismatchError
from holdfast.model import Model, open_model
from holdfast.progress import Progress, silent
from holdfast.restore.restore import restore
from holdfast.restore.restored import Restored
from holdfast.verify import checks
from holdfast.verify.receipt import Check, Receipt, Status


@dataclass(slots=True, kw_only=True)
class _Verifying:
    """One verification under way."""

    model: Model
    options: checks.Options
    on_progress: Progress
    restored: Restored | None = None
    done: list[Check] = field(default_factory=list)


def verify(  # noqa: PLR0913 - an option means the same in every verb
    model: Model | str | os.PathLike[str],
    *,
    tolerance: float = 0.0,
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    timeout: float = 300.0,
    load: bool = True,
    on_progress: Progress = silent,
) -> Receipt:
    """Compare a model and its restored environment with the seal, and replay its predictions.

    Args:
        model: What `open_model` gives, or takes.
        tolerance: Predictions may differ by this much; 0 for not by a bit.
        slim: In an environment of only the packages that the model was seen to need.
        slim_include: Packages that this environment has in any case.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python; count bytecode in the environment.
        timeout: Seconds for loading and predicting.
        load: Whether to load the model; else Python and the predictions are not compared.
        on_progress: Told what takes time, a line at a time.

    Returns:
        The receipt. That something does not match is a result, not an exception.

    Raises:
        HoldfastError: It could not be verified: no such model, no network, no such Python.
    """
    opened = model if isinstance(model, Model) else open_model(model)
    options = checks.Options(
        tolerance=tolerance,
        slim=slim,
        slim_include=tuple(slim_include),
        offline=offline,
        strict=strict,
        timeout=timeout,
        load=load,
    )
    verifying = _Verifying(model=opened, options=options, on_progress=on_progress)
    for check in _each(verifying):
        verifying.done.append(check)
    return _receipt(verifying)


def _each(verifying: _Verifying) -> Iterator[Check]:
    model, options = verifying.model, verifying.options
    if model.registered is not None and model.registered.seal:
        yield checks.registry(model)
    verifying.on_progress("hashing the model's files")
    yield checks.model_files(model)
    if _broken(verifying):
        yield from map(_skipped, ("packages", "installed-files", "strays", *checks.IN_THE_WORKER))
        return
    try:
        verifying.restored = restore(
            model,
            slim=options.slim,
            slim_include=options.slim_include,
            offline=options.offline,
            strict=options.strict,
            on_progress=verifying.on_progress,
        )
    except MismatchError as error:
        yield Check(name="packages", status=Status.MISMATCH, summary=error.message)
        yield from map(_skipped, ("installed-files", "strays", *checks.IN_THE_WORKER))
        return
    restored = verifying.restored
    yield checks.packages(restored)
    verifying.on_progress("hashing the environment's files")
    inspection = restored.store.inspect(restored.environment)
    yield checks.installed_files(restored, inspection)
    yield checks.strays(inspection, options)
    if _broken(verifying):
        yield from map(_skipped, checks.IN_THE_WORKER)
        return
    if not options.load:
        yield from map(_left_out, checks.IN_THE_WORKER)
        return
    verifying.on_progress("replaying the golden predictions")
    yield from checks.in_the_worker(restored, options)


def _broken(verifying: _Verifying) -> bool:
    return any(check.status is Status.MISMATCH for check in verifying.done)


def _skipped(name: str) -> Check:
    return Check(name=name, status=Status.SKIPPED, summary="not compared: see above")


def _left_out(name: str) -> Check:
    return Check(name=name, status=Status.SKIPPED, summary="not compared: the model was not loaded")


def _receipt(verifying: _Verifying) -> Receipt:
    restored = verifying.restored
    return Receipt(
        model=verifying.model.uri,
        seal=verifying.model.digest,
        grade=verifying.model.seal.grade.value,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        environment=restored.environment.key if restored else "",
        machine={
            "holdfast": version("holdfast"),
            "platform": platform.platform(),
            "python": restored.environment.python_version if restored else "",
            "uv": _uv_version(),
        },
        checks=tuple(verifying.done),
        slim=restored.slim if restored else None,
    )


def _uv_version() -> str:
    """The version of uv; "" in an image, which has everything and so does without."""
    try:
        return version("uv")
    except PackageNotFoundError:
        return ""
