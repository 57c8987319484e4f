"""Restoring: from a model to the environment that its seal names, whole or slim."""

from __future__ import annotations

import os
from collections.abc import Iterable

from holdfast.model import Model, open_model
from holdfast.progress import Progress, silent
from holdfast.restore.restored import Restored, restore_packages


def restore(
    model: Model | str | os.PathLike[str],
    *,
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    on_progress: Progress = silent,
) -> Restored:
    """The environment of `model`, from the store, or built if it is not there.

    Only the lock and the wheels of the model are opened, after they were compared with the seal;
    for a slim environment the model is loaded as well, in a worker, when it is first looked for.

    Args:
        model: What `open_model` gives, or takes.
        slim: Only the packages that the model was seen to need, once the golden predictions have
            replayed with them to the bit.
        slim_include: Packages that a slim environment has in any case.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        on_progress: Told what takes time, a line at a time.

    Raises:
        HoldfastError: The model cannot be opened, its environment cannot be had, or no slim one is
            enough; each leaf says which.
    """
    opened = model if isinstance(model, Model) else open_model(model)
    if slim:
        from holdfast.restore.slim import restore_slim

        return restore_slim(
            opened, slim_include, offline=offline, strict=strict, on_progress=on_progress
        )
    return restore_packages(opened, offline=offline, strict=strict, on_progress=on_progress)
