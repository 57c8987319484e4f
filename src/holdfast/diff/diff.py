"""Comparing two sealed models: what each part of them says, part by part."""

from __future__ import annotations

import os

from holdfast.diff.answers import Replaying, golden_change, replayed_changes
from holdfast.diff.code import code_changes, is_code
from holdfast.diff.difference import FileChange, ModelDiff, Side
from holdfast.diff.metadata import (
    asked_changes,
    metadata_changes,
    project_changes,
    python_changes,
    seal_changes,
    signature_changes,
)
from holdfast.diff.packages import package_changes
from holdfast.model import Model, open_model
from holdfast.progress import Progress, silent
from holdfast.seal.digest import LOCK_FILE

# Files that say in their own words what another part of the comparison says.
_SAID_ELSEWHERE = {
    *("MLmodel", LOCK_FILE, "requirements.txt", "conda.yaml", "python_env.yaml"),
}


def diff(  # noqa: PLR0913 - an option means the same in every verb
    a: Model | str | os.PathLike[str],
    b: Model | str | os.PathLike[str],
    *,
    replay: bool = False,
    tolerance: float = 0.0,
    offline: bool = False,
    strict: bool = False,
    timeout: float = 300.0,
    on_progress: Progress = silent,
) -> ModelDiff:
    """How the model `b` differs from the model `a`.

    What names a model and no other (its id, its run, when it was logged) is no difference. Nothing
    of the models is loaded, unless `replay` is true.

    Args:
        a: What `open_model` gives, or takes.
        b: The same.
        replay: Ask each model, in its own environment, for the other's golden input.
        tolerance: Predictions may differ by this much; 0 for not by a bit.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        timeout: Seconds for loading and predicting, of each model.
        on_progress: Told what takes time, a line at a time.

    Raises:
        MismatchError: A file that had to be opened is not as it was sealed.
        HoldfastError: A model cannot be opened or restored; each leaf says why.
    """
    on_progress("opening")
    one, other = (model if isinstance(model, Model) else open_model(model) for model in (a, b))
    on_progress("comparing")
    answers = [golden_change(one, other, tolerance)]
    if replay:
        how = Replaying(
            tolerance=tolerance,
            offline=offline,
            strict=strict,
            timeout=timeout,
            on_progress=on_progress,
        )
        answers += replayed_changes(one, other, how)
    return ModelDiff(
        a=_side(one),
        b=_side(other),
        seal=seal_changes(one.seal, other.seal),
        python=python_changes(one.seal, other.seal),
        project=project_changes(one.seal, other.seal),
        asked=asked_changes(one, other),
        packages=package_changes(one, other),
        code=code_changes(one, other),
        files=_files(one, other),
        signature=signature_changes(one, other),
        metadata=metadata_changes(one, other),
        answers=tuple(answers),
    )


def _side(model: Model) -> Side:
    seal = model.seal
    return Side(model=model.uri, seal=model.digest, grade=seal.grade.value, created=seal.created)


def _files(a: Model, b: Model) -> tuple[FileChange, ...]:
    """The model's own files, by the digests that the seals have of them."""
    before, after = a.seal.files, b.seal.files
    return tuple(
        FileChange(
            path=path,
            before=before[path].size if path in before else None,
            after=after[path].size if path in after else None,
        )
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path) and not _is_said_elsewhere(path)
    )


def _is_said_elsewhere(path: str) -> bool:
    return path in _SAID_ELSEWHERE or path.startswith("holdfast/") or is_code(path)
