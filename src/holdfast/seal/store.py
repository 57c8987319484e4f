"""Reading and writing `holdfast/seal.json` in a model's folder."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from holdfast.errors import SealError
from holdfast.seal.digest import SEAL_FILE, digest_bytes, inside
from holdfast.seal.seal import Seal

_DAMAGED = "the file was cut or changed; take the model from its store again"
_LARGEST = 64 << 20  # a seal of 100,000 files is 15 MB; more than this is no seal


def to_json(data: Any) -> bytes:
    """Canonical JSON: keys sorted, two spaces, UTF-8, one newline at the end."""
    return (json.dumps(data, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def write_file(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds all of it or is as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_seal(model: Path, seal: Seal) -> str:
    """Write the seal of the model in `model`; returns its digest."""
    data = to_json(seal.to_dict())
    write_file(model / SEAL_FILE, data)
    return digest_bytes(data)


def read_seal(model: Path) -> tuple[Seal, str]:
    """The seal of the model in `model`, and the digest of its file.

    Raises:
        SealError: There is none, or it cannot be read; the message says where it breaks.
    """
    path = model / SEAL_FILE
    data = _read(path, model)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SealError(
            f"{path} is not JSON: {error}",
            hint=_DAMAGED,
        ) from error
    try:
        return Seal.from_dict(content), digest_bytes(data)
    except SealError as error:
        raise SealError(f"{path}: {error.message}", hint=error.hint or _DAMAGED) from None


def _read(path: Path, model: Path) -> bytes:
    """The bytes of a seal: of a plain file, so that nothing waits for ever on a pipe."""
    try:
        found = inside(model, SEAL_FILE).lstat()
        if not stat.S_ISREG(found.st_mode):
            raise SealError(f"{path} is not a file", hint=_DAMAGED)
        if found.st_size > _LARGEST:
            raise SealError(f"{path} is larger than any seal", hint=_DAMAGED)
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if (model / "MLmodel").is_file():
            raise not_sealed(model) from None
        raise SealError(
            f"{model} is not an MLflow model: it has no file MLmodel",
            hint="name a model URI (models:/name@alias, runs:/id/path) or a model's folder",
        ) from None
    except OSError as error:
        raise SealError(f"{path} cannot be read: {error.strerror}") from error


def not_sealed(where: object) -> SealError:
    """There is a model at `where`, and it has no seal."""
    return SealError(
        f"the model {where} is not sealed",
        hint="log it again from an environment that has Holdfast: uv add holdfast",
    )


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
