"""Opening a model: any URI that MLflow opens, or a folder, becomes a folder and its seal.

MLflow takes seconds to import, so it is imported only for a URI that needs it. Nothing of the model
is loaded here: that happens in a worker, after the files were compared with the seal.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.errors import HoldfastError, InputError, MismatchError, ToolError
from holdfast.home import home
from holdfast.redact import redact
from holdfast.seal.digest import (
    SEAL_FILE,
    FileComparison,
    compare_folder,
    digest_bytes,
    digest_file,
    inside,
)
from holdfast.seal.seal import Seal
from holdfast.seal.store import read_seal

_LOGGED_ID = re.compile(r"models:/m-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A version in MLflow's model registry."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A sealed model, opened.

    Attributes:
        uri: As it was named, without credentials.
        path: Its folder on this machine.
        seal: What `holdfast/seal.json` says.
        digest: SHA-256 of that file: the model's identity.
        registered: The registry's version it was named by, if it was.
    """

    uri: str
    path: Path
    seal: Seal
    digest: str
    registered: RegisteredVersion | None = None

    def compare_files(self) -> FileComparison:
        """Hash every file and compare it with the seal."""
        return compare_folder(self.path, self.seal.files)

    def check_files(self, *paths: str) -> None:
        """Hash the named files (all, if none is named) before anything opens them.

        Raises:
            MismatchError: One is not as it was sealed, is missing, or was added.
        """
        if paths:
            changed = [path for path in paths if self._differs(path)]
            comparison = FileComparison(changed=tuple(changed))
        else:
            comparison = self.compare_files()
        if not comparison.matches:
            raise MismatchError(
                f"{self.uri} is not as it was sealed: {describe(comparison)}",
                hint=f"holdfast verify {self.uri}",
            )

    def _differs(self, path: str) -> bool:
        sealed = self.seal.files.get(path)
        try:
            return sealed is None or digest_file(inside(self.path, path)) != sealed
        except OSError:
            return True


def describe(comparison: FileComparison) -> str:
    """`comparison` in one line, every file by name."""
    parts = (
        ("changed", comparison.changed),
        ("missing", comparison.missing),
        ("added", comparison.extra),
    )
    return "; ".join(f"{word} {', '.join(paths)}" for word, paths in parts if paths)


def open_model(uri: str | os.PathLike[str]) -> Model:
    """Open the model that `uri` names.

    Args:
        uri: `models:/name/version`, `models:/name@alias`, `models:/m-id`, `runs:/id/path`, any
            other artifact URI of MLflow's, or a folder.

    Raises:
        InputError: It names nothing.
        SealError: What it names is no model, is not sealed, or its seal cannot be read.
        ToolError: MLflow, or the store behind it, failed.
    """
    text = os.fspath(uri)
    registered = None
    folder = local_folder(text)
    if folder is None:
        folder, registered = _fetch(text)
    if not folder.is_dir():
        raise InputError(
            f"{redact(text)} is not there",
            hint="name a model URI (models:/name@alias, runs:/id/path) or a model's folder",
        )
    seal, digest = read_seal(folder)
    return Model(uri=redact(text), path=folder, seal=seal, digest=digest, registered=registered)


def local_folder(uri: str) -> Path | None:
    """The folder that `uri` is the path or file URI of; None for any other URI."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if "://" in uri or uri.startswith(("models:/", "runs:/")):
        return None
    return Path(uri).absolute()


def _fetch(uri: str) -> tuple[Path, RegisteredVersion | None]:
    with _mlflow_failures(uri):
        registered = _registered(uri)
        location = _underlying(uri)
        folder = local_folder(location)
        return folder or _download(location), registered


def _registered(uri: str) -> RegisteredVersion | None:
    if not uri.startswith("models:/") or _LOGGED_ID.match(uri):
        return None
    from mlflow.store.artifact.utils.models import get_model_name_and_version
    from mlflow.tracking import MlflowClient

    name, version = get_model_name_and_version(MlflowClient(), uri)[:2]
    return RegisteredVersion(name=name, version=str(version))


def _underlying(uri: str) -> str:
    """Where the files of `uri` really are."""
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository

    for repository in (ModelsArtifactRepository, RunsArtifactRepository):
        scheme = "models:/" if repository is ModelsArtifactRepository else "runs:/"
        if uri.startswith(scheme):
            return str(repository.get_underlying_uri(uri))
    return uri


def _download(location: str) -> Path:
    """The files at `location`, in a private folder kept under the digest of their seal.

    The seal comes first and is small: a model that is here already is not downloaded again.
    """
    from mlflow.artifacts import download_artifacts

    kept = home() / "models"
    kept.mkdir(mode=0o700, exist_ok=True)
    private = Path(tempfile.mkdtemp(dir=kept, prefix=".new-"))
    try:
        seal = Path(download_artifacts(f"{location}/{SEAL_FILE}", dst_path=str(private)))
        folder = kept / digest_bytes(seal.read_bytes())
        if not folder.is_dir():
            whole = download_artifacts(location, dst_path=str(private / "model"))
            Path(whole).rename(folder)
        return folder
    finally:
        shutil.rmtree(private, ignore_errors=True)


@contextmanager
def _mlflow_failures(uri: str) -> Iterator[None]:
    """Turn what MLflow raises into one clear error."""
    try:
        yield
    except HoldfastError:
        raise
    except ImportError as error:
        raise ToolError(
            f"opening {redact(uri)} needs a package that is not here: {error.name or error}",
            hint="python -m pip install mlflow",
        ) from error
    except Exception as error:
        said = redact(str(error)).strip().splitlines()
        message = f"MLflow cannot open {redact(uri)}: {said[0] if said else type(error).__name__}"
        code = getattr(error, "error_code", "")
        if code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}:
            raise InputError(
                message, hint="check the name, and that MLFLOW_TRACKING_URI is the right one"
            ) from error
        raise ToolError(message, hint="is MLFLOW_TRACKING_URI right, and the server up?") from error
