"""The closure: which packages of a lock a model needs, and when.

Pure. As `uv export --no-dev` walks it: from the project, along the edges, each package under the
union over all paths of the markers on the path. The answer is for every machine that the lock is
for; `Closure.select` is the answer for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from holdfast.errors import LockError
from holdfast.lock.contradictions import IMPOSSIBLE
from holdfast.lock.graph import Dependency, LockedPackage, LockGraph
from holdfast.lock.markers import ALWAYS, NEVER, MarkerSpace
from holdfast.lock.roots import Start, default_roots, starts_of

# A package, or one extra of it: uv locks an extra's dependencies apart from the package's own.
_Node = tuple[int, "str | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosurePackage:
    """A package of a closure.

    Attributes:
        place: In `LockGraph.packages`.
        marker: When it is wanted; "" for always.
        extras: Those of its extras that somebody wants.
        dependencies: The edges that can be followed from it, those of its extras included.
    """

    package: LockedPackage
    place: int
    marker: str
    extras: tuple[str, ...]
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What is wanted of a lock: packages by name, then version.

    Attributes:
        requires_python: The lock's; "" for any.
        environments: Markers of the machines the lock is for; empty for every machine.
    """

    packages: tuple[ClosurePackage, ...]
    requires_python: str
    environments: tuple[str, ...]

    @property
    def first_party(self) -> tuple[ClosurePackage, ...]:
        """Those that stand beside the project and come from no index."""
        return tuple(one for one in self.packages if one.package.source.first_party)

    @property
    def on_disk(self) -> tuple[ClosurePackage, ...]:
        """Those whose files must go along with the model.

        They are the first-party ones that are installed, and those of an index that is a directory.
        """
        return tuple(
            one
            for one in self.packages
            if one.package.source.on_disk and one.package.source.kind != "virtual"
        )

    def select(self, environment: Mapping[str, str]) -> dict[str, LockedPackage]:
        """The packages wanted in a marker environment (PEP 508), by name.

        Args:
            environment: As `packaging.markers.default_environment` gives it.

        Raises:
            LockError: The lock is not for this environment.
        """
        self._check(environment)
        return {
            one.package.name: one.package for one in self.packages if holds(one.marker, environment)
        }

    def _check(self, environment: Mapping[str, str]) -> None:
        python = environment["python_full_version"]
        if not _specifier(self.requires_python).contains(python, prereleases=True):
            raise LockError(f"this lock is for Python {self.requires_python}, not for {python}")
        if self.environments and not any(holds(one, environment) for one in self.environments):
            raise LockError(
                f"this lock is for {' or '.join(f'({one})' for one in self.environments)} only",
                hint="add the machine to [tool.uv] environments of the project and lock again",
            )


def production_closure(
    graph: LockGraph,
    *,
    roots: Iterable[str] = (),
    extras: Iterable[str] = (),
    groups: Iterable[str] = (),
    prune: Iterable[str] = (),
) -> Closure:
    """What the project needs to run, as `uv export --no-dev` gives it.

    Args:
        graph: The lock.
        roots: Names of workspace members (uv's `--package`); by default the project at the root of
            the lock, or every member where there is none.
        extras: Of the roots (uv's `--extra`).
        groups: Of the roots (uv's `--group`); those in [tool.uv] default-groups are not known here.
        prune: Packages left out, with all that only they need (uv's `--prune`).

    Raises:
        LockError: A root, extra or group is not in the lock, or two of those asked for conflict.
    """
    start = starts_of(graph, tuple(roots) or default_roots(graph), extras, groups)
    return _Walk(graph, start, prune).closure()


def holds(marker: str, environment: Mapping[str, str]) -> bool:
    """Whether `marker` is true in `environment`; "" always is."""
    # "extra" has a value for the sake of packaging before 24, which would raise without one.
    return not marker or _marker(marker).evaluate({"extra": "", **environment})


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    return Marker(text)


@lru_cache(maxsize=64)
def _specifier(text: str) -> SpecifierSet:
    return SpecifierSet(text)


class _Walk:
    """One walk of the graph, from its start to the closure."""

    def __init__(self, graph: LockGraph, start: Start, prune: Iterable[str]) -> None:
        self.graph = graph
        self.start = start
        self.pruned = {canonicalize_name(name) for name in prune}
        self.space = MarkerSpace(_markers_of(graph, start), graph.requires_python)
        self.impossible = self._any_of(IMPOSSIBLE)
        # `extra == '…'` in an edge's marker: when the item of a conflict so written is wanted.
        self.active = dict.fromkeys(start.active, ALWAYS)
        self.supported = self._any_of(graph.supported_markers or ("",))

    def closure(self) -> Closure:
        reached = self._reached()
        # Which items are wanted depends on what is reached, and the other way round. It settles
        # after as many rounds as conflicts are nested; a lock where it never does cannot be made.
        for _ in range(len(self.graph.conflicts) * 4):
            active = self._active_after(reached)
            if active == self.active:
                break
            self.active = active
            reached = self._reached()
        return self._closure(reached)

    def _reached(self) -> dict[_Node, int]:
        """Every node that is wanted, with when: a fixed point, since a graph may have cycles."""
        reached: dict[_Node, int] = {}
        queue: deque[_Node] = deque()
        self._follow(self.start.edges, self.supported, reached, queue)
        while queue:
            node = queue.popleft()
            self._follow(self._edges(node), reached[node], reached, queue)
        return {node: when for node, when in reached.items() if self._is_possible(when)}

    def _any_of(self, markers: Iterable[str]) -> int:
        return reduce(self.space.either, map(self.space.read, markers))

    def _is_possible(self, when: int) -> bool:
        return not self.space.implies(when, self.impossible)

    def _follow(
        self,
        edges: Iterable[Dependency],
        when: int,
        reached: dict[_Node, int],
        queue: deque[_Node],
    ) -> None:
        for edge in edges:
            if edge.name in self.pruned:
                continue
            there = self.space.both(when, self._when(edge))
            for node in ((edge.package, None), *((edge.package, extra) for extra in edge.extras)):
                before = reached.get(node, NEVER)
                after = self.space.either(before, there)
                if after != before:
                    reached[node] = after
                    queue.append(node)

    def _edges(self, node: _Node) -> tuple[Dependency, ...]:
        package = self.graph.packages[node[0]]
        if node[1] is None:
            return package.dependencies
        return package.optional_dependencies.get(node[1], ())

    def _when(self, edge: Dependency) -> int:
        active = self.active
        for extra in edge.extras if self.graph.conflicts else ():
            active = {**active, **self._chosen(edge.name, extra)}
        return self.space.with_extras(self.space.read(edge.marker), active)

    def _chosen(self, package: str, extra: str) -> dict[str, int]:
        """An edge to `foo[cpu]` may say that it is there when foo's cpu is wanted: it wants it.

        And whoever has one item of a conflict does without the others.
        """
        chosen: dict[str, int] = {}
        for conflict in self.graph.conflicts:
            if any((item.package, item.extra) == (package, extra) for item in conflict):
                for item in conflict:
                    own = (item.package, item.extra) == (package, extra)
                    chosen[item.encoded] = ALWAYS if own else NEVER
        return chosen

    def _active_after(self, reached: Mapping[_Node, int]) -> dict[str, int]:
        active = dict.fromkeys(self.start.active, ALWAYS)
        for item in (item for conflict in self.graph.conflicts for item in conflict):
            for place in self.graph.named(item.package) if item.group is None else ():
                when = reached.get((place, item.extra), NEVER)
                active[item.encoded] = self.space.either(active.get(item.encoded, NEVER), when)
        return active

    def _closure(self, reached: Mapping[_Node, int]) -> Closure:
        extras: dict[int, list[str]] = {place: [] for place, _ in reached}
        for place, extra in reached:
            if extra is not None:
                extras[place].append(extra)
        packages = (self._package(place, extras[place], reached) for place in extras)
        return Closure(
            packages=tuple(sorted(packages, key=_by_name_and_version)),
            requires_python=self.graph.requires_python,
            environments=self.graph.supported_markers,
        )

    def _package(
        self, place: int, extras: Iterable[str], reached: Mapping[_Node, int]
    ) -> ClosurePackage:
        nodes: list[_Node] = [(place, None), *((place, extra) for extra in sorted(extras))]
        edges = {edge: None for node in nodes for edge in self._kept(node, reached)}
        return ClosurePackage(
            package=self.graph.packages[place],
            place=place,
            marker=self.space.write(reached[place, None]),
            extras=tuple(sorted(extras)),
            dependencies=tuple(edges),
        )

    def _kept(self, node: _Node, reached: Mapping[_Node, int]) -> Iterable[Dependency]:
        when = reached.get(node, NEVER)
        for edge in self._edges(node):
            there = self.space.both(when, self._when(edge))
            if edge.name not in self.pruned and self._is_possible(there):
                yield edge


def _by_name_and_version(one: ClosurePackage) -> tuple[str, Version, int]:
    return one.package.name, Version(one.package.version or "0"), one.place


def _markers_of(graph: LockGraph, start: Start) -> Iterable[str]:
    yield from IMPOSSIBLE
    yield from graph.supported_markers
    yield from (edge.marker for edge in start.edges)
    for package in graph.packages:
        yield from (edge.marker for edge in package.dependencies)
        for edges in package.optional_dependencies.values():
            yield from (edge.marker for edge in edges)
