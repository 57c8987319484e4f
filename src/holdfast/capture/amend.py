"""What MLflow's own functions change in a model that is sealed already.

`set_signature` writes `MLmodel` anew, on the disk or in a store, and `add_libraries_to_model` makes
a copy that brings its wheels along: the seal is told. `update_model_requirements` would say
something else than the lock does, and is refused where there is one.

A file's new digest takes the place of an old one only where the file was as sealed before. What
somebody else has changed stays a mismatch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from holdfast.capture.log import logger as _logger
from holdfast.capture.registering import retag
from holdfast.errors import InputError
from holdfast.seal.digest import SEAL_FILE, digest_file
from holdfast.seal.seal import Seal
from holdfast.seal.store import read_seal, write_seal

_REQUIREMENTS = ("requirements.txt", "conda.yaml")
# What `add_libraries_to_model` keeps of the requirements as they were.
_ORIGINAL = "original_requirements.txt"


@contextmanager
def new_mlmodel(uri: str) -> Iterator[None]:
    """Inside, MLflow may write `MLmodel` of the model at `uri` anew."""
    with _amended(uri, ("MLmodel",)):
        yield


@contextmanager
def new_requirements(uri: str) -> Iterator[None]:
    """Inside, MLflow may write the requirements of the model at `uri` anew.

    Raises:
        InputError: They are made from a lock.
    """
    with _amended(uri, _REQUIREMENTS, fixed_by_lock=True):
        yield


def mlmodel_as_sealed(folder: Path) -> bool:
    """Whether `MLmodel` in `folder` is as the seal there says; where there is none, it is."""
    if not (folder / SEAL_FILE).is_file():
        return True
    try:
        return digest_file(folder / "MLmodel") == read_seal(folder)[0].files["MLmodel"]
    except Exception:  # noqa: BLE001 - not readable is not as sealed
        _logger.debug("holdfast: the seal in %s could not be compared", folder, exc_info=True)
        return False


def renew_mlmodel(folder: Path) -> None:
    """Put the digests of what MLflow has written since into the seal of `folder`, if it has one."""
    names = {"MLmodel", "environment_variables.txt"}
    _renew_in(folder, lambda _: {name for name in names if (folder / name).is_file()})


def wheels_added(folder: Path) -> None:
    """MLflow has put wheels into `folder`, the copy of a model, and its requirements name them."""
    _renew_in(folder, lambda seal: _with_wheels(folder, seal))


def _with_wheels(folder: Path, seal: Seal) -> set[str]:
    if digest_file(folder / _ORIGINAL) != seal.files.get("requirements.txt"):
        return set()  # they were not as sealed
    wheels = {path.relative_to(folder).as_posix() for path in folder.glob("wheels/*")}
    return wheels | {"MLmodel", _ORIGINAL, *_REQUIREMENTS}


def _renew_in(folder: Path, names: Callable[[Seal], set[str]]) -> None:
    if not (folder / SEAL_FILE).is_file():
        return
    try:
        seal, _ = read_seal(folder)
        found = {name: digest_file(folder / name) for name in names(seal)}
        write_seal(folder, replace(seal, files={**seal.files, **found}))
    except Exception:  # noqa: BLE001 - it is logged
        _logger.warning("holdfast: the seal in %s could not be renewed", folder, exc_info=True)


@contextmanager
def _amended(uri: str, names: tuple[str, ...], *, fixed_by_lock: bool = False) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="holdfast-") as scratch:
        before = Path(scratch, "before")
        seal = _seal_at(uri, before)
        if seal is not None and seal.lock and fixed_by_lock:
            raise InputError(
                f"the packages of {uri} are sealed, and cannot be changed afterwards",
                hint="log the model again: with extra_pip_requirements, or from a project that "
                "asks for them",
            )
        whole = seal is not None and _as_sealed(uri, names, seal, before)
        yield
        if seal is not None and whole:
            digest = _renew(uri, names, seal, Path(scratch, "after"))
            if digest:
                retag(digest_file(before / SEAL_FILE).sha256, digest)


def _seal_at(uri: str, folder: Path) -> Seal | None:
    """The seal of the model at `uri`, brought into `folder`; None where there is none."""
    try:
        _fetch(uri, SEAL_FILE, folder)
        return read_seal(folder)[0]
    except Exception:  # noqa: BLE001 - a model without a seal: each kind of store says so otherwise
        _logger.debug("holdfast: no seal at %s", uri, exc_info=True)
        return None


def _as_sealed(uri: str, names: tuple[str, ...], seal: Seal, folder: Path) -> bool:
    try:
        return all(digest_file(_fetch(uri, name, folder)) == seal.files[name] for name in names)
    except Exception:  # noqa: BLE001 - it is for MLflow to say what is not there
        return False


def _renew(uri: str, names: tuple[str, ...], seal: Seal, folder: Path) -> str:
    """The digest of the new seal; "" where it could not be written."""
    try:
        found = {name: digest_file(_fetch(uri, name, folder)) for name in names}
        digest = write_seal(folder, replace(seal, files={**seal.files, **found}))
        _upload(folder / SEAL_FILE, f"{_resolved(uri)}/{Path(SEAL_FILE).parent}")
    except Exception:  # noqa: BLE001 - it is logged
        _logger.warning("holdfast: the seal at %s could not be renewed", uri, exc_info=True)
        return ""
    return digest


def _fetch(uri: str, name: str, folder: Path) -> Path:
    """One file of the model at `uri`, brought below `folder`."""
    from mlflow.tracking.artifact_utils import _download_artifact_from_uri

    target = folder / Path(name).parent
    target.mkdir(parents=True, exist_ok=True)
    return Path(_download_artifact_from_uri(f"{_resolved(uri)}/{name}", output_path=str(target)))


def _upload(file: Path, uri: str) -> None:
    from mlflow.tracking.artifact_utils import _upload_artifact_to_uri

    _upload_artifact_to_uri(str(file), uri)


def _resolved(uri: str) -> str:
    """Where the model's files are, as MLflow's functions find it."""
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository

    if RunsArtifactRepository.is_runs_uri(uri):
        return str(RunsArtifactRepository.get_underlying_uri(uri))
    logged = getattr(ModelsArtifactRepository, "_is_logged_model_uri", lambda _: False)
    if logged(uri):
        return str(ModelsArtifactRepository.get_underlying_uri(uri))
    return uri
