"""What one layer of a base holds, read once from its tar.

Of each file, its name and size; of those that the loader or a user account is about, what they say.
Nothing is written but to a temporary file without a name, and no path leaves the root.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, cast

from holdfast.environment.layout import write_whole
from holdfast.errors import InputError, MismatchError
from holdfast.image.base.elf import MAGIC, Elf, read_elf
from holdfast.image.base.identity import identify, is_interesting
from holdfast.image.base.stream import Unpacked, unpacked

FILE, FOLDER, LINK, HARD, OTHER = "file", "folder", "link", "hard", "other"

# Raise it when a listing says other things of the same layer.
_FORMAT = 1
_MOST_ENTRIES = 400_000
_MOST_PATH_CHARACTERS = 4096  # PATH_MAX
_MOST_TEXT_BYTES = 1 << 20
_MOST_LIBRARY_BYTES = 4 << 30
_IN_MEMORY_BYTES = 32 << 20
_BLOCK = 512
_TEXTS = re.compile(r"etc/(passwd|group|ld\.so\.cache|ld-musl-(x86_64|aarch64)\.path)")
_LIBRARY = re.compile(r".+\.so(\.[\w.]+)?", re.ASCII | re.DOTALL)


class Node(NamedTuple):
    """One thing in a layer; a tuple, for a base has tens of thousands.

    Attributes:
        kind: FILE, FOLDER, LINK, HARD (a second name of a file) or OTHER (a device, a pipe).
        mode: Permission bits.
        size: Bytes of a file.
        mtime_ns: When it was written last, in nanoseconds since the epoch.
        target: Where a link points; the other path of a HARD one.
        text: What a small file says that matters here; "" for all others.
        identity: Which Python or libc it is (`identity.identify`), or "".
        elf: What it says to the loader; None where it is nothing for it.
    """

    kind: str
    mode: int = 0o755
    size: int = 0
    mtime_ns: int = 0
    target: str = ""
    text: str = ""
    identity: str = ""
    elf: Elf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a layer holds.

    Attributes:
        diff_id: The digest of its tar, "sha256:…".
        nodes: By path, without a leading slash, in the tar's order.
    """

    diff_id: str
    nodes: dict[str, Node]


def listing_of(path: Path, diff_id: str, kept: Path, name: str) -> Listing:
    """What the layer at `path` holds, read once for as long as `kept` is there.

    Args:
        path: A tar, compressed or not.
        diff_id: The digest that its tar must have; "" where it is not known yet.
        kept: A folder of ours, where listings are kept by that digest.
        name: What messages call it.

    Raises:
        InputError: It is no tar, damaged, or names what lies outside of the root.
        MismatchError: It is not what `diff_id` says.
    """
    if diff_id and (known := _recalled(_file(kept, diff_id), diff_id)):
        return known
    listing = read_layer(path, name)
    if diff_id and listing.diff_id != diff_id:
        raise MismatchError(f"{name} unpacks to {listing.diff_id}, not to {diff_id}")
    kept.mkdir(parents=True, exist_ok=True)
    write_whole(_file(kept, listing.diff_id), json.dumps(_as_json(listing)))
    return listing


def read_layer(path: Path, name: str) -> Listing:
    """What the layer at `path` holds; messages call it `name`.

    Raises:
        InputError: It is no tar, damaged, or names what lies outside of the root.
    """
    with unpacked(path, name) as stream:
        try:
            nodes = dict(_nodes(stream, name))
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise InputError(f"{name} is no tar that can be read: {error}") from error
        return Listing(diff_id=stream.digest(), nodes=nodes)


def _nodes(stream: Unpacked, name: str) -> Iterator[tuple[str, Node]]:
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as tar:
        for count in range(_MOST_ENTRIES + 1):
            member = tar.next()
            if member is None:
                break
            cast("Any", tar).members.clear()  # else it keeps them all
            path = _path(member.name, name)
            if path:
                yield path, _node(tar, member, path, name)
            if count == _MOST_ENTRIES:
                raise InputError(f"{name} has more than {_MOST_ENTRIES} files")
    # tarfile takes a header that it cannot read for the end; others would read on.
    if stream.last != bytes(_BLOCK):
        raise InputError(f"{name} breaks off, or has a header that cannot be read")


def _path(text: str, name: str) -> str:
    """A path below the root; "" for the root itself."""
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if ".." in parts or "\0" in text or len(text) > _MOST_PATH_CHARACTERS:
        raise InputError(f"{name} holds {text[:200]!r}, which is no path inside of it")
    return "/".join(parts)


def _node(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, name: str) -> Node:
    mode, mtime_ns = member.mode & 0o7777, _nanoseconds(member)
    if member.isdir():
        return Node(kind=FOLDER, mode=mode, mtime_ns=mtime_ns)
    if member.issym() and len(member.linkname) <= _MOST_PATH_CHARACTERS:
        return Node(kind=LINK, mode=mode, mtime_ns=mtime_ns, target=member.linkname)
    if member.islnk():
        return Node(kind=HARD, mode=mode, target=_path(member.linkname, name))
    if not member.isreg():  # a link that is too long to be followed, too
        return Node(kind=OTHER, mode=mode, mtime_ns=mtime_ns)
    said = _said(lambda: tar.extractfile(member), member, path)
    return Node(kind=FILE, mode=mode, mtime_ns=mtime_ns, size=member.size, **said)


def _nanoseconds(member: tarfile.TarInfo) -> int:
    """As exactly as it stands there: a pax header may say it to the nanosecond."""
    try:
        return int(Decimal(str(member.pax_headers.get("mtime", member.mtime))) * 1_000_000_000)
    except (InvalidOperation, OverflowError, ValueError):
        return 0


def _said(
    open_it: Callable[[], IO[bytes] | None], member: tarfile.TarInfo, path: str
) -> dict[str, Any]:
    """What a file says, where it matters here: text, identity, elf."""
    if _TEXTS.fullmatch(path) and member.size <= _MOST_TEXT_BYTES:
        content = cast("IO[bytes]", open_it()).read(member.size)
        return {"text": _names_in(content) if path.endswith(".cache") else content.decode("latin1")}
    if not (_LIBRARY.fullmatch(path) or is_interesting(path)):
        return {}
    # A sparse one may say any size, and none of these is.
    if member.issparse() or member.size > _MOST_LIBRARY_BYTES:
        return {}
    source = cast("IO[bytes]", open_it())
    start = source.read(len(MAGIC))
    if start != MAGIC:
        return {}
    with _spooled(source, start) as file:
        elf = read_elf(file)
        if elf is None:
            return {}
        return {"elf": elf, "identity": identify(path, file) if is_interesting(path) else ""}


def _names_in(cache: bytes) -> str:
    """The libraries in /etc/ld.so.cache: the only texts in it that begin with a slash."""
    return "\n".join(one.decode("latin1") for one in re.findall(rb"(/[^\0\n]+)\0", cache))


def _spooled(source: IO[bytes], start: bytes) -> BinaryIO:
    """A file that can be sought in, in memory where it is small."""
    file = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115
    file.write(start)
    while piece := source.read(1 << 20):
        file.write(piece)
    return file


def _file(kept: Path, diff_id: str) -> Path:
    return kept / f"{diff_id.removeprefix('sha256:')}.{_FORMAT}.json"


def _as_json(listing: Listing) -> dict[str, Any]:
    """Only what is not as usual, for there are thousands."""
    plain = Node(kind=FILE)
    return {
        path: {
            name: value.as_json() if isinstance(value, Elf) else value
            for name in Node._fields
            if (value := getattr(node, name)) != getattr(plain, name)
        }
        for path, node in listing.nodes.items()
    }


def _recalled(file: Path, diff_id: str) -> Listing | None:
    try:
        nodes = {path: _read_node(said) for path, said in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return Listing(diff_id=diff_id, nodes=nodes)


def _read_node(said: dict[str, Any]) -> Node:
    elf = said.pop("elf", None)
    return Node(**{"kind": FILE} | said, elf=elf and Elf.from_json(elf))
