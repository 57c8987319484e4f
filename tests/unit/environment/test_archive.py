"""One archive, one reading: every way to say two things is refused."""

from __future__ import annotations

import base64
import hashlib
import struct
import warnings
import zipfile
import zlib
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
    with pytest.raises(MismatchError, match="followed by something"):
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
    monkeypatch.setattr("holdfast.environment.archive._MOST_BYTES", 1 << 20)
    zeros = bytes(4 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", zeros)
        archive.writestr(f"{INFO}/RECORD", _row("zeros.bin", zeros))
    with pytest.raises(MismatchError, match="unpacks to more"):
        check_wheel(path)


def test_a_big_wheel_that_unpacks_to_as_much(path, monkeypatch):
    monkeypatch.setattr("holdfast.environment.archive._MOST_BYTES", 1 << 20)
    check_wheel(_wheel(path, [("big.bin", bytes(4 << 20))]))


def _deflated(path: Path, content: bytes, *, size: int, tail: bytes = b"") -> Path:
    """A wheel whose one module holds `content` and says that it is `size` long, both times."""
    packed = zlib.compressobj(wbits=-15)
    data = packed.compress(content) + packed.flush() + tail
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("mine.py")
        archive.writestr(entry, data)
        entry.compress_type, entry.file_size = zipfile.ZIP_DEFLATED, size
        entry.CRC = zlib.crc32(content)
        archive.writestr(f"{INFO}/RECORD", _row("mine.py", content).rpartition(",")[0] + ",")
    found = bytearray(path.read_bytes())
    struct.pack_into("<H", found, 8, zipfile.ZIP_DEFLATED)
    struct.pack_into("<3L", found, 14, entry.CRC, len(data), size)
    path.write_bytes(found)
    return path


def test_sizes_that_are_true(path):
    check_wheel(_deflated(path, b"x = 1\n" * 100, size=600))


@pytest.mark.parametrize("size", [0, 1, 599, 601, 1 << 30])
def test_sizes_that_lie(path, size):
    with pytest.raises(MismatchError, match="does not hold what it says"):
        check_wheel(_deflated(path, b"x = 1\n" * 100, size=size))


def test_something_behind_the_deflated_data(path):
    """Another file may hide there, from whoever stops at the stream's end."""
    with pytest.raises(MismatchError, match="something lies behind"):
        check_wheel(_deflated(path, b"x = 1\n" * 100, size=600, tail=b"evil"))


def test_data_that_are_cut(path):
    whole = _wheel(path).read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(MismatchError):
            check_wheel(path)


def test_any_byte_that_is_changed_is_seen_or_means_nothing(path):
    """Times, modes and hints may change: what is unpacked may not."""
    whole = _wheel(path).read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            check_wheel(path)
        except MismatchError:
            continue
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == ["mine.py", f"{INFO}/RECORD"]
            assert archive.read("mine.py") == b"answer = 42\n"


@pytest.mark.parametrize("name", ["mine.py/x.py", "MINE.PY/x.py", "mine.py/a/b"])
def test_a_file_that_is_a_folder_too(path, name):
    with pytest.raises(MismatchError, match="below a file"):
        check_wheel(_wheel(path, [(name, b"x")]))


def test_names_that_one_disk_holds_for_the_same(path):
    with pytest.raises(MismatchError, match="is there twice"):
        check_wheel(_wheel(path, [("caf\u00e9.py", b"1"), ("cafe\u0301.py", b"2")]))


def test_a_name_that_begins_a_line(path):
    with pytest.raises(MismatchError, match="no path inside"):
        check_wheel(_wheel(path, [("a\nb.py", b"x")]))


def test_a_folder_that_holds_something(path):
    with pytest.raises(MismatchError, match="is a folder, and holds something"):
        check_wheel(_wheel(path, [("data/", b"x")]))


def test_a_second_name_for_other_unpackers(path):
    entry = zipfile.ZipInfo("mine2.py")
    name = b"evil.py"
    field = struct.pack("<BL", 1, zlib.crc32(b"mine2.py")) + name
    entry.extra = struct.pack("<2H", 0x7075, len(field)) + field
    with pytest.raises(MismatchError):
        check_wheel(_wheel(path, [(entry, b"x")]))


def test_entries_that_overlap(path):
    """One entry's data, named twice: how small bombs are made big."""
    content = _wheel(path).read_bytes()
    end = content.rindex(b"PK\5\6")
    start = struct.unpack_from("<L", content, end + 16)[0]
    first = content[start : start + 46 + 7]
    twin = first.replace(b"mine.py", b"twin.py")
    tail = bytearray(content[end:])
    struct.pack_into("<2H2L", tail, 8, 3, 3, end - start + len(twin), start)
    path.write_bytes(content[:end] + twin + tail)
    with pytest.raises(MismatchError, match=r"reaches into|another header"):
        check_wheel(path)


def test_entries_with_room_for_4_gib_sizes_pass(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("mine.py", "w", force_zip64=True) as file:
            file.write(b"x")
        archive.writestr(f"{INFO}/RECORD", _row("mine.py", b"x"))
    check_wheel(path)


def _with_zip64_end(path: Path, **other: int) -> Path:
    """The wheel again, its end as those of more than 65535 entries or 4 GiB have it."""
    content = _wheel(path).read_bytes()
    end = content.rindex(b"PK\5\6")
    size, start = struct.unpack_from("<2L", content, end + 12)
    says = {"count": 2, "size": size, "start": start} | other
    values = says["count"], says["count"], says["size"], says["start"]
    long_end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *values)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    short = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    path.write_bytes(content[:end] + long_end + locator + short)
    return path


def test_an_end_for_many_entries_passes(path):
    check_wheel(_with_zip64_end(path))


@pytest.mark.parametrize("field", ["size", "start"])
def test_an_end_for_many_entries_that_lies(path, field):
    with pytest.raises(MismatchError):
        check_wheel(_with_zip64_end(path, **{field: 7}))


def test_a_directory_too_big_to_read(path, monkeypatch):
    monkeypatch.setattr("holdfast.environment.zipped._MOST_DIRECTORY_BYTES", 10)
    with pytest.raises(MismatchError, match="its directory has"):
        check_wheel(_wheel(path))


@pytest.mark.parametrize("size", ["11", "many"])
def test_a_size_in_record_that_is_another(path, size):
    row = _row("mine.py", b"answer = 42\n").rpartition(",")[0]
    with pytest.raises(MismatchError, match="not what RECORD says"):
        check_wheel(_wheel(path, record=f"{row},{size}\n{INFO}/RECORD,,\n"))


def test_a_record_that_says_two_things(path):
    record = f"{_row('mine.py', b'other')}\n{_row('mine.py', b'answer = 42' + bytes([10]))}\n"
    with pytest.raises(MismatchError, match="two things"):
        check_wheel(_wheel(path, record=record))


def test_a_record_with_a_field_too_long_for_csv(path):
    with pytest.raises(MismatchError, match="not a zip that can be read"):
        check_wheel(_wheel(path, record="x" * 200_000))
