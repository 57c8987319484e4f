"""Writing a seal into the folder of a model that a flavor has just saved.

MLflow's own files are rewritten from the lock, so that stock MLflow restores the same versions
(`mlflow_files.py`). The seal comes last; when anything fails before it, the folder is as the flavor
left it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdfast.capture.code import with_own_code
from holdfast.capture.describe import describe
from holdfast.capture.material import Material
from holdfast.capture.mlflow_files import OF_MLFLOW, write_from_lock, write_from_pins
from holdfast.capture.predictions import Prediction, predict_example
from holdfast.capture.project_files import write_project
from holdfast.lock.pylock import dumps
from holdfast.page.write import with_page
from holdfast.project.settings import Settings
from holdfast.redact import redact
from holdfast.seal.digest import LOCK_FILE, digest_bytes, digest_folder
from holdfast.seal.golden import GOLDEN_FILE
from holdfast.seal.grade import Grade
from holdfast.seal.seal import (
    Seal,
    SealedGolden,
)
from holdfast.seal.store import to_json, write_file, write_seal


def write_seal_of(folder: Path, material: Material, about: Any = None) -> Seal:
    """Seal the model in `folder` with `material`; `about` is MLflow's `Model` of it."""
    with _as_it_was(folder):
        if material.pylock is not None:
            write_file(folder / LOCK_FILE, dumps(material.pylock).encode())
            write_from_lock(folder, material.pylock, material)
        elif material.grade is Grade.PINNED:
            write_from_pins(folder, material)
        write_project(folder, material)
        material = with_own_code(folder, material, about)
        prediction = predict_example(folder, material.settings)
        # What only predicting imports is known now.
        material = with_own_code(folder, material, about)
        return _write_seal(folder, material.judged(), prediction)


def write_inferred(folder: Path, settings: Settings, reasons: tuple[str, ...]) -> Seal:
    """Seal the model in `folder` as it is, with nothing vouched for."""
    material = Material(settings=settings, reasons=reasons)
    reason = reasons[-1]
    with _as_it_was(folder):
        return _write_seal(folder, material, Prediction(golden=None, reason=reason))


def _write_seal(folder: Path, material: Material, prediction: Prediction) -> Seal:
    golden = b""
    if prediction.golden is not None:
        golden = to_json(prediction.golden.to_dict())
        write_file(folder / GOLDEN_FILE, golden)
    lock = folder / LOCK_FILE
    seal = describe(
        material,
        lock=digest_bytes(lock.read_bytes()) if lock.is_file() else "",
        golden=SealedGolden(
            sha256=digest_bytes(golden) if golden else "",
            rows=prediction.rows,
            repeatable=prediction.repeatable,
            reason=redact(prediction.reason),
        ),
        files=digest_folder(folder),
    )
    seal = with_page(folder, seal, prediction.golden)
    write_seal(folder, seal)
    return seal


@contextmanager
def _as_it_was(folder: Path) -> Iterator[None]:
    """When what is done inside fails, `folder` is again as the flavor left it."""
    before = _contents(folder)
    try:
        yield
    except BaseException:
        (folder / LOCK_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder / "holdfast", ignore_errors=True)
        for name, data in before.items():
            write_file(folder / name, data)
        raise


def _contents(folder: Path) -> Mapping[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OF_MLFLOW if (folder / name).is_file()}
