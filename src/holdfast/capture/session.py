"""What one `save_model` has said so far, and the seal at its end.

A flavor saves a model in one thread, from top to bottom: it asks what the model needs, or is told,
and then writes its files. Between those calls of the hook the thread's `_Session` remembers.

Logging never loses a model: whatever goes wrong in here, the model is logged, its grade falls, and
the reason stands in the seal and in one warning. Only two wishes of the user's raise: a required
grade, and MLflow's own `MLFLOW_REQUIREMENTS_INFERENCE_RAISE_ERRORS`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from holdfast.capture.amend import renew_mlmodel
from holdfast.capture.gather import gather
from holdfast.capture.log import logger as _logger
from holdfast.capture.material import Material
from holdfast.capture.words import only_of_conda, with_words
from holdfast.capture.write import write_inferred, write_seal_of
from holdfast.errors import HoldfastError, SealError
from holdfast.project.discover import find_project
from holdfast.project.settings import Settings, readable_settings
from holdfast.redact import redact_said
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Seal

_TRUE = {"1", "true"}


@dataclass(slots=True)
class _Session:
    """What is known so far.

    Attributes:
        asked_for: The path whose requirements were asked for, or "" where they were not.
        words: The requirements the user named, after MLflow has read them.
        constraints: The constraints the user named.
        project: The folder of the project that the user named, or "".
        material: What the project gave.
    """

    asked_for: str = ""
    project: str = ""
    words: tuple[str, ...] | None = None
    constraints: tuple[str, ...] = ()
    material: Material | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wishes:
    """What the user wants, and why some of it could not be read."""

    settings: Settings
    problems: tuple[str, ...]


class _Thread(threading.local):
    """What each thread knows: its save, what MLflow was asked for, and the model last written."""

    def __init__(self) -> None:
        self.about: tuple[Path, Callable[[], object]] = (Path(), lambda: None)
        self.session = _Session()
        self.extras: tuple[str, ...] = ()
        self.groups: tuple[str, ...] = ()
        self.project = ""


_here = _Thread()


def _new_session() -> _Session:
    """Forget what an earlier save, which did not come to its end, has left."""
    if _here.session.material is not None:
        _here.session.material.close()
    _here.session = _Session()
    return _here.session


def pins_are_installed() -> bool:
    """Whether what MLflow was told is just what is installed: there is nothing to compare."""
    session = _here.session
    return session.material is not None and session.words is None and bool(session.material.pins)


def is_on() -> bool:
    """Whether models are sealed here."""
    return not _wishes().settings.off


@contextmanager
def asked_for(
    extras: Iterable[str], groups: Iterable[str], project: str | os.PathLike[str] | None = None
) -> Iterator[None]:
    """MLflow's own words for uv, while it looks for what a model needs.

    Args:
        extras: `uv_extras`.
        groups: `uv_groups`.
        project: `uv_project_path`; where that was not given, MLflow names the working directory.
    """
    _here.extras, _here.groups = tuple(extras), tuple(groups)
    _here.project = "" if project is None or _is_here(project) else os.fspath(project)
    try:
        yield
    finally:
        _here.extras, _here.groups, _here.project = (), (), ""


def _is_here(folder: str | os.PathLike[str]) -> bool:
    try:
        return Path(folder) == Path.cwd()
    except OSError:
        return True


def requirements_for(model_uri: object) -> list[str] | None:
    """What the model that is being saved needs, as exact pins; None to let MLflow infer it.

    Raises:
        HoldfastError: Nothing could be made of the project, and the user asked for an error.
    """
    settings = _wishes(_here.project).settings
    if settings.off:
        return None
    session = _new_session()
    session.asked_for = str(model_uri)
    session.project = _here.project
    if os.environ.get("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT") == "0":
        reason = "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT=0 switched inference off"
        session.material = Material.nothing(settings, reason)
        return []
    session.material = _gathered(settings, session.project)
    if session.material.grade is Grade.INFERRED:
        if _raises():
            raise SealError(redact_said("; ".join(session.material.reasons), os.environ))
        return None
    return list(session.material.pins)


def remember_words(requirements: list[str], constraints: list[str]) -> None:
    """Keep what the user wants of packages, as MLflow read it."""
    _here.session.words = tuple(requirements)
    _here.session.constraints = tuple(constraints)


def agree(requirements: list[str]) -> bool:
    """Whether an exact pin among `requirements`, all of one package, meets the others."""
    try:
        read = [Requirement(line) for line in requirements]
    except InvalidRequirement:
        return False
    pins = [one for each in read for one in each.specifier if one.operator == "=="]
    return bool(pins) and all(
        each.specifier.contains(pins[0].version, prereleases=True) for each in read
    )


def seal_saved_model(folder: Path) -> None:
    """Seal the model that a flavor has just finished writing into `folder`.

    Raises:
        SealError: The seal does not reach the required grade.
    """
    session, _here.session = _here.session, _Session()
    wishes = _wishes(session.project)
    if not (folder / "MLmodel").is_file() or wishes.settings.off:
        return
    seal = _sealed(folder, session, wishes)
    required = wishes.settings.require_grade
    if seal is None:
        if required is not Grade.INFERRED:
            raise SealError(f"the model could not be sealed, and {required.value!r} is required")
        return
    if not seal.grade.reaches(required):
        raise SealError(
            f"the seal is {seal.grade.value!r}, and {required.value!r} is required: "
            + "; ".join(seal.reasons),
            hint="mend that and log again, or lower require-grade in [tool.holdfast]",
        )
    if seal.reasons:
        _logger.warning("holdfast: sealed as %r: %s", seal.grade.value, "; ".join(seal.reasons))
    else:
        _logger.info("holdfast: sealed as %r", seal.grade.value)


def mlmodel_written(folder: Path, about: object, *, as_sealed: bool) -> None:
    """`about` was written to `folder`; into a seal that is there already goes its new digest.

    But not where somebody else had changed the file before: that stays a mismatch.
    """
    _here.about = (folder, weakref.ref(about))
    if as_sealed:
        renew_mlmodel(folder)


def _sealed(folder: Path, session: _Session, wishes: _Wishes) -> Seal | None:
    """The seal, or a lesser one where that fails; None where none can be written."""
    try:
        return _best_seal(folder, session, wishes)
    except Exception as error:
        if _raises():
            raise
        _logger.debug("holdfast: sealing failed", exc_info=True)
        reason = f"sealing failed: {_said(error)}"
    try:
        return write_inferred(folder, wishes.settings, (*wishes.problems, reason))
    except Exception:  # noqa: BLE001 - it is logged
        _logger.warning("holdfast: not sealed: %s", reason, exc_info=True)
        return None


def _about(folder: Path) -> object:
    """MLflow's `Model` of what lies in `folder`, if that was written in this thread."""
    where, about = _here.about
    return about() if where == folder else None


def _best_seal(folder: Path, session: _Session, wishes: _Wishes) -> Seal:
    inside = bool(session.asked_for) and _is_inside(session.asked_for, folder)
    # Asked for another model, or not at all: the user's words are all there is.
    material = session.material if inside else None
    if material is None and (foreign := only_of_conda(folder)):
        reason = f"conda_env names {', '.join(foreign)}, which only conda can bring"
        material = Material.nothing(wishes.settings, reason)
    material = material or _gathered(wishes.settings, session.project)
    with closing(material):
        if session.words is not None and not material.switched_off:
            material = with_words(material, session.words, session.constraints, adds=inside)
        for problem in wishes.problems:
            material = material.fallen(Grade.FROZEN, problem)
        return write_seal_of(folder, material, _about(folder))


def _gathered(settings: Settings, project: str) -> Material:
    """What the project gives; a mistake of ours is a reason, too."""
    settings = replace(
        settings,
        extras=tuple(dict.fromkeys((*settings.extras, *_here.extras))),
        groups=tuple(dict.fromkeys((*settings.groups, *_here.groups))),
    )
    try:
        return gather(settings, project)
    except Exception as error:
        if _raises():
            raise
        _logger.debug("holdfast: sealing failed", exc_info=True)
        return Material(settings=settings, reasons=(_said(error),))


def _said(error: Exception) -> str:
    if isinstance(error, HoldfastError):
        return error.message
    return f"{type(error).__name__}: {error}"


def _is_inside(path: str, folder: Path) -> bool:
    return Path(path).absolute().is_relative_to(folder.absolute())


def _wishes(named: str = "") -> _Wishes:
    """The project's settings; what cannot be read of them has its default, and the seal says so."""
    try:
        project = find_project(named)
    except Exception as error:  # noqa: BLE001 - whatever it is, the model is logged
        settings, problems = readable_settings()
        return _Wishes(settings=settings, problems=(_said(error), *problems))
    settings, problems = readable_settings(*(project.pyprojects if project else ()))
    return _Wishes(settings=settings, problems=problems)


def _raises() -> bool:
    value = os.environ.get("MLFLOW_REQUIREMENTS_INFERENCE_RAISE_ERRORS", "")
    return value.lower() in _TRUE
