"""What a seal says: everything but the files, from the material and this Python."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import version

from packaging.utils import canonicalize_version

from holdfast.capture.here import versions_here
from holdfast.capture.material import WHEELS, Material
from holdfast.project.git import Commit, read_commit
from holdfast.project.installed import Installed, installed_record
from holdfast.redact import redact_said
from holdfast.seal.digest import FileDigest
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


def describe(
    material: Material, *, lock: str, golden: SealedGolden, files: Mapping[str, FileDigest]
) -> Seal:
    """The seal of a model.

    Args:
        material: What the project gave.
        lock: Digest of `pylock.toml`, or "".
        golden: What is known of the golden predictions.
        files: Digests of the model's files.
    """
    return Seal(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        grade=material.grade,
        reasons=tuple(redact_said(reason, os.environ) for reason in material.reasons),
        python=_python(),
        lock=lock,
        project=_project(material),
        golden=golden,
        distributions=_distributions(material),
        wheels=_wheels(material),
        drift=material.drift,
        indexes=tuple(map(_without_folder, material.indexes)),
        files=files,
        tools=_tools(),
    )


def _distributions(material: Material) -> dict[str, SealedDistribution]:
    """What was installed, of what is sealed for this machine, in the version that is sealed."""
    sealed = _sealed_versions(material)
    return {
        name: _distribution(one)
        for name, one in sorted(material.installed.items())
        if name in sealed and _same_version(sealed[name], one.version)
    }


def _distribution(one: Installed) -> SealedDistribution:
    record, size = installed_record(one)
    return SealedDistribution(version=one.version, record=record, size=size)


def _sealed_versions(material: Material) -> Mapping[str, str | None]:
    """By name; None where only the build says it.

    A package that the lock has for other machines only may still be here: for Holdfast itself, say.
    The user's own words may want another version of it than is here.
    """
    if material.pylock is None:
        pins = material.pins if material.grade is Grade.PINNED else ()
        return dict(pin.split("==", 1) for pin in pins)
    return versions_here(material.pylock)


def _same_version(sealed: str | None, installed: str) -> bool:
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
        slim_include=material.settings.slim_include,
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
