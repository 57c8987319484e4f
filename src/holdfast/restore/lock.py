"""The lock of a model, as text: the sealed one, or one made now where the seal has none.

Of the model's files only lock, requirements and wheels are opened, after they were compared with
the seal.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from holdfast.errors import LockError, MismatchError, SealError
from holdfast.home import home
from holdfast.model import Model
from holdfast.progress import Progress
from holdfast.seal.digest import LOCK_FILE, digest_bytes, inside
from holdfast.seal.grade import Grade
from holdfast.seal.seal import SealedWheel

_DAMAGED = "the file was cut or changed; take the model from its store again"
CONSTRAINTS = "constraints.txt"  # MLflow's name for them


def read_lock(model: Model, *, offline: bool, on_progress: Progress) -> str:
    """The text of the model's lock, read once and compared with the seal.

    Raises:
        MismatchError: It, or a wheel beside it, is not as it was sealed.
        SealError: There is none, and none can be made offline.
        HoldfastError: None can be made; each leaf says why.
    """
    seal = model.seal
    model.check_files(*(wheel.path for wheel in seal.wheels)) if seal.wheels else None
    if not seal.lock:
        return _late_lock(model, offline=offline, on_progress=on_progress)
    try:
        data = inside(model.path, LOCK_FILE).read_bytes()
    except OSError as error:
        raise MismatchError(f"{model.uri} has lost {LOCK_FILE}: {error.strerror}") from error
    if digest_bytes(data) != seal.lock:
        raise MismatchError(
            f"{model.uri} is not as it was sealed: changed {LOCK_FILE}",
            hint=f"holdfast verify {shlex.quote(model.uri)}",
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise LockError(f"{model.uri}: {LOCK_FILE} is not UTF-8", hint=_DAMAGED) from error


def _late_lock(model: Model, *, offline: bool, on_progress: Progress) -> str:
    """A lock made now, of a seal that has none: `pinned` and `inferred` know only requirements.

    It is kept by their digest, so that the same environment comes back tomorrow.
    """
    from holdfast.lock.pylock import dumps
    from holdfast.resolve import new_lock, resolve

    seal = model.seal
    lines, constraints = _asked_for(model)
    kept, python = late_lock_file(model), _minor(model)
    if not kept.is_file():
        if offline:
            raise SealError(
                f"{model.uri} is sealed as {model.seal.grade.value!r}: it has no lock, and one "
                "cannot be made offline",
                hint="restore it once with a network",
            )
        on_progress("the seal has no lock: resolving its requirements now")
        packages = resolve(
            lines,
            folder=None,
            indexes=seal.indexes,
            constraints=constraints,
            with_dependencies=seal.grade is Grade.INFERRED,
            python=python,
        )
        _keep(kept, dumps(new_lock([*packages, *map(_package, seal.wheels)], python)))
    return kept.read_text(encoding="utf-8")


def late_lock_file(model: Model) -> Path:
    """Where the lock of a seal without one is kept, once it was made."""
    lines, constraints = _asked_for(model)
    asked = (_minor(model), lines, constraints, model.seal.indexes, model.seal.wheels)
    digest = hashlib.sha256(repr(asked).encode()).hexdigest()
    return home() / "late-locks" / f"{digest}.toml"


def _minor(model: Model) -> str:
    return ".".join(model.seal.python.version.split(".")[:2])


def _asked_for(model: Model) -> tuple[list[str], list[str]]:
    """The requirements of a seal without a lock, less the wheels beside them; its constraints."""
    ours = {f"./{wheel.path}" for wheel in model.seal.wheels}
    lines = [line for line in _lines(model, "requirements.txt") if line not in ours]
    named = f"-c {CONSTRAINTS}"
    constraints = _lines(model, CONSTRAINTS) if named in lines else []
    requirements = [line for line in lines if line != named]
    _refuse_options(model, (*requirements, *constraints))
    return requirements, constraints


def _refuse_options(model: Model, lines: Iterable[str]) -> None:
    """A model's file may ask for packages; it may not give uv options, files or folders of ours."""
    odd = [line for line in lines if not _is_requirement(line)]
    if odd:
        raise LockError(
            f"{model.uri} has no lock, and in its requirements are lines that are more than a "
            f"package: {'; '.join(map(repr, odd))}",
            hint="log the model again from a uv project that has Holdfast",
        )


def _is_requirement(line: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    if line.startswith("#"):
        return True
    try:
        return not (Requirement(line).url or "").startswith("file:")
    except InvalidRequirement:
        return False


def _lines(model: Model, name: str) -> list[str]:
    model.check_files(name)
    lines = inside(model.path, name).read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _package(wheel: SealedWheel) -> dict[str, Any]:
    file = {"path": wheel.path, "hashes": {"sha256": wheel.sha256}}
    return {"name": wheel.name, "version": wheel.version, "wheels": [file]}


def _keep(path: Path, text: str) -> None:
    from holdfast.seal.store import write_file

    write_file(path, text.encode())
