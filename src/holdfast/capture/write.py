"""Writing a seal into the folder of a model that a flavor has just saved.

MLflow's own files (requirements.txt, conda.yaml, python_env.yaml) are rewritten from the lock, so
that stock MLflow restores the same versions. The seal comes last; when anything fails before it,
the folder is as the flavor left it.
"""

from __future__ import annotations

import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from packaging.markers import Marker, default_environment

from holdfast.capture.material import WHEELS, Material
from holdfast.capture.predictions import Prediction, predict_example
from holdfast.capture.wheels import BuiltWheel
from holdfast.lock.pylock import dumps
from holdfast.lock.requirements import to_requirements
from holdfast.project.git import Commit, read_commit
from holdfast.project.installed import installed_record
from holdfast.project.settings import Settings
from holdfast.redact import redact
from holdfast.seal.digest import SEAL_FILE, digest_bytes, digest_file, digest_folder
from holdfast.seal.golden import GOLDEN_FILE
from holdfast.seal.grade import Grade
from holdfast.seal.seal import (
    Seal,
    SealedDistribution,
    SealedGolden,
    SealedProject,
    SealedPython,
    SealedWheel,
)
from holdfast.seal.store import read_seal, to_json, write_file, write_seal

LOCK = "pylock.toml"
_OF_MLFLOW = ("requirements.txt", "conda.yaml", "python_env.yaml")
_OF_THE_PROJECT = ("uv.lock", "pyproject.toml", ".python-version")


def write_seal_of(folder: Path, material: Material) -> Seal:
    """Seal the model in `folder` with `material`."""
    with _as_it_was(folder):
        if material.pylock is not None:
            _write_lock(folder, material.pylock, material.wheels)
        elif material.grade is Grade.PINNED:
            _write_requirements(folder, "".join(f"{pin}\n" for pin in material.pins))
        _write_project(folder, material)
        prediction = predict_example(folder, material.settings)
        return _write_seal(folder, material.judged(), prediction)


def write_inferred(folder: Path, settings: Settings, reason: str) -> Seal:
    """Seal the model in `folder` as it is, with nothing vouched for."""
    material = Material(settings=settings, reasons=(reason,))
    with _as_it_was(folder):
        return _write_seal(folder, material, Prediction(golden=None, reason=reason))


def renew_mlmodel(folder: Path) -> None:
    """Put the digests of what MLflow has written since into the seal of `folder`, if it has one."""
    if not (folder / SEAL_FILE).is_file():
        return
    seal, _ = read_seal(folder)
    found = {
        name: digest_file(folder / name)
        for name in ("MLmodel", "environment_variables.txt")
        if (folder / name).is_file()
    }
    write_seal(folder, replace(seal, files={**seal.files, **found}))


def _write_lock(folder: Path, lock: Mapping[str, Any], wheels: Mapping[str, BuiltWheel]) -> None:
    for wheel in wheels.values():
        (folder / WHEELS).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel.path, folder / WHEELS / wheel.path.name)
    write_file(folder / LOCK, dumps(lock).encode())
    hashes = not any("vcs" in package for package in lock["packages"])
    _write_requirements(folder, to_requirements(lock, hashes=hashes))


def _write_requirements(folder: Path, text: str) -> None:
    """MLflow's files, in MLflow's form, from the lock."""
    here = sys.version.split()[0]
    write_file(folder / "requirements.txt", text.encode())
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={here}", "pip", {"pip": ["-r requirements.txt"]}],
    }
    write_file(folder / "conda.yaml", yaml.safe_dump(conda, sort_keys=False).encode())
    python_env = {
        "python": here,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    write_file(folder / "python_env.yaml", yaml.safe_dump(python_env, sort_keys=False).encode())


def _write_project(folder: Path, material: Material) -> None:
    """The project's own files as they were, credentials taken out; a corrupt lock is not kept."""
    if material.project is None:
        return
    for name in _OF_THE_PROJECT:
        path = material.project.root / name
        if path.is_file() and (name != "uv.lock" or material.lock_is_sound):
            text = redact(path.read_text(encoding="utf-8", errors="replace"))
            write_file(folder / "holdfast" / "project" / name, text.encode())


def _write_seal(folder: Path, material: Material, prediction: Prediction) -> Seal:
    golden = b""
    if prediction.golden is not None:
        golden = to_json(prediction.golden.to_dict())
        write_file(folder / GOLDEN_FILE, golden)
    lock = folder / LOCK
    seal = Seal(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        grade=material.grade,
        reasons=tuple(map(redact, material.reasons)),
        python=_python(),
        lock=digest_bytes(lock.read_bytes()) if lock.is_file() else "",
        project=_project(material),
        golden=SealedGolden(
            sha256=digest_bytes(golden) if golden else "",
            rows=prediction.rows,
            repeatable=prediction.repeatable,
            reason=redact(prediction.reason),
        ),
        distributions=_distributions(material),
        wheels=_wheels(material),
        drift=material.drift,
        indexes=material.indexes,
        files=digest_folder(folder),
        tools=_tools(),
    )
    write_seal(folder, seal)
    return seal


def _distributions(material: Material) -> dict[str, SealedDistribution]:
    """What was installed, of what the lock names for this machine.

    A package that the lock has for others only may still be here: for Holdfast itself, say.
    """
    if material.pylock is None:
        return {}
    here = {name: str(value) for name, value in default_environment().items()}
    named = {
        package["name"]
        for package in material.pylock["packages"]
        if "marker" not in package or Marker(package["marker"]).evaluate(here)
    }
    return {
        name: SealedDistribution(version=one.version, record=installed_record(one))
        for name, one in sorted(material.installed.items())
        if name in named
    }


def _wheels(material: Material) -> tuple[SealedWheel, ...]:
    return tuple(
        SealedWheel(
            name=name,
            version=wheel.version,
            path=f"{WHEELS}/{wheel.path.name}",
            sha256=wheel.sha256,
        )
        for name, wheel in sorted(material.wheels.items())
    )


def _project(material: Material) -> SealedProject:
    project = material.project
    commit = read_commit(project.root) if project else Commit()
    return SealedProject(
        name=project.name if project else "",
        version=project.version if project else "",
        commit=commit.id,
        dirty=commit.dirty,
        extras=material.settings.extras,
        groups=material.settings.groups,
    )


def _python() -> SealedPython:
    libc = "-".join(platform.libc_ver())
    return SealedPython(
        implementation=sys.implementation.name,
        version=platform.python_version(),
        abi=str(sysconfig.get_config_var("SOABI") or ""),
        libc=libc if libc != "-" else "",
        platform=sysconfig.get_platform(),
        build=sys.version,
    )


def _tools() -> dict[str, str]:
    return {name: version(name) for name in ("holdfast", "uv")} | {"mlflow": _mlflow_version()}


def _mlflow_version() -> str:
    import mlflow

    return str(mlflow.__version__)


@contextmanager
def _as_it_was(folder: Path) -> Iterator[None]:
    """When what is done inside fails, `folder` is again as the flavor left it."""
    before = _contents(folder)
    try:
        yield
    except BaseException:
        (folder / LOCK).unlink(missing_ok=True)
        shutil.rmtree(folder / "holdfast", ignore_errors=True)
        for name, data in before.items():
            write_file(folder / name, data)
        raise


def _contents(folder: Path) -> Mapping[str, bytes]:
    return {name: (folder / name).read_bytes() for name in _OF_MLFLOW if (folder / name).is_file()}
