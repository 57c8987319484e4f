"""Opening a model: any URI that MLflow opens, or a folder, becomes a folder and its seal.

Nothing of the model is loaded here: that happens in a worker, after its files were compared with
the seal.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError, InputError, MismatchError
from holdfast.mlflow_store import SEAL_TAG, RegisteredVersion, fetch, local_folder
from holdfast.redact import printable, redact
from holdfast.seal.digest import FileComparison, compare_folder, digest_file, inside
from holdfast.seal.golden import GOLDEN_FILE, Golden
from holdfast.seal.seal import Seal
from holdfast.seal.store import read_seal

_LARGEST_MLMODEL = 4 << 20


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

    def check_recorded(self) -> None:
        """Compare the seal with the one that the registry recorded for this version.

        Raises:
            MismatchError: The version's files were replaced since (CVE-2026-2651).
        """
        version = self.registered
        if version is not None and version.seal and version.seal != self.digest:
            raise MismatchError(
                f"{self.uri} has the seal {self.digest[:16]}…, and version {version.version} of "
                f"{version.name} was recorded with {version.seal[:16]}…",
                hint=f"find out who replaced it; the tag {SEAL_TAG} holds what was recorded",
            )

    def compare_files(self) -> FileComparison:
        """Hash every file and compare it with the seal."""
        return compare_folder(self.path, self.seal.files)

    def check_files(self, *paths: str) -> None:
        """Hash the named files (all, if none is named) before anything opens them.

        Raises:
            MismatchError: One is not as it was sealed, is missing, or was added.
        """
        if paths:
            there = [path for path in paths if os.path.lexists(inside(self.path, path))]
            comparison = FileComparison(
                changed=tuple(path for path in there if self._differs(path)),
                missing=tuple(path for path in paths if path not in there),
            )
        else:
            comparison = self.compare_files()
        if not comparison.matches:
            raise MismatchError(
                f"{self.uri} is not as it was sealed: {describe(comparison)}",
                hint=f"holdfast verify {shlex.quote(self.uri)}",
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
    return "; ".join(f"{word} {', '.join(map(printable, paths))}" for word, paths in parts if paths)


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
    folder = local_folder(text) if text else None
    if folder is None and text:
        folder, registered = fetch(text)
    if folder is None or not folder.is_dir():
        raise InputError(
            f"{redact(text) or 'a model without a name'} is not there",
            hint="name a model URI (models:/name@alias, runs:/id/path) or a model's folder",
        )
    seal, digest = read_seal(folder)
    return Model(uri=redact(text), path=folder, seal=seal, digest=digest, registered=registered)


def read_golden(model: Model) -> Golden:
    """The golden predictions of `model`, after their file was compared with the seal.

    Raises:
        MismatchError: The file is not as it was sealed.
        SealError: It cannot be read.
    """
    model.check_files(GOLDEN_FILE)
    return Golden.from_json(inside(model.path, GOLDEN_FILE).read_bytes())


def read_mlmodel(model: Model) -> dict[str, Any]:
    """What `MLmodel` says; {} where it says nothing to be read.

    Only read: no code of the model runs, and nothing is compared with the seal.
    """
    import yaml

    try:
        path = inside(model.path, "MLmodel")
        if not path.is_file() or path.stat().st_size > _LARGEST_MLMODEL:
            return {}
        known = yaml.safe_load(path.read_bytes())
    except (OSError, HoldfastError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def read_signature(model: Model) -> dict[str, list[Any]]:
    """What `MLmodel` says of "inputs", "outputs" and "params"; {} where it says nothing to be read.

    Only read: no code of the model runs, and nothing is compared with the seal.
    """
    try:
        signature = read_mlmodel(model)["signature"]
        sides = {side: json.loads(text) for side, text in signature.items() if text}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {side: columns for side, columns in sides.items() if isinstance(columns, list)}


def describe_column(column: object) -> str:
    """One column, tensor or parameter of a signature, as MLflow writes them."""
    known = column if isinstance(column, dict) else {}
    tensor = known.get("tensor-spec")
    kind = f"{tensor.get('dtype')} {tensor.get('shape')}" if isinstance(tensor, dict) else ""
    name = f"{known['name']}: " if "name" in known else ""
    default = f" = {known['default']!r}" if "default" in known else ""
    optional = "" if known.get("required", True) else " (optional)"
    return f"{name}{kind or known.get('type', '?')}{default}{optional}"
