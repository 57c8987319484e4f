"""The file system that a base's layers make together: what stands where, links followed inside it.

OCI image specification 1.1, layer.md: a later layer covers an earlier one, `.wh.name` takes a thing
away, `.wh..wh..opq` all that a folder held. Nothing is unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from holdfast.image.base.listing import FOLDER, HARD, LINK, Listing, Node

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
# As Linux: more is taken for a loop (path_resolution(7)).
_MOST_LINKS = 40


class Found(NamedTuple):
    """A thing in a tree.

    Attributes:
        path: Where it really stands, links followed: "/usr/lib/x86_64-linux-gnu/libc.so.6".
        node: What it is.
    """

    path: str
    node: Node


@dataclass(slots=True)
class _Branch:
    node: Node
    children: dict[str, _Branch] = field(default_factory=dict)


class Tree:
    """A root file system.

    Args:
        layers: What each holds, the lowest first.
    """

    def __init__(self, layers: Sequence[Listing]) -> None:
        self._root = _Branch(Node(kind=FOLDER))
        for layer in layers:
            self._take_away(layer)
            self._add(layer)

    def find(self, path: str) -> Found | None:
        """What opening `path` would open in a container; None where it leads nowhere."""
        parts = self._followed(path.split("/"))
        branch = None if parts is None else self._at(parts)
        return None if branch is None else Found("/" + "/".join(parts or ()), branch.node)

    def text(self, path: str) -> str:
        """What a small file says that a listing keeps (`listing.Node.text`); "" where none is."""
        found = self.find(path)
        return found.node.text if found else ""

    def names(self, path: str) -> tuple[str, ...]:
        """What a folder holds, sorted; nothing where there is no folder."""
        parts = self._followed(path.split("/"))
        branch = None if parts is None else self._at(parts)
        return () if branch is None else tuple(sorted(branch.children))

    def walk(self) -> Iterator[Found]:
        """Everything, each under the one path where it really stands, sorted."""
        waiting = [("", self._root)]
        while waiting:
            path, branch = waiting.pop()
            if path:
                yield Found(path, branch.node)
            below = sorted(branch.children.items(), reverse=True)
            waiting += [(f"{path}/{name}", child) for name, child in below]

    def _at(self, parts: Sequence[str]) -> _Branch | None:
        branch: _Branch | None = self._root
        for part in parts:
            branch = branch.children.get(part) if branch else None
        return branch

    def _followed(self, parts: Sequence[str]) -> list[str] | None:
        """The parts of a path without links; None where there are too many of them."""
        done: list[str] = []
        branches: list[_Branch | None] = [self._root]  # as many as `done`, and the root
        ahead = list(reversed(parts))
        links = 0
        while ahead:
            part = ahead.pop()
            if part in {"", "."}:
                continue
            if part == "..":  # the root's parent is the root
                done = done[:-1]
                branches = branches[: len(done) + 1]
                continue
            above = branches[-1]
            branch = above.children.get(part) if above else None
            if branch is None or branch.node.kind != LINK:
                done.append(part)
                branches.append(branch)
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if branch.node.target.startswith("/"):
                done, branches = [], [self._root]
            ahead += reversed(branch.node.target.split("/"))
        return done

    def _take_away(self, layer: Listing) -> None:
        """What a layer removes is removed from those below it, wherever its whiteout stands."""
        for path in layer.nodes:
            folder, _, name = path.rpartition("/")
            if not name.startswith(_WHITEOUT):
                continue
            parts = self._followed(folder.split("/"))
            branch = None if parts is None else self._at(parts)
            if branch is None:
                continue
            if name == _OPAQUE:
                branch.children.clear()
            else:
                branch.children.pop(name.removeprefix(_WHITEOUT), None)

    def _add(self, layer: Listing) -> None:
        before, parent = "", self._folder("")
        for path, node in layer.nodes.items():
            folder, _, name = path.rpartition("/")
            if name.startswith(_WHITEOUT):
                continue
            if folder != before:  # most stand beside the one before
                before, parent = folder, self._folder(folder)
            own = self._same_file(node) if node.kind == HARD else node
            if parent is None or own is None:
                continue
            there = parent.children.get(name)
            if there is not None and there.node.kind == own.kind == FOLDER:
                there.node = own
            else:
                parent.children[name] = _Branch(own)

    def _same_file(self, node: Node) -> Node | None:
        """What the other name of a file stands for."""
        branch = self._at(node.target.split("/"))
        return branch.node if branch else None

    def _folder(self, path: str) -> _Branch | None:
        """A folder, made where it is not there; None where links lead in a circle."""
        parts = self._followed(path.split("/"))
        if parts is None:
            return None
        branch = self._root
        for part in parts:
            below = branch.children.get(part)
            if below is None or below.node.kind != FOLDER:
                below = branch.children[part] = _Branch(Node(kind=FOLDER))
            branch = below
        return branch
