"""One archive, one reading: every way to say two things is refused."""

from __future__ import annotations

import base64
import hashlib
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from holdfast.environment.archive import check_wheel
from holdfast.errors import MismatchError

INFO = "mine-1.0.dist-info"


def _row(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(content)}"


def _wheel(path: Path, extra=(), *, record: str | None = None, mode: str = "w") -> Path:
    """A wheel of one module; `extra` entries are (name or ZipInfo, content), all in RECORD."""
    entries = [("mine.py", b"answer = 42\n"), *extra]
    names = [getattr(name, "filename", name) for name, _ in entries]
    rows = [_row(name, content) for name, (_, content) in zip(names, entries, strict=True)]
    text = "\n".join([*rows, f"{INFO}/RECORD,,", ""]) if record is None else record
    with warnings.catch_warnings(), zipfile.ZipFile(path, mode) as archive:
        warnings.simplefilter("ignore")  # of duplicate names
        for name, content in entries:
            archive.writestr(name, content)
        archive.writestr(f"{INFO}/RECORD", text)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine-1.0-py3-none-any.whl"


def test_an_honest_wheel_passes(path):
    check_wheel(_wheel(path))


def test_a_streamed_wheel_passes(path):
    class Pipe:
        """A file that cannot seek: sizes then follow the data."""

        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(data)

        def flush(self):
            self.file.flush()

    with path.open("wb") as file, zipfile.ZipFile(Pipe(file), "w") as archive:
        archive.writestr("mine.py", b"x")
        archive.writestr(f"{INFO}/RECORD", _row("mine.py", b"x"))
    check_wheel(path)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "/evil.py",
        "a/../../evil.py",
        "a\\evil.py",
        "c:evil.py",
        "./evil.py",
        "a//b.py",
    ],
)
def test_a_name_that_is_no_path_inside(path, name):
    with pytest.raises(MismatchError, match="no path inside the wheel"):
        check_wheel(_wheel(path, [(name, b"x")]))


@pytest.mark.parametrize("name", ["mine.py", "MINE.py"])
def test_an_entry_that_is_there_twice(path, name):
    with pytest.raises(MismatchError, match="is there twice"):
        check_wheel(_wheel(path, [(name, b"other")]))


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o010666])
def test_a_link_or_device(path, kind):
    entry = zipfile.ZipInfo("link.py")
    entry.external_attr = kind << 16
    with pytest.raises(MismatchError, match="is a link or a device"):
        check_wheel(_wheel(path, [(entry, b"/etc/passwd")]))


def test_another_name_in_the_entry_than_in_the_directory(path):
    content = _wheel(path).read_bytes()
    path.write_bytes(content.replace(b"mine.py", b"evil.py", 1))
    with pytest.raises(MismatchError):
        check_wheel(path)


@pytest.mark.parametrize(
    "field", [6, 8, 14, 18, 22], ids=["flags", "method", "crc", "packed", "size"]
)
def test_another_header_than_the_directory_has(path, field):
    content = bytearray(_wheel(path).read_bytes())
    content[field] ^= 4
    path.write_bytes(content)
    with pytest.raises(MismatchError):
        check_wheel(path)


def test_something_before_the_first_entry(path):
    path.write_bytes(b"#!/bin/sh\n" + _wheel(path).read_bytes())
    with pytest.raises(MismatchError):
        check_wheel(path)


def test_something_after_the_end(path):
    path.write_bytes(_wheel(path).read_bytes() + b"more")
    with pytest.raises(MismatchError):
        check_wheel(path)


def test_a_second_archive_inside_the_comment(path, tmp_path):
    inner = _wheel(tmp_path / "inner.whl").read_bytes()
    _wheel(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = inner
    with pytest.raises(MismatchError):
        check_wheel(path)


def test_an_entry_that_the_directory_does_not_have(path):
    """Hidden between two entries: an unpacker that streams would write it."""
    content = _wheel(path).read_bytes()
    end = content.rindex(b"PK\5\6")
    start = struct.unpack_from("<L", content, end + 16)[0]
    hidden = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 7, 0) + b"evil.py"
    tail = bytearray(content[start:])
    struct.pack_into("<L", tail, end - start + 16, start + len(hidden))
    path.write_bytes(content[:start] + hidden + tail)
    with pytest.raises(MismatchError, match="something lies between"):
        check_wheel(path)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (f"{INFO}/RECORD,,\n", "has no digest in RECORD"),
        (f"{_row('mine.py', b'other')}\n", "is not what RECORD says"),
        (f"{_row('mine.py', b'answer = 42')}\nabsent.py,sha256=x,1\n", "not in the wheel"),
        ("mine.py,md5=x,12\n", "has no digest"),
    ],
)
def test_a_record_that_does_not_fit(path, record, message):
    with pytest.raises(MismatchError, match=message):
        check_wheel(_wheel(path, record=record))


def test_no_record_or_two(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mine.py", "")
    with pytest.raises(MismatchError, match="0 RECORDs"):
        check_wheel(path)
    with pytest.raises(MismatchError, match="2 RECORDs"):
        check_wheel(_wheel(path, [("other-1.0.dist-info/RECORD", b"")]))


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip" * 100])
def test_no_zip_at_all(path, content):
    path.write_bytes(content)
    with pytest.raises(MismatchError, match="not a zip"):
        check_wheel(path)


def test_a_bomb(path, monkeypatch):
    monkeypatch.setattr("holdfast.environment.archive._MOST_BYTES", 10)
    with pytest.raises(MismatchError, match="unpacks to more"):
        check_wheel(_wheel(path))
