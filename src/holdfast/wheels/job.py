"""What the verb hands to those that do its parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from holdfast.environment.layout import Layout
from holdfast.lock.target import Target
from holdfast.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What `fetch` was asked for.

    Attributes:
        layout: The store.
        folder: What paths in the lock start from.
        indexes: (name, URL) of the lock's indexes.
        target: The Python that wheels are for.
        offline: Fetch nothing.
        on_progress: Told what takes time, a line at a time.
    """

    layout: Layout
    folder: Path
    indexes: tuple[tuple[str, str], ...]
    target: Target
    offline: bool
    on_progress: Progress
