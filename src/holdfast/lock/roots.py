"""Where the walk of a lock begins: the roots, and the extras and groups asked of them.

Pure. The rules are those of `uv export`: an extra or group must be one of some root, every root
that has it is asked for it, and two that the project declares to conflict are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from holdfast.errors import LockError
from holdfast.lock.graph import Dependency, LockGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The first edges of a walk.

    Attributes:
        active: What of the lock's conflicts is asked for, as markers write it.
    """

    edges: tuple[Dependency, ...]
    active: frozenset[str]


def default_roots(graph: LockGraph) -> tuple[str, ...]:
    """The project that the lock stands beside; every member where there is none."""
    for package in graph.packages:
        if package.source.first_party and package.source.location in (".", ""):
            return (package.name,)
    return graph.members


def starts_of(
    graph: LockGraph, roots: Sequence[str], extras: Iterable[str], groups: Iterable[str]
) -> Start:
    """The edges to `roots` with `extras`, and those of `groups`.

    Raises:
        LockError: A root, extra or group is not in the lock, or two of them conflict; every
            one that is missing is named.
    """
    names = tuple(dict.fromkeys(canonicalize_name(name) for name in roots))
    asked = frozenset(canonicalize_name(extra) for extra in extras)
    wanted = frozenset(canonicalize_name(group) for group in groups)
    _check_known(graph, names, asked, wanted)
    active = _active(graph, names, asked, wanted)
    edges = (_root_edges(graph, name, asked, wanted) for name in names)
    return Start(
        edges=(*_manifest_edges(graph, names, wanted), *(edge for each in edges for edge in each)),
        active=active,
    )


def _root_edges(
    graph: LockGraph, name: str, extras: frozenset[str], groups: frozenset[str]
) -> Iterable[Dependency]:
    for place in graph.named(name):
        package = graph.packages[place]
        yield Dependency(
            name=package.name,
            package=place,
            extras=tuple(extra for extra in package.optional_dependencies if extra in extras),
            marker=" or ".join(f"({marker})" for marker in package.resolution_markers),
        )
        for group in sorted(groups & package.dependency_groups.keys()):
            yield from package.dependency_groups[group]


def _manifest_edges(
    graph: LockGraph, names: Sequence[str], groups: frozenset[str]
) -> Iterable[Dependency]:
    """What a script, or a workspace without a project, asks for at its root."""
    if tuple(names) != graph.members:
        return
    yield from graph.requirements
    for group in sorted(groups & graph.dependency_groups.keys()):
        yield from graph.dependency_groups[group]


def _check_known(
    graph: LockGraph, names: Sequence[str], extras: frozenset[str], groups: frozenset[str]
) -> None:
    packages = [graph.packages[place] for name in names for place in graph.named(name)]
    known_extras = {extra for package in packages for extra in package.optional_dependencies}
    known_groups = {group for package in packages for group in package.dependency_groups}
    known_groups.update(graph.dependency_groups)
    # Before revision 1, the lock did not name the extras that have no dependencies.
    listed = graph.revision >= 1
    problems = [
        *(f"no package named {name!r}" for name in names if not graph.named(name)),
        *(f"no extra named {extra!r}" for extra in sorted(extras - known_extras) if listed),
        *(f"no group named {group!r}" for group in sorted(groups - known_groups)),
    ]
    if problems:
        raise LockError(
            f"the lock has {', '.join(problems)}",
            hint=_known(names, {"extras": known_extras, "groups": known_groups}),
        )


def _known(names: Sequence[str], known: Mapping[str, Iterable[str]]) -> str:
    has = (f"{kind}: {', '.join(sorted(values)) or 'none'}" for kind, values in known.items())
    return f"{', '.join(names) or 'the lock'} has {'; '.join(has)}"


def _active(
    graph: LockGraph, names: Sequence[str], extras: frozenset[str], groups: frozenset[str]
) -> frozenset[str]:
    active: set[str] = set()
    for conflict in graph.conflicts:
        asked = [
            item
            for item in conflict
            if item.package in names
            and (item.extra is None or item.extra in extras)
            and (item.group is None or item.group in groups)
        ]
        if len(asked) > 1:
            raise LockError(
                f"the project says that {' and '.join(item.written for item in asked)} conflict",
                hint="ask for one of them; each makes a model of its own",
            )
        active.update(item.encoded for item in asked)
    return frozenset(active)
