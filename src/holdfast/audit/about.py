"""What packages say of themselves where they are installed, and how big they are there.

Read from their metadata files: nothing is imported, installed or fetched.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email

from holdfast.audit.subject import Subject
from holdfast.environment.plan import make_plan
from holdfast.environment.python import choose_python
from holdfast.environment.store import Store
from holdfast.errors import HoldfastError
from holdfast.model import Model
from holdfast.project.installed import installed_distributions, installed_record
from holdfast.seal.digest import inside

_CLASSIFIER = "License :: "
# What is longer is the licence itself.
_LONGEST_NAME = 80
_LARGEST_METADATA = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a package.

    Attributes:
        licence: As its metadata say it, an SPDX expression in newer ones; "" where they do not.
        size: Bytes of its files where it is installed; 0 where that is not known.
    """

    licence: str = ""
    size: int = 0


# By package's name and version: what is installed may be another one than is locked.
Known = dict[tuple[str, str], About]


def look(subject: Subject) -> Known:
    """What there is to know here: a model's environment may not have been restored."""
    if subject.project is not None:
        return _installed(subject.project.environment)
    model = subject.model
    if model is None:
        return {}
    sealed = {
        (name, one.version): About(size=one.size) for name, one in model.seal.distributions.items()
    }
    return {**sealed, **_own_wheels(model), **_installed(_restored(model, subject.lock_text))}


def licence_of(metadata: RawMetadata) -> str:
    """The licence in a package's metadata.

    `License-Expression` (PEP 639), else `License` where that is a name and not the licence itself,
    else what the classifiers say.
    """
    if expression := metadata.get("license_expression", "").strip():
        return expression
    name = metadata.get("license", "").strip()
    if name and "\n" not in name and len(name) <= _LONGEST_NAME and name.upper() != "UNKNOWN":
        return name
    classifiers = (
        one.rpartition(" :: ")[2]
        for one in metadata.get("classifiers", [])
        if one.startswith(_CLASSIFIER) and one != f"{_CLASSIFIER}OSI Approved"
    )
    return ", ".join(classifiers)


def _restored(model: Model, lock: str) -> Path | None:
    """The folder of the model's environment, if it is in the store."""
    try:
        layout = Store.open().layout
        python = model.seal.python
        interpreter = choose_python(
            python.version, python.implementation,
            offline=True, strict=False, remembered=layout.pythons,
        )  # fmt: skip
        return layout.environment(make_plan(lock, interpreter).key)
    except HoldfastError:
        return None  # nothing of it could be restored here: then it was not


def _installed(environment: Path | None) -> Known:
    folders: Iterable[Path] = environment.glob("lib/python*/site-packages") if environment else ()
    known = {}
    for one in installed_distributions(map(str, folders)).values():
        metadata = (one.dist_info / "METADATA").read_bytes()[:_LARGEST_METADATA]
        _, size = installed_record(one)
        known[one.name, one.version] = About(
            licence=licence_of(parse_email(metadata)[0]), size=size
        )
    return known


def _own_wheels(model: Model) -> Known:
    """Of the wheels beside the model, which were compared with the seal when its lock was read."""
    known = {}
    for wheel in model.seal.wheels:
        sealed = model.seal.distributions.get(wheel.name)
        known[wheel.name, wheel.version] = About(
            licence=licence_of(parse_email(_metadata(inside(model.path, wheel.path)))[0]),
            size=sealed.size if sealed else 0,
        )
    return known


def _metadata(wheel: Path) -> bytes:
    """What a wheel's METADATA holds; b"" where it has none that can be read."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
            with archive.open(names[0]) as file:
                return file.read(_LARGEST_METADATA)
    # A seal says that it is the same wheel, not that it is a good one.
    except (OSError, IndexError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return b""
