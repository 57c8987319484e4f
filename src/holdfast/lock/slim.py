"""The part of a lock that a model was seen to use, and all that this part needs.

Pure. Names only: which file of a package fits a machine, and what its bytes are, the lock says as
before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from holdfast.errors import LockError

WHOLE_MLFLOW, SKINNY_MLFLOW = "mlflow", "mlflow-skinny"
# All of their files that a model loads are files of mlflow-skinny too.
_OF_MLFLOW = frozenset({WHOLE_MLFLOW, "mlflow-tracing"})

# A package -> those of the others that it needs.
Needs = Mapping[str, frozenset[str]]


def needs_of(packages: Iterable[Mapping[str, Any]], here: Collection[str]) -> Needs:
    """What each package of `here` needs of the others, by a lock's edges.

    Args:
        packages: The `[[packages]]` of a lock (PEP 751). Of one that forks, all forks count.
        here: Names of those that a machine has of them.

    Raises:
        LockError: The lock has no edges, so that nothing can be told from it.
    """
    found: dict[str, set[str]] = {name: set() for name in here}
    for package in packages:
        edges = {edge["name"] for edge in package.get("dependencies", ())}
        if package["name"] in found:
            found[package["name"]] |= edges & found.keys()
    if len(found) > 1 and not any(found.values()):
        raise LockError(
            "the lock does not say which package needs which, so none can be left out",
            hint="log the model again from a uv project with a fresh uv.lock",
        )
    return {name: frozenset(edges) for name, edges in found.items()}


def part(
    needs: Needs, names: Iterable[str], *, own: Collection[str] = (), skinny: bool = False
) -> frozenset[str]:
    """The packages `names` and all that they need.

    Args:
        needs: What `needs_of` gives.
        names: Those that were seen, and those that are wanted anyway.
        own: Packages that stay, but bring nothing along: the project's own, whose dependencies are
            those of all that the project does.
        skinny: With mlflow-skinny wherever mlflow is named.
    """
    kept: set[str] = set()
    left = [_leaner(name) if skinny else name for name in names]
    while left:
        name = left.pop()
        if name in kept or name not in needs:
            continue
        kept.add(name)
        if name not in own:
            left += [SKINNY_MLFLOW if skinny and to == WHOLE_MLFLOW else to for to in needs[name]]
    return frozenset(kept)


def came_along(
    needs: Needs, kept: Collection[str], seen: Iterable[str], *, own: Collection[str] = ()
) -> frozenset[str]:
    """Those of the packages `seen` that nothing kept needs, but something that is left out does.

    They were not asked for by the user; whoever loaded them may have done so only because they were
    there, as pandas does with pyarrow.
    """
    counting = {*kept, *own} & needs.keys()
    wanted = _wanted_by(needs, counting)
    left_out = _wanted_by(needs, needs.keys() - counting)
    return frozenset(name for name in seen if name in kept and name in left_out - wanted)


def unknown(needs: Needs, names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that are no package here."""
    return tuple(name for name in names if canonicalize_name(name) not in needs)


def _leaner(name: str) -> str:
    return SKINNY_MLFLOW if name in _OF_MLFLOW else name


def _wanted_by(needs: Needs, names: Iterable[str]) -> set[str]:
    return {to for name in names for to in needs[name] if to != name}
