"""The folder that a Dockerfile is built in: everything that it copies, and the Dockerfile."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

from holdfast.environment.spec import Spec
from holdfast.errors import InputError, MismatchError
from holdfast.image.inside.config import image_config
from holdfast.image.inside.labels import image_labels
from holdfast.image.texts.dockerfile import FIRST_LINE, Wanted, dockerfile
from holdfast.image.texts.own_wheel import write_own_wheel
from holdfast.image.texts.recipe import LATE_LOCKS, write_recipe
from holdfast.model import Model, describe
from holdfast.progress import Progress, silent
from holdfast.restore.findings import Finding, as_file
from holdfast.restore.lock import late_lock_file
from holdfast.restore.restored import spec_of
from holdfast.seal.digest import SEAL_FILE, compare_folder, digest_file, inside

_DOCKERFILE = "Dockerfile"
_OURS = {_DOCKERFILE, "environment", "gateway", "model", "slim.json"}


def write_dockerfile(
    model: Model,
    folder: Path,
    *,
    slim: Finding | None = None,
    base: str = "",
    offline: bool = False,
    on_progress: Progress = silent,
) -> Path:
    """Write a Dockerfile for `model` and its context into `folder`.

    Args:
        model: The model.
        folder: Made if it is not there; what an earlier call wrote there is replaced.
        slim: With only the packages of this finding.
        base: The default of the Dockerfile's argument BASE: an image of a registry.
        offline: Fetch nothing; only a seal without a lock needs that.
        on_progress: Told what takes time.

    Returns:
        The Dockerfile.

    Raises:
        InputError: `folder` holds something else, or a word of the model's cannot be written.
        MismatchError: The model is not as it was sealed.
        SealError: It has no lock, and none can be made offline.
    """
    model.check_recorded()
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        made = Path(scratch, "context")
        only = None if slim is None else slim.names
        spec = spec_of(model, only, offline=offline, on_progress=on_progress)
        _fill(made, model, spec)
        _describe(made, model, slim, base)
        _open_to_read(made)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    return folder / _DOCKERFILE


def _refuse_foreign(folder: Path) -> None:
    """Replace nothing but what was written by us."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if not folder.exists() or not there:
        return
    try:
        ours = (folder / _DOCKERFILE).read_text(encoding="utf-8").startswith(FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        ours = False
    if not ours or there - _OURS:
        raise InputError(
            f"{folder} holds something else than an earlier Dockerfile of Holdfast's",
            hint="name a folder that is new or empty",
        )


def _fill(made: Path, model: Model, spec: Spec) -> None:
    """Everything that is copied into the image."""
    _copy_model(model, made / "model")
    recipe = made / "environment"
    write_recipe(spec, recipe)
    for wheel in model.seal.wheels:
        _copy(inside(made / "model", wheel.path), inside(recipe, wheel.path))
    if not model.seal.lock:
        kept = late_lock_file(model)
        _copy(kept, recipe / LATE_LOCKS / kept.name)


def _describe(made: Path, model: Model, slim: Finding | None, base: str) -> None:
    """The Dockerfile, and Holdfast itself."""
    gateway = made / "gateway"
    gateway.mkdir()
    requirements = files("holdfast.image.inside") / "gateway.txt"
    (gateway / "requirements.txt").write_bytes(requirements.read_bytes())
    included = () if slim is None else slim.slim.included
    if slim is not None:
        _, finding = as_file(model, included, slim)
        (made / "slim.json").write_bytes(finding)
    labels = image_labels(model, "", "")
    wanted = Wanted(
        python=model.seal.python.version,
        config=image_config({}, labels, slim=slim is not None, slim_include=included),
        base=base,
        wheel=write_own_wheel(gateway).name,
        slim=slim is not None,
    )
    (made / _DOCKERFILE).write_text(dockerfile(wanted), encoding="utf-8")


def _copy_model(model: Model, target: Path) -> None:
    """Copy what is sealed; the copy is what is compared, so nobody can swap a file in between."""
    for path in (*model.seal.files, SEAL_FILE):
        source = inside(model.path, path)
        if not source.is_file():
            raise MismatchError(f"{model.uri} is not as it was sealed: missing {path!r}")
        _copy(source, inside(target, path))
    comparison = compare_folder(target, model.seal.files)
    if not comparison.matches:
        raise MismatchError(f"{model.uri} is not as it was sealed: {describe(comparison)}")
    if digest_file(target / SEAL_FILE).sha256 != model.digest:
        raise MismatchError(f"{model.uri}: its seal was replaced while it was copied")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target, follow_symlinks=False)


def _open_to_read(made: Path) -> None:
    """Builders keep the modes that they find; the image runs as another user."""
    for folder, _, names in os.walk(made):
        Path(folder).chmod(0o755)
        for name in names:
            Path(folder, name).chmod(0o644)
