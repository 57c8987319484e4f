"""The user's own words to MLflow about packages: they keep the meaning they have there.

`pip_requirements` (and `conda_env`) override: the model needs just these. `extra_pip_requirements`
add: these too, bounded by what the lock says already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from holdfast.capture.material import NOT_THE_MODELS, Material
from holdfast.errors import HoldfastError
from holdfast.resolve import new_lock, resolve
from holdfast.seal.grade import Grade


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


def _extended(material: Material, words: tuple[str, ...], constraints: tuple[str, ...]) -> Material:
    said = f"extra_pip_requirements add {', '.join(words)}"
    if material.pylock is None:
        return replace(material, pins=(*material.pins, *words), reasons=(*material.reasons, said))
    bounds = [pin for pin in material.pins if pin.split("==")[0] not in material.wheels]
    try:
        packages = resolve(
            words,
            folder=_folder(material),
            constraints=[*bounds, *constraints],
            with_dependencies=True,
        )
    except HoldfastError as error:
        return _unresolved(material, said, error)
    there = {package["name"] for package in material.pylock["packages"]}
    added = [package for package in packages if package["name"] not in there]
    lock = {**material.pylock, "packages": [*material.pylock["packages"], *added]}
    pins = (f"{package['name']}=={package['version']}" for package in added)
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
        packages = resolve(
            filter(None, lines),
            folder=_folder(material),
            constraints=[*bounds, *constraints],
            with_dependencies=True,
        )
    except HoldfastError as error:
        return _unresolved(material, said, error)
    return replace(
        material,
        grade=Grade.FROZEN,
        reasons=(said,),
        pylock=new_lock(packages),
        pins=tuple(f"{one['name']}=={one['version']}" for one in packages if "version" in one),
        drift=(),
        wheels={},
        check=None,
    )


def _unresolved(material: Material, said: str, error: HoldfastError) -> Material:
    """Words that cannot be had together with the lock: MLflow's own files stand for them."""
    fallen = replace(material, grade=Grade.INFERRED, pylock=None, drift=(), wheels={}, check=None)
    return replace(fallen, reasons=(f"{said}; that cannot be locked: {error.message}",))


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


def _folder(material: Material) -> Path:
    return material.project.root if material.project else Path.cwd()
