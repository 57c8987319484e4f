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

import tomli_w
import yaml
from packaging.markers import Marker, default_environment
from packaging.utils import canonicalize_version

from holdfast.capture.material import WHEELS, Material
from holdfast.capture.predictions import Prediction, predict_example
from holdfast.capture.wheels import BuiltWheel
from holdfast.lock.pylock import dumps
from holdfast.lock.requirements import to_requirements
from holdfast.project.git import Commit, read_commit
from holdfast.project.installed import installed_record, requirement_of
from holdfast.project.settings import Settings
from holdfast.redact import redact
from holdfast.seal.digest import SEAL_FILE, digest_bytes, digest_file, digest_folder
from holdfast.seal.golden import GOLDEN_FILE
from holdfast.seal.grade import Grade
from holdfast.seal.seal import (
    Seal,
    SealedDistribution,
    SealedGolden,
    SealedIndex,
    SealedProject,
    SealedPython,
    SealedWheel,
)
from holdfast.seal.store import read_seal, to_json, write_file, write_seal

LOCK = "pylock.toml"
_OF_MLFLOW = ("requirements.txt", "conda.yaml", "python_env.yaml")
_TABLES = ("project", "build-system", "dependency-groups")


def write_seal_of(folder: Path, material: Material) -> Seal:
    """Seal the model in `folder` with `material`."""
    with _as_it_was(folder):
        if material.pylock is not None:
            _write_lock(folder, material.pylock, material.wheels)
        elif material.grade is Grade.PINNED:
            _write_pins(folder, material)
        _write_project(folder, material)
        prediction = predict_example(folder, material.settings)
        return _write_seal(folder, material.judged(), prediction)


def write_inferred(folder: Path, settings: Settings, reasons: tuple[str, ...]) -> Seal:
    """Seal the model in `folder` as it is, with nothing vouched for."""
    material = Material(settings=settings, reasons=reasons)
    reason = reasons[-1]
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
    _copy_wheels(folder, wheels)
    write_file(folder / LOCK, dumps(lock).encode())
    hashes = not any("vcs" in package for package in lock["packages"])
    _write_requirements(folder, to_requirements(lock, hashes=hashes))


def _write_pins(folder: Path, material: Material) -> None:
    """What is known where hashes are not; code from a folder goes along all the same."""
    _copy_wheels(folder, material.wheels)
    lines = []
    for pin in material.pins:
        name = pin.split("==")[0]
        one = material.installed.get(name)
        if name in material.wheels:
            lines.append(f"./{WHEELS}/{material.wheels[name].path.name}")
        else:
            lines.append(requirement_of(one) if one and one.direct_url else pin)
    _write_requirements(folder, "".join(f"{line}\n" for line in lines))


def _copy_wheels(folder: Path, wheels: Mapping[str, BuiltWheel]) -> None:
    for wheel in wheels.values():
        (folder / WHEELS).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel.path, folder / WHEELS / wheel.path.name)


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
    """The project's own files, credentials taken out; a corrupt lock is not kept."""
    project = material.project
    if project is None:
        return
    texts = {"pyproject.toml": tomli_w.dumps(_that_matter(project.root_pyproject))}
    for name in ("uv.lock", ".python-version"):
        path = project.root / name
        if path.is_file() and (name != "uv.lock" or material.lock_is_sound):
            texts[name] = path.read_text(encoding="utf-8", errors="replace")
    for name, text in texts.items():
        write_file(folder / "holdfast" / "project" / name, redact(text).encode())


def _that_matter(pyproject: Mapping[str, Any]) -> dict[str, Any]:
    """The tables that say what a model needs; what other tools keep there is not ours to copy."""
    tools = pyproject.get("tool", {})
    kept = {key: pyproject[key] for key in _TABLES if key in pyproject}
    return kept | {"tool": {key: tools[key] for key in ("uv", "holdfast") if key in tools}}


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
        indexes=tuple(map(_without_folder, material.indexes)),
        files=digest_folder(folder),
        tools=_tools(),
    )
    write_seal(folder, seal)
    return seal


def _distributions(material: Material) -> dict[str, SealedDistribution]:
    """What was installed, of what is sealed for this machine, in the version that is sealed."""
    sealed = _sealed_versions(material)
    return {
        name: SealedDistribution(version=one.version, record=installed_record(one))
        for name, one in sorted(material.installed.items())
        if name in sealed and _same_version(sealed[name], one.version)
    }


def _sealed_versions(material: Material) -> dict[str, str]:
    """By name; "" where only the build says it.

    A package that the lock has for other machines only may still be here: for Holdfast itself, say.
    The user's own words may want another version of it than is here.
    """
    if material.pylock is None:
        pins = material.pins if material.grade is Grade.PINNED else ()
        return dict(pin.split("==", 1) for pin in pins)
    here = {name: str(value) for name, value in default_environment().items()}
    return {
        package["name"]: package.get("version", "")
        for package in material.pylock["packages"]
        if "marker" not in package or Marker(package["marker"]).evaluate(here)
    }


def _same_version(sealed: str, installed: str) -> bool:
    return not sealed or canonicalize_version(sealed) == canonicalize_version(installed)


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


def _without_folder(index: SealedIndex) -> SealedIndex:
    """A folder of this machine means nothing on another."""
    return replace(index, url="") if index.url.startswith("file:") else index


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
