"""First-party code of two models: the text files of sealed wheels and of the model's own folder.

Wheels are other people's input: compared with the seal before they are opened, read strictly, and
only as far as somebody would look at.
"""

from __future__ import annotations

import difflib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from holdfast.diff.difference import CodeChange
from holdfast.environment.archive import check_wheel
from holdfast.errors import MismatchError
from holdfast.model import Model
from holdfast.seal.digest import digest_bytes, inside
from holdfast.seal.seal import SealedWheel

_LARGEST_WHEEL = 64 << 20  # unpacked; more is no code
_LARGEST_FILE = 1 << 20
_MOST_FILES = 5000
_MOST_LINES = 20_000
_MOST_PAIRS = 200_000  # of all files together; a file of a thousand lines has some thousands
_TOO_MUCH = "too large to be compared line by line"
# MLflow's folder for `code_paths`, and models that are code themselves.
_CODE = re.compile(r"code/.*|.*\.py", re.DOTALL)
_VERSIONED = re.compile(r"^[^/]+\.(dist-info|data)/")

# A file of code: the package whose it is ("" for the model's folder), and its path there.
_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Text:
    """A file's lines; None where it is not for reading, and why."""

    digest: str
    lines: list[str] | None
    note: str = ""


def is_code(path: str) -> bool:
    """Whether a file of a model's folder is code."""
    return not path.startswith("holdfast/") and _CODE.fullmatch(path) is not None


def code_changes(a: Model, b: Model) -> tuple[CodeChange, ...]:
    """What differs, file by file.

    Raises:
        MismatchError: A file is not as it was sealed, or a wheel can be read in two ways.
    """
    before, after = (_code(one, other) for one, other in ((a, b), (b, a)))
    left = _MOST_PAIRS
    found = []
    for place in sorted(before.keys() | after.keys()):
        one, other = before.get(place), after.get(place)
        if _digest(one) != _digest(other):
            pairs = _pairs(one, other)
            left -= min(pairs, left)
            found.append(_change(place, one, other, readable=left > 0))
    return tuple(found)


def _pairs(one: _Text | None, other: _Text | None) -> int:
    """How many pairs of equal lines there are to choose from: what comparing takes grows with it.

    difflib leaves out lines that make up more than a hundredth of two hundred or more.
    """
    before, after = (Counter(text.lines or ()) if text else Counter[str]() for text in (one, other))
    total = after.total()
    often = total // 100 + 1 if total >= 200 else total  # noqa: PLR2004 - difflib's own numbers
    return sum(count * before[line] for line, count in after.items() if count <= often)


def _digest(text: _Text | None) -> str:
    return text.digest if text else ""


def _change(
    place: _Place, before: _Text | None, after: _Text | None, *, readable: bool
) -> CodeChange:
    owner, path = place
    what = "added" if before is None else "removed" if after is None else "changed"
    note = (after.note if after else "") or (before.note if before else "")
    note = note or ("" if readable else _TOO_MUCH)
    lines = () if note else _unified(path, before, after)
    return CodeChange(
        owner=owner,
        path=path,
        what=what,
        added=sum(line.startswith("+") for line in lines[2:]),
        removed=sum(line.startswith("-") for line in lines[2:]),
        lines=lines,
        note=note,
    )


def _unified(path: str, before: _Text | None, after: _Text | None) -> tuple[str, ...]:
    one, other = (text.lines or [] if text else [] for text in (before, after))
    names = (f"a/{path}" if before else "/dev/null", f"b/{path}" if after else "/dev/null")
    return tuple(difflib.unified_diff(one, other, *names, lineterm=""))


def _code(model: Model, other: Model) -> dict[_Place, _Text]:
    """The code of `model` in wheels and files that `other` does not have to the byte."""
    theirs = {(wheel.name, wheel.sha256) for wheel in other.seal.wheels}
    found: dict[_Place, _Text] = {}
    for wheel in model.seal.wheels:
        if (wheel.name, wheel.sha256) not in theirs:
            found |= _in_wheel(model, wheel)
    paths = [path for path in model.seal.files if is_code(path)][:_MOST_FILES]
    for path in paths:
        if model.seal.files[path] != other.seal.files.get(path):
            model.check_files(path)
            found["", path] = _text(_read(model, path))
    return found


def _in_wheel(model: Model, wheel: SealedWheel) -> Mapping[_Place, _Text]:
    data = _read(model, wheel.path)
    if data is None:
        return {(wheel.name, wheel.path): _too_large(wheel.sha256)}
    if digest_bytes(data) != wheel.sha256:
        raise MismatchError(f"{model.uri} is not as it was sealed: changed {wheel.path}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            size = sum(entry.file_size for entry in entries)
            if size > _LARGEST_WHEEL or len(entries) > _MOST_FILES:
                return {(wheel.name, wheel.path): _too_large(wheel.sha256)}
            check_wheel(inside(model.path, wheel.path))
            return dict(_texts(wheel.name, archive))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise MismatchError(f"the wheel {wheel.path} cannot be read: {error}") from error


def _texts(name: str, archive: zipfile.ZipFile) -> Iterator[tuple[_Place, _Text]]:
    for entry in archive.infolist():
        # RECORD and WHEEL say nothing that the files do not.
        if entry.is_dir() or entry.filename.endswith((".dist-info/RECORD", ".dist-info/WHEEL")):
            continue
        path = _VERSIONED.sub(r"\1/", entry.filename)
        yield (name, path), _text(archive.read(entry))


def _read(model: Model, path: str) -> bytes | None:
    """A file of the model; None where it is too large to be looked at."""
    sealed = model.seal.files.get(path)
    if sealed is not None and sealed.size > _LARGEST_WHEEL:
        return None
    model.check_files(path)
    with inside(model.path, path).open("rb") as file:
        return file.read(_LARGEST_WHEEL)


def _text(data: bytes | None) -> _Text:
    if data is None:
        return _too_large("")
    digest = digest_bytes(data)
    if len(data) > _LARGEST_FILE:
        return _too_large(digest)
    try:
        lines = None if b"\0" in data else data.decode().splitlines()
    except UnicodeDecodeError:
        lines = None
    if lines is None:
        return _Text(digest, None, "not text")
    return _Text(digest, lines) if len(lines) <= _MOST_LINES else _too_large(digest)


def _too_large(digest: str) -> _Text:
    return _Text(digest, None, _TOO_MUCH)
