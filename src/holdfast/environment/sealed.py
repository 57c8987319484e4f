"""Whether the packages of an environment are the very wheels that the model was sealed with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from holdfast.environment.inventory import Distribution, Inventory
from holdfast.environment.plan import Package, Plan
from holdfast.environment.spec import Spec
from holdfast.errors import MismatchError
from holdfast.project.installed import record_digest


def compare_records(root: Path, inventory: Inventory, plan: Plan, spec: Spec) -> None:
    """Compare each package's RECORD with the one that was sealed, where it is the same wheel.

    Args:
        root: The environment.
        inventory: What is in it.
        plan: What it was built from.
        spec: What was asked for, with the sealed digests.

    Raises:
        MismatchError: One differs: the same lock gives other bytes here.
    """

    def is_sealed(distribution: Distribution, sealed: str) -> bool:
        text = "".join(_records(root / inventory.site_packages, root, distribution))
        return record_digest(text) == sealed

    facts = plan.interpreter.facts
    here = (facts["abi"], facts["libc"])
    refuse_others(inventory.distributions, is_sealed, plan.packages, here, spec)


def refuse_others(
    distributions: Iterable[Distribution],
    is_sealed: Callable[[Distribution, str], bool],
    packages: Iterable[Package],
    here: tuple[str, str],
    spec: Spec,
) -> None:
    """Compare RECORDs with those that were sealed, where the wheel is the same.

    Args:
        distributions: What is installed.
        is_sealed: Whether the RECORD of one of them has this digest.
        packages: What they were chosen as.
        here: ABI and libc of the Python that they were chosen for.
        spec: What was asked for, with the sealed digests.

    Raises:
        MismatchError: One differs.
    """
    # First-party wheels were built for the seal, not installed where the records were taken.
    built = {package.chosen.name for package in packages if package.path}
    differing = []
    for distribution in distributions:
        sealed = spec.records.get(distribution.name, "")
        same = distribution.name not in built and _same_wheel(distribution, here, spec)
        if sealed and same and not is_sealed(distribution, sealed):
            differing.append(f"{distribution.name} {distribution.version}")
    if differing:
        raise MismatchError(
            f"installed from the same wheel, but not as sealed: {', '.join(differing)}",
            hint="the environment the model was logged in had been edited, or the index changed",
        )


def _same_wheel(distribution: Distribution, here: tuple[str, str], spec: Spec) -> bool:
    """A wheel for any platform is the same everywhere, others where Python and libc are."""
    # What is built from source has no fixed contents.
    if distribution.kind != "wheel":
        return False
    if distribution.filename.endswith("-none-any.whl"):
        return True
    return spec.recorded_on == here


def _records(site_packages: Path, root: Path, distribution: Distribution) -> Iterator[str]:
    """Its own RECORD; a package may carry others of what it has copied (bleach does)."""
    for path, _, _, _ in distribution.files:
        if path.endswith(".dist-info/RECORD") and (root / path).parents[1] == site_packages:
            yield (root / path).read_text(encoding="utf-8")
