"""Restoring: from a model to the environment that its seal names, whole or slim."""

from __future__ import annotations

import os

from holdfast.model import Model, open_model
from holdfast.restored import Restored, restore_packages
from holdfast.sealed_lock import LOCK, Progress


def _silence(_: str) -> None:
    """For a caller who wants no progress."""


def restore(
    model: Model | str | os.PathLike[str],
    *,
    offline: bool = False,
    strict: bool = False,
    on_progress: Progress = _silence,
) -> Restored:
    """The environment of `model`, from the store, or built if it is not there.

    Only the lock and the wheels of the model are opened, after they were compared with the seal.

    Args:
        model: What `open_model` gives, or takes.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        on_progress: Told what takes time, a line at a time.

    Raises:
        HoldfastError: The model cannot be opened, or its environment cannot be had; each leaf says
            which.
    """
    opened = model if isinstance(model, Model) else open_model(model)
    return restore_packages(opened, offline=offline, strict=strict, on_progress=on_progress)


__all__ = ["LOCK", "Progress", "Restored", "restore"]
