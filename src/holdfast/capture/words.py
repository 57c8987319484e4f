"""The user's own words to MLflow about packages: they keep the meaning they have there.

`pip_requirements` (and `conda_env`) override: the model needs just these. `extra_pip_requirements`
add: these too, bounded by what the lock says already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from holdfast.capture.edges import with_edges
from holdfast.capture.material import NOT_THE_MODELS, Material
from holdfast.errors import HoldfastError
from holdfast.resolve import new_lock, resolve
from holdfast.seal.grade import Grade

_OF_EVERY_CONDA = {"python", "pip", "setuptools", "wheel"}


def with_words(
    material: Material, words: tuple[str, ...], constraints: tuple[str, ...], *, adds: bool
) -> Material:
    """`material`, after what the user said.

    Args:
        material: What the project gave.
        words: Requirements, as MLflow read them.
        constraints: Constraints, as pip has them.
        adds: Whether the words add to the lock; else they take its place.
    """
    if not adds:
        return _overridden(material, words, constraints)
    wanted = tuple(word for word in words if not _is_met(word, _versions(material)))
    return _extended(material, wanted, constraints) if wanted else material


def only_of_conda(folder: Path) -> tuple[str, ...]:
    """What the `conda.yaml` that a flavor wrote into `folder` takes from conda itself."""
    try:
        environment = yaml.safe_load((folder / "conda.yaml").read_text(encoding="utf-8"))
        found = [one for one in environment["dependencies"] if isinstance(one, str)]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return ()
    return tuple(one for one in found if _conda_name(one) not in _OF_EVERY_CONDA)


def _conda_name(word: str) -> str:
    """The package in "channel::name=version=build"."""
    return re.split(r"[\s=<>!~:\[]", word.rpartition("::")[2], maxsplit=1)[0]


def _extended(material: Material, words: tuple[str, ...], constraints: tuple[str, ...]) -> Material:
    said = f"extra_pip_requirements add {', '.join(words)}"
    if material.pylock is None:
        return _unresolved(material, said, "; ".join(material.reasons))
    bounds = [pin for pin in material.pins if pin.split("==")[0] not in material.wheels]
    try:
        packages = _resolved(material, words, (*bounds, *constraints))
    except HoldfastError as error:
        return _unresolved(material, said, error.message)
    there = {package["name"] for package in material.pylock["packages"]}
    added = [package for package in packages if package["name"] not in there]
    joined = with_edges([*material.pylock["packages"], *added], material.installed, words)
    lock = {**material.pylock, "packages": joined}
    pins = (f"{package['name']}=={package['version']}" for package in added if "version" in package)
    fallen = material.fallen(Grade.FROZEN, said)
    return replace(fallen, pylock=lock, pins=(*fallen.pins, *pins))


def _overridden(
    material: Material, words: tuple[str, ...], constraints: tuple[str, ...]
) -> Material:
    said = "pip_requirements or conda_env were given, and override the project's lock"
    named = {_name(word) for word in words}
    bounds = [
        f"{name}=={one.version}"
        for name, one in sorted(material.installed.items())
        if name not in named and not one.direct_url and name not in NOT_THE_MODELS
    ]
    # MLflow would pin itself in, where no word names it: a model cannot be loaded without.
    mlflow = next((name for name in ("mlflow", "mlflow-skinny") if name in material.installed), "")
    lines = words if named & {"mlflow", "mlflow-skinny"} else (mlflow, *words)
    try:
        packages = _resolved(material, filter(None, lines), (*bounds, *constraints))
    except HoldfastError as error:
        return _unresolved(material, said, error.message)
    return replace(
        material,
        grade=Grade.FROZEN,
        reasons=(said,),
        pylock=new_lock(with_edges(packages, material.installed, words)),
        pins=tuple(f"{one['name']}=={one['version']}" for one in packages if "version" in one),
        drift=(),
        wheels={},
        check=None,
    )


def _resolved(
    material: Material, lines: Iterable[str], constraints: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The packages of `lines` and all that they need, from the project's indexes."""
    return resolve(
        lines,
        folder=material.folder,
        indexes=material.indexes,
        constraints=constraints,
        with_dependencies=True,
    )


def _unresolved(material: Material, said: str, why: str) -> Material:
    """Words that cannot be had together with the lock: MLflow's own files stand for them."""
    fallen = replace(material, grade=Grade.INFERRED, pylock=None, drift=(), wheels={}, check=None)
    return replace(fallen, reasons=(f"{said}; that cannot be locked: {why}",))


def _is_met(word: str, versions: Mapping[str, str]) -> bool:
    try:
        requirement = Requirement(word)
    except InvalidRequirement:
        return False
    version = versions.get(canonicalize_name(requirement.name))
    if version is None or requirement.url is not None or requirement.extras:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def _versions(material: Material) -> dict[str, str]:
    return dict(pin.split("==", 1) for pin in material.pins if "==" in pin)


def _name(word: str) -> str:
    try:
        return canonicalize_name(Requirement(word).name)
    except InvalidRequirement:
        return ""
