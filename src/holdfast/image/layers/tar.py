"""Entries as a tar, in one way only: sorted, parents first, owners, modes and times pinned.

The headers are written here and not by `tarfile`: a layer's digest must not depend on the Python
that writes it, and an environment has tens of thousands of them. POSIX ustar (IEEE 1003.1, pax,
"ustar Interchange Format"), with a pax header only where a name or a size does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from operator import attrgetter

from holdfast.errors import InputError, MismatchError
from holdfast.image.layers.contents import CHUNK_BYTES, Contents
from holdfast.image.values import Entry

_BLOCK_BYTES = 512
_END = bytes(2 * _BLOCK_BYTES)
_LONGEST_NAME, _LONGEST_PREFIX = 100, 155
_LARGEST = 8**11  # eleven octal digits
_FILE, _LINK, _FOLDER, _PAX = b"0", b"2", b"5", b"x"


def tar(entries: Iterable[Entry], *, mtime: int = 0) -> Iterator[bytes]:
    """The tar of `entries`, in pieces of about a MiB; everything in it belongs to 0:0.

    Args:
        entries: In any order. Of two files of one path the later counts: it is the file of either
            of the packages that claim it. Folders above them need not be there.
        mtime: Of everything, in seconds since the epoch.

    Raises:
        InputError: A path leads out of the image, or two things of different kinds have one path.
        MismatchError: A file is not what was said of it.
        OSError: A file cannot be read.
    """
    with ExitStack() as opened:
        contents = Contents(opened)
        waiting: list[bytes] = []
        length = 0
        for piece in _pieces(_with_parents(entries), contents, b"%011o" % mtime):
            waiting.append(piece)
            length += len(piece)
            if length >= CHUNK_BYTES:
                yield b"".join(waiting)
                waiting, length = [], 0
        yield b"".join([*waiting, _END])


def _pieces(entries: Iterable[Entry], contents: Contents, mtime: bytes) -> Iterator[bytes]:
    for entry in entries:
        if entry.link:
            yield _header(entry.path, _LINK, b"0000777", 0, mtime, entry.link)
        elif entry.content is None:
            yield _header(f"{entry.path}/", _FOLDER, b"0000755", 0, mtime)
        else:
            size, pieces = contents.open(entry.content)
            mode = b"0000755" if entry.executable else b"0000644"
            yield _header(entry.path, _FILE, mode, size, mtime)
            try:
                yield from pieces
            except MismatchError as error:
                raise MismatchError(f"{entry.path}: {error.message}") from error
            if size % _BLOCK_BYTES:
                yield bytes(-size % _BLOCK_BYTES)


def _with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """All entries and the folders above them, sorted by path, so that a folder comes first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        path = entry.path
        if not is_inside(path):
            raise InputError(f"{path!r} is no path inside an image")
        other = found.get(path)
        if other is not None and _kind(other) != _kind(entry):
            raise InputError(f"{path!r} would be two things at once in an image")
        found[path] = entry
    for path in list(found):
        parent = path.rpartition("/")[0]
        while parent:
            above = found.get(parent)
            if above is None:
                found[parent] = Entry(path=parent)
            elif _kind(above) != _FOLDER:
                raise InputError(f"{parent!r} would be a folder and something else in an image")
            else:
                break
            parent = parent.rpartition("/")[0]
    return sorted(found.values(), key=attrgetter("path"))


def is_inside(path: str) -> bool:
    """Whether a path is relative, plain, and stays where it starts."""
    return not ("\0" in path or "\n" in path or {"", ".", ".."} & set(path.split("/")))


def _kind(entry: Entry) -> bytes:
    if entry.link:
        return _LINK
    return _FOLDER if entry.content is None else _FILE


def _header(path: str, kind: bytes, mode: bytes, size: int, mtime: bytes, link: str = "") -> bytes:
    """An entry's header, after a pax header where there is something that it cannot say."""
    try:
        name, target = path.encode(), link.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{path!r}: its name is no UTF-8, which an image's names are") from error
    records = []
    prefix, short = _split(name)
    if not path.isascii() or not short:
        records.append(_record(b"path", name))
        prefix, short = b"", name[:_LONGEST_NAME]
    if not link.isascii() or len(target) > _LONGEST_NAME:
        records.append(_record(b"linkpath", target))
        target = target[:_LONGEST_NAME]
    if size >= _LARGEST:
        records.append(_record(b"size", b"%d" % size))
    block = _block(short, prefix, kind, mode, size if size < _LARGEST else 0, mtime, target)
    if not records:
        return block
    pax = b"".join(records)
    before = _block(b"././@PaxHeader", b"", _PAX, b"0000644", len(pax), mtime)
    return before + pax + bytes(-len(pax) % _BLOCK_BYTES) + block


def _split(name: bytes) -> tuple[bytes, bytes]:
    """A name as ustar's prefix and name; both empty where it fits no way."""
    if len(name) <= _LONGEST_NAME:
        return b"", name
    cut = name.rfind(b"/", 0, _LONGEST_PREFIX + 1)
    # The last slash belongs to a folder's own name.
    if cut == len(name) - 1:
        cut = name.rfind(b"/", 0, cut)
    if cut <= 0 or len(name) - cut - 1 > _LONGEST_NAME:
        return b"", b""
    return name[:cut], name[cut + 1 :]


def _record(keyword: bytes, value: bytes) -> bytes:
    """A pax record: its own length in decimal, a blank, keyword=value, a line's end."""
    rest = b" %s=%s\n" % (keyword, value)
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d%s" % (length, rest)


def _block(
    name: bytes,
    prefix: bytes,
    kind: bytes,
    mode: bytes,
    size: int,
    mtime: bytes,
    link: bytes = b"",
) -> bytes:
    """512 bytes: name, mode, uid, gid, size, mtime, checksum, kind, link, magic, names, prefix."""
    start = b"%b%b\0%b%b%011o\0%b\0" % (
        name.ljust(_LONGEST_NAME, b"\0"),
        mode,
        b"0000000\0",
        b"0000000\0",
        size,
        mtime,
    )
    end = b"%b%bustar\x0000%b%b" % (kind, link.ljust(100, b"\0"), bytes(80), prefix)
    # The checksum is of the block with blanks in its own place.
    checksum = sum(start) + sum(end) + 8 * 0x20
    return b"%b%06o\0 %b" % (start, checksum, end.ljust(_BLOCK_BYTES - 156, b"\0"))
