"""Whether the packages of an environment are the very wheels that the model was sealed with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from holdfast.environment.inventory import Distribution, Inventory
from holdfast.environment.plan import Plan
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
    # First-party wheels were built for the seal, not installed where the records were taken.
    built = {package.chosen.name for package in plan.packages if package.path}
    differing = []
    for distribution in inventory.distributions:
        sealed = spec.records.get(distribution.name, "")
        if not sealed or distribution.name in built or not _same_wheel(distribution, plan, spec):
            continue
        found = "".join(_records(root / inventory.site_packages, root, distribution))
        if record_digest(found) != sealed:
            differing.append(f"{distribution.name} {distribution.version}")
    if differing:
        raise MismatchError(
            f"installed from the same wheel, but not as sealed: {', '.join(differing)}",
            hint="the environment the model was logged in had been edited, or the index changed",
        )


def _same_wheel(distribution: Distribution, plan: Plan, spec: Spec) -> bool:
    """A wheel for any platform is the same everywhere, others where Python and libc are."""
    # What is built from source has no fixed contents.
    if distribution.kind != "wheel":
        return False
    if distribution.filename.endswith("-none-any.whl"):
        return True
    facts = plan.interpreter.facts
    return spec.recorded_on == (facts["abi"], facts["libc"])


def _records(site_packages: Path, root: Path, distribution: Distribution) -> Iterator[str]:
    """Its own RECORD; a package may carry others of what it has copied (bleach does)."""
    for path, _, _, _ in distribution.files:
        if path.endswith(".dist-info/RECORD") and (root / path).parents[1] == site_packages:
            yield (root / path).read_text(encoding="utf-8")
