"""MLflow's side of opening a model: where the files that a URI names are, and bringing them here.

MLflow takes seconds to import, so each function imports what it needs when it is called.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from holdfast.errors import HoldfastError, InputError, MismatchError, ToolError
from holdfast.home import home
from holdfast.redact import printable, redact, redact_said
from holdfast.seal.digest import SEAL_FILE, digest_bytes, digest_file, inside
from holdfast.seal.store import not_sealed

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_LOGGED_ID = re.compile(r"models:/m-[0-9a-f]{32}")
# What names one version for good: a logged model, or a version's number.
_LASTING = re.compile(r"/m-[0-9a-f]{32}$|/[0-9]+$")
_PLACE = re.compile(r"models://[^/]+/")
# "models://profile@databricks/…" has an authority, and is Databricks' to judge.
_FORMS = re.compile(r"models:/(m-[0-9a-f]{32}|[^/]+/[^/]+|[^/@]+@[^/]+)|runs:/[^/]+/.+|\w+://.+")
# MLflow's codes for "you asked for what is not there".
_NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}
_LONGEST_WORDS = 300
# mlflow-skinny opens those once SQLAlchemy is there, which MLflow's whole edition brings.
_DATABASES = {"sqlite", "postgresql", "mysql", "mssql"}
# What MLflow leaves to the user to install, by the module that it then misses.
_PACKAGES = {
    "boto3": "boto3",
    "botocore": "boto3",
    "google": "google-cloud-storage",
    "azure": "azure-storage-blob azure-identity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A version in MLflow's model registry.

    Attributes:
        seal: Digest of the seal that the version was recorded with, "" where it never was.
    """

    name: str
    version: str
    seal: str = ""


# The version's tag that holds it, and that of its grade.
SEAL_TAG = "holdfast.seal"
GRADE_TAG = "holdfast.grade"


def local_folder(uri: str) -> Path | None:
    """The folder that `uri` is the path or file URI of; None for any other URI."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if _SCHEME.match(uri) and not Path(uri).is_dir():
        return None
    return Path(uri).absolute()


def is_moving(uri: str) -> bool:
    """Whether `uri` may come to name another version: an alias, a stage or "latest"."""
    return uri.startswith("models:/") and not _LASTING.search(uri)


def named_now(uri: str) -> str:
    """The URI of the version that a moving URI names now: models:/name/3.

    Raises:
        InputError: It names nothing.
        ToolError: MLflow, or the store behind it, failed.
    """
    _check_form(uri)
    with _mlflow_failures(uri):
        _check_stores(uri)
        from mlflow.store.artifact.utils.models import get_model_name_and_version
        from mlflow.tracking import MlflowClient

        name, version = get_model_name_and_version(MlflowClient(), uri)[:2]
        # In Databricks a URI may name the registry as well: "models://profile@databricks/…".
        place = _PLACE.match(uri)
        return f"{place[0] if place else 'models:/'}{name}/{version}"


def fetch(uri: str) -> tuple[Path, RegisteredVersion | None]:
    """The model's folder on this machine, and the registry's version that `uri` names.

    Raises:
        InputError: It names nothing.
        SealError: What it names is not sealed.
        ToolError: MLflow, or the store behind it, failed.
    """
    _check_form(uri)
    with _mlflow_failures(uri):
        _check_stores(uri)
        registered = _registered(uri)
        location = _location(uri)
        folder = local_folder(location)
        if folder is not None and not folder.is_dir():
            raise InputError(
                f"MLflow knows {redact(uri)}, and its files are not there: "
                f"{printable(redact(str(folder)))}",
                hint="they were moved or deleted, or are on the machine that logged the model",
            )
        return folder or _download(location, uri), registered


def fetch_seal(uri: str, private: Path) -> Path:
    """The folder, here or in `private`, where the seal of what `uri` names lies as in its model.

    Nothing else of the model is fetched.

    Raises:
        HoldfastError: It names nothing, or what it names is not sealed.
        Exception: Whatever MLflow raises.
    """
    location = _location(uri)
    folder = local_folder(location)
    if folder is None:
        (private / SEAL_FILE).parent.mkdir(parents=True)
        _download_seal(location, uri, (private / SEAL_FILE).parent)
    return folder or private


def _check_form(uri: str) -> None:
    if uri.startswith(("models:/", "runs:/")) and not _FORMS.fullmatch(uri):
        raise InputError(
            f"{redact(uri)} names no model",
            hint="a model is models:/name/version, models:/name@alias, models:/m-id, runs:/id/name "
            "or a folder",
        )


def _check_stores(uri: str) -> None:
    """Asking for a model never makes a store: MLflow would make a database that is not there.

    Raises:
        InputError: There is no database.
        ToolError: Nothing here can read one.
    """
    import mlflow

    if not uri.startswith(("models:/", "runs:/")):
        return
    for store in (mlflow.get_tracking_uri(), mlflow.get_registry_uri()):
        parts = urlsplit(store)
        if parts.scheme.partition("+")[0] in _DATABASES and find_spec("sqlalchemy") is None:
            raise ToolError(
                f"{redact(uri)} is in a database ({parts.scheme}), which takes all of MLflow to "
                "open; here is only mlflow-skinny",
                hint="uv tool install --with mlflow holdfast, or python -m pip install mlflow",
            )
        if parts.scheme == "sqlite" and not Path(unquote(parts.path[1:])).exists():
            raise InputError(
                f"{redact(uri)} cannot be looked up: there is no MLflow store at {redact(store)}",
                hint="set MLFLOW_TRACKING_URI to the one where the model was logged",
            )


def _registered(uri: str) -> RegisteredVersion | None:
    if not uri.startswith("models:/") or _LOGGED_ID.match(uri):
        return None
    from mlflow.store.artifact.utils.models import get_model_name_and_version
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    name, version = get_model_name_and_version(client, uri)[:2]
    tags = client.get_model_version(name, str(version)).tags
    return RegisteredVersion(name=name, version=str(version), seal=tags.get(SEAL_TAG, ""))


def _location(uri: str) -> str:
    """Where the files of `uri` really are."""
    if uri.startswith("models:/"):
        return _of_model(uri)
    return _of_run(uri) if uri.startswith("runs:/") else uri


def _of_model(uri: str) -> str:
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

    return str(ModelsArtifactRepository.get_underlying_uri(uri))


def _of_run(uri: str) -> str:
    """A model is in its run's artifacts, or, logged by MLflow 3, beside them."""
    from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository

    location = str(RunsArtifactRepository.get_underlying_uri(uri))
    folder = local_folder(location)
    if folder is not None and folder.is_dir():
        return location
    run_id, name = RunsArtifactRepository.parse_runs_uri(uri)
    model_id = _logged_model(run_id, name or "")
    return _of_model(f"models:/{model_id}") if model_id else location


def _logged_model(run_id: str, name: str) -> str:
    """The id of the last model that a run logged under `name`; "" where there is none."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    outputs = getattr(client.get_run(run_id), "outputs", None)
    models = [
        client.get_logged_model(one.model_id) for one in getattr(outputs, "model_outputs", ())
    ]
    named = sorted((one.creation_timestamp, one.model_id) for one in models if one.name == name)
    return str(named[-1][1]) if named else ""


def _download(location: str, uri: str) -> Path:
    """The files at `location`, in a private folder kept under the digest of their seal.

    The seal comes first and is small: a model that is here already is not downloaded again.
    """
    from mlflow.artifacts import download_artifacts

    kept = home() / "models"
    kept.mkdir(mode=0o700, exist_ok=True)
    private = Path(tempfile.mkdtemp(dir=kept, prefix=".new-"))
    try:
        seal = _download_seal(location, uri, private)
        folder = kept / digest_bytes(seal.read_bytes())
        if not _has_seal(folder, folder.name):
            whole = Path(download_artifacts(location, dst_path=str(private / "model")))
            if not _has_seal(whole, folder.name):
                raise MismatchError(
                    f"{redact(uri)} came with another seal than it was announced with",
                    hint="somebody is changing it now, or the store is not to be trusted",
                )
            _give_name(whole, folder, private)
        return folder
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _download_seal(location: str, uri: str, private: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    try:
        return Path(download_artifacts(f"{location}/{SEAL_FILE}", dst_path=str(private)))
    except Exception:
        # Is it the seal that is missing, or all of it? Every store has other words for that.
        names = _names_at(location)
        if names is None:
            raise
        if "MLmodel" in names:
            raise not_sealed(redact(uri)) from None
        raise InputError(
            f"{redact(uri)} is not there, or is no model",
            hint="check the name, and that MLFLOW_TRACKING_URI is the right one",
        ) from None


def _names_at(location: str) -> set[str] | None:
    """What lies at `location`; None where the store does not say."""
    from mlflow.artifacts import list_artifacts

    try:
        return {PurePosixPath(found.path).name for found in list_artifacts(artifact_uri=location)}
    except Exception:  # noqa: BLE001 - the error before this one is the one to tell
        return None


def _has_seal(folder: Path, digest: str) -> bool:
    try:
        return digest_file(inside(folder, SEAL_FILE)).sha256 == digest
    except (OSError, InputError):
        return False


def _give_name(whole: Path, folder: Path, private: Path) -> None:
    """Put what came where it is looked for, in the place of what should not be there."""
    with suppress(FileNotFoundError):
        folder.rename(private / "old")
    try:
        whole.rename(folder)
    except OSError:
        # Somebody else was quicker: the digest says that theirs is the same.
        if not _has_seal(folder, folder.name):
            raise


@contextmanager
def _mlflow_failures(uri: str) -> Iterator[None]:
    """Turn what MLflow raises into one clear error."""
    try:
        yield
    except HoldfastError:
        raise
    except ImportError as error:
        missing = error.name or ""
        raise ToolError(
            f"opening {redact(uri)} needs a package that is not here: {missing or error}",
            hint=f"python -m pip install {_PACKAGES.get(missing.split('.')[0], 'mlflow')}",
        ) from error
    except Exception as error:
        raise _failure(uri, error) from error


def _failure(uri: str, error: Exception) -> InputError | ToolError:
    silent = _silent_server(error)
    said = f"no answer from {silent}" if silent else _words(error)
    message = f"MLflow cannot open {redact(uri)}: {said}"
    code = getattr(error, "error_code", "")
    # A scheme that no plug-in of MLflow's has; it has no code of its own.
    if code in _NOT_THERE or "registered artifact repository" in str(error):
        hint = "check the name, and that MLFLOW_TRACKING_URI is the right one"
        return InputError(message, hint=hint)
    return ToolError(message, hint="is MLFLOW_TRACKING_URI right, and the server up?")


def _silent_server(error: BaseException | None) -> str:
    """The server that could not be reached, where that is at the root of `error`."""
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import Timeout

    while error is not None:
        if isinstance(error, (NoConnection, Timeout)):
            parts = urlsplit(getattr(error.request, "url", None) or "")
            return redact(f"{parts.scheme}://{parts.netloc}") if parts.netloc else "the server"
        error = error.__cause__ or error.__context__
    return ""


def _words(error: Exception) -> str:
    """What an error says, in a line."""
    lines = [line for line in redact_said(str(error), os.environ).splitlines() if line.strip()]
    said = lines[0].strip() if lines else type(error).__name__
    return said if len(said) <= _LONGEST_WORDS else f"{said[:_LONGEST_WORDS]}…"
