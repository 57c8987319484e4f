"""`holdfast image --dockerfile`: for who must build with one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from holdfast.image.texts.context import write_dockerfile
from holdfast.model import open_model
from holdfast.progress import Progress, silent
from holdfast.restore.findings import Finding
from holdfast.restore.restore import restore


def build_dockerfile(  # noqa: PLR0913 - an option means the same in every verb
    uri: str | os.PathLike[str],
    folder: Path,
    *,
    base: str | None = None,
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    on_progress: Progress = silent,
) -> Path:
    """A Dockerfile for a model and the folder that it is built in; see `write_dockerfile`."""
    model = open_model(uri)
    finding = None
    if slim:
        restored = restore(
            model,
            slim=True,
            slim_include=slim_include,
            offline=offline,
            strict=strict,
            on_progress=on_progress,
        )
        finding = Finding.of(restored)
    return write_dockerfile(
        model, folder, slim=finding, base=base or "", offline=offline, on_progress=on_progress
    )
