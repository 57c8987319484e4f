from __future__ import annotations

import io
import shutil
import subprocess
import tarfile

import pytest

from holdfast.errors import InputError
from holdfast.image.layers.tar import _FILE, _header, tar
from holdfast.image.values import Entry

_DEEP = "/".join(["holdfast"] + ["a-folder-of-some-length"] * 5 + ["a-file.py"])
_ENTRIES = [
    Entry(path="b/c.txt", content=b"c"),
    Entry(path="b/run", content=b"#!x\n", executable=True),
    Entry(path="b-a", content=b"between b and b/ in some orders"),
    Entry(path="b/link", link="../b-a"),
    Entry(path="b/far", link="/" + "x" * 120),
    Entry(path="empty"),
    Entry(path="nothing", content=b""),
    Entry(path="whole", content=bytes(512)),
    Entry(path=_DEEP, content=b"deep"),
    Entry(path="long/" + "n" * 101, content=b"no prefix helps"),
    Entry(path="é/ü ñ.txt", content=b"not ASCII"),
]


def _made(entries=_ENTRIES, **how) -> bytes:
    return b"".join(tar(entries, **how))


def _read(content: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        return archive.getmembers()


def test_python_reads_what_was_written():
    with tarfile.open(fileobj=io.BytesIO(_made()), mode="r:") as archive:
        for entry in _ENTRIES:
            found = archive.getmember(entry.path)
            if entry.link:
                assert (found.issym(), found.linkname) == (True, entry.link)
            elif entry.content is None:
                assert found.isdir()
            else:
                assert archive.extractfile(found).read() == entry.content
                assert found.mode == (0o755 if entry.executable else 0o644)


def test_everything_is_roots_and_of_the_time_that_was_given():
    for found in _read(_made(mtime=1_700_000_000)):
        assert (found.uid, found.gid, found.uname, found.gname) == (0, 0, "", "")
        assert found.mtime == 1_700_000_000
    assert {found.mtime for found in _read(_made())} == {0}


def test_parents_come_first_and_each_once():
    names = [found.name for found in _read(_made())]
    assert len(names) == len(set(names))
    for place, name in enumerate(names):
        parent = name.rpartition("/")[0]
        assert not parent or parent in names[:place]


def test_the_order_of_the_entries_does_not_count():
    assert _made(reversed(_ENTRIES)) == _made()


def test_pax_headers_only_where_a_name_needs_one():
    with_pax = {found.name for found in _read(_made()) if found.pax_headers}
    assert with_pax == {"b/far", "long/" + "n" * 101, "é", "é/ü ñ.txt"}


@pytest.mark.skipif(not shutil.which("tar"), reason="needs GNU tar")
def test_gnu_tar_reads_what_was_written(tmp_path):
    ran = subprocess.run(
        [shutil.which("tar"), "-xf", "-", "-C", tmp_path, "--no-same-owner"],
        input=_made(),
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    for entry in _ENTRIES:
        path = tmp_path / entry.path
        if entry.link:
            assert str(path.readlink()) == entry.link
        elif entry.content is None:
            assert path.is_dir()
        else:
            assert path.read_bytes() == entry.content


def test_a_size_of_more_than_eleven_digits():
    header = _header("big", _FILE, b"0000644", 9 << 30, b"%011o" % 0)
    with tarfile.open(fileobj=io.BytesIO(header), mode="r:") as archive:
        assert archive.next().size == 9 << 30


def test_of_two_files_of_one_path_the_later_counts():
    found = _made([Entry(path="a", content=b"1"), Entry(path="a", content=b"2")])
    assert found == _made([Entry(path="a", content=b"2")])


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "a/../../b", "a/./b", "a//b", "a/", "", ".", "a\0b", "a\nb"]
)
def test_paths_that_leave_the_image(path):
    with pytest.raises(InputError, match="no path inside"):
        _made([Entry(path=path, content=b"")])


def test_a_name_that_is_no_text():
    with pytest.raises(InputError, match="UTF-8"):
        _made([Entry(path="a\udcff", content=b"")])


@pytest.mark.parametrize(
    "entries",
    [
        [Entry(path="a", content=b""), Entry(path="a/b", content=b"")],
        [Entry(path="a", link="elsewhere"), Entry(path="a/b", content=b"")],
        [Entry(path="a", link="elsewhere"), Entry(path="a", content=b"")],
        [Entry(path="a"), Entry(path="a", content=b"")],
    ],
)
def test_two_things_at_one_path(entries):
    for order in (entries, entries[::-1]):
        with pytest.raises(InputError, match="image"):
            _made(order)
