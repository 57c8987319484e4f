"""What one `save_model` has said so far, and the seal at its end.

A flavor saves a model in one thread, from top to bottom: it asks what the model needs, or is told,
and then writes its files. Between those calls of the hook the thread's `_Session` remembers.

Logging never loses a model: whatever goes wrong in here, the model is logged, its grade falls, and
the reason stands in the seal and in one warning. Only two wishes of the user's raise: a required
grade, and MLflow's own `MLFLOW_REQUIREMENTS_INFERENCE_RAISE_ERRORS`.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from holdfast.capture.gather import gather
from holdfast.capture.material import Material
from holdfast.capture.words import with_words
from holdfast.capture.write import renew_mlmodel, write_inferred, write_seal_of
from holdfast.errors import HoldfastError, SealError
from holdfast.project.discover import find_project
from holdfast.project.settings import Settings, read_settings
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Seal

_logger = logging.getLogger("holdfast")
_TRUE = {"1", "true"}


@dataclass(slots=True)
class _Session:
    """What is known so far.

    Attributes:
        asked_for: The path whose requirements were asked for, or "" where they were not.
        words: The requirements the user named, after MLflow has read them.
        constraints: The constraints the user named.
        material: What the project gave.
    """

    asked_for: str = ""
    words: tuple[str, ...] | None = None
    constraints: tuple[str, ...] = ()
    material: Material | None = None


_here = threading.local()


def _session() -> _Session:
    if not hasattr(_here, "session"):
        _here.session = _Session()
    session: _Session = _here.session
    return session


def _new_session() -> _Session:
    """Forget what an earlier save, which did not come to its end, has left."""
    material = _session().material
    if material is not None:
        material.close()
    _here.session = _Session()
    return _session()


def pins_are_installed() -> bool:
    """Whether what MLflow was told is just what is installed: there is nothing to compare."""
    session = _session()
    return session.material is not None and session.words is None and bool(session.material.pins)


def is_on() -> bool:
    """Whether models are sealed here."""
    return not _settings().off


def requirements_for(model_uri: object) -> list[str] | None:
    """What the model that is being saved needs, as exact pins; None to let MLflow infer it.

    Raises:
        HoldfastError: Nothing could be made of the project, and the user asked for an error.
    """
    if not is_on():
        return None
    session = _new_session()
    session.asked_for = str(model_uri)
    if os.environ.get("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT") == "0":
        reason = "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT=0 switched inference off"
        session.material = Material.nothing(_settings(), reason)
        return []
    session.material = gather(_settings())
    if session.material.grade is Grade.INFERRED:
        if _raises():
            raise SealError("; ".join(session.material.reasons))
        return None
    return list(session.material.pins)


def remember_words(requirements: list[str], constraints: list[str]) -> None:
    """Keep what the user wants of packages, as MLflow read it."""
    session = _session()
    session.words = tuple(requirements)
    session.constraints = tuple(constraints)


def seal_saved_model(folder: Path) -> None:
    """Seal the model that a flavor has just finished writing into `folder`.

    Raises:
        SealError: The seal does not reach the required grade.
    """
    session, _here.session = _session(), _Session()
    if not (folder / "MLmodel").is_file() or not is_on():
        return
    settings = _settings()
    seal = _sealed(folder, session, settings)
    if not seal.grade.reaches(settings.require_grade):
        raise SealError(
            f"the seal is {seal.grade.value!r}, and {settings.require_grade.value!r} is required: "
            + "; ".join(seal.reasons),
            hint="mend that and log again, or lower require-grade in [tool.holdfast]",
        )
    if seal.reasons:
        _logger.warning("holdfast: sealed as %r: %s", seal.grade.value, "; ".join(seal.reasons))
    else:
        _logger.info("holdfast: sealed as %r", seal.grade.value)


def renew_digests(folder: Path) -> None:
    """`MLmodel` in a sealed folder was written once more: put its new digest into the seal."""
    try:
        renew_mlmodel(folder)
    except (HoldfastError, OSError):
        _logger.warning("holdfast: the seal in %s could not be renewed", folder, exc_info=True)


def _sealed(folder: Path, session: _Session, settings: Settings) -> Seal:
    inside = session.asked_for and Path(session.asked_for).is_relative_to(folder)
    if not inside:  # asked for another model, or not at all: the user's words are all there is
        session.material = None
    material = session.material or gather(settings)
    started = material
    try:
        if session.words is not None and not material.switched_off:
            material = with_words(material, session.words, session.constraints, adds=bool(inside))
        return write_seal_of(folder, material)
    except Exception as error:
        if _raises():
            raise
        _logger.debug("holdfast: sealing failed", exc_info=True)
        said = (
            error.message
            if isinstance(error, HoldfastError)
            else f"{type(error).__name__}: {error}"
        )
        return write_inferred(folder, settings, f"sealing failed: {said}")
    finally:
        started.close()


def _settings() -> Settings:
    """The project's settings; where they cannot be read, the defaults, and the seal says so."""
    try:
        project = find_project()
        return read_settings(project.pyproject if project else {})
    except HoldfastError as error:
        _logger.warning("holdfast: %s", error)
        return Settings()


def _raises() -> bool:
    value = os.environ.get("MLFLOW_REQUIREMENTS_INFERENCE_RAISE_ERRORS", "")
    return value.lower() in _TRUE
