"""Whatever is put into a layer comes out of it again; whatever a wheel holds stays in its place."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError, MismatchError
from holdfast.image.layers.compress import Compression, compressor
from holdfast.image.layers.contents import read_stored
from holdfast.image.layers.group import group
from holdfast.image.layers.place import Place
from holdfast.image.layers.tar import tar
from holdfast.image.layers.wheel import wheel_entries
from holdfast.image.values import Entry, Stored
from layer_wheels import build_wheel

_PLACE = Place(root="/holdfast/environment", python_version="3.11")

# Names as file systems have them, and those that only a hostile archive has.
_part = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
_odd = st.sampled_from(["..", ".", "", "a", "A", "a.py", "mine-1.0.data", "scripts", "data"])
_path = st.lists(_part, min_size=1, max_size=6).map("/".join)
_any_path = st.lists(_part | _odd, min_size=1, max_size=6).map("/".join)
_entry = st.one_of(
    st.builds(Entry, path=_path, content=st.binary(max_size=1500), executable=st.booleans()),
    st.builds(Entry, path=_path, link=_path),
    st.builds(Entry, path=_path),
)


def _taken(entries) -> bytes | None:
    try:
        return b"".join(tar(entries))
    except InputError:
        return None


@given(st.lists(_entry, max_size=12), st.randoms(use_true_random=False))
def test_a_tar_holds_what_was_put_in_and_its_order_does_not_count(entries, chance):
    entries = list({one.path: one for one in entries}.values())
    made = _taken(entries)
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert _taken(shuffled) == made
    if made is None:
        return
    assert len(made) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(made), mode="r:") as archive:
        found = {one.name: one for one in archive}
        for entry in entries:
            one = found[entry.path]
            if entry.link:
                assert (one.issym(), one.linkname) == (True, entry.link)
            elif entry.content is None:
                assert one.isdir()
            else:
                assert archive.extractfile(one).read() == entry.content
                assert one.mode == (0o755 if entry.executable else 0o644)
        above = {parent for entry in entries for parent in _above(entry.path)}
        assert found.keys() == above | {entry.path for entry in entries}


def _above(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts))}


@given(st.lists(st.builds(Entry, path=_any_path, content=st.just(b"")), max_size=6))
def test_no_path_of_a_tar_leaves_its_root(entries):
    made = _taken(entries)
    if made is not None:
        with tarfile.open(fileobj=io.BytesIO(made), mode="r:") as archive:
            for one in archive:
                assert not one.name.startswith("/")
                assert not {"", ".", ".."} & set(one.name.split("/"))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 3 << 20),
    st.integers(1 << 16, 2 << 20),
    st.sampled_from(list(Compression)),
    st.integers(0, 1 << 30),
)
@example(1 << 20, 1 << 20, Compression.GZIP, 0)
@example(0, 1 << 16, Compression.GZIP, 0)
@example(0, 1 << 16, Compression.ZSTD, 0)
def test_what_is_compressed_comes_out_and_the_cuts_do_not_show(length, cut, compression, seed):
    chance = random.Random(seed)  # noqa: S311 - the same content for the same seed
    words = [chance.randbytes(chance.randint(1, 90)) for _ in range(500)]
    content = b"".join(chance.choices(words, k=length // 45))[:length]
    whole, pieces = compressor(compression), compressor(compression)
    made = whole.compress(content) + whole.flush()
    cuts = [content[start : start + cut] for start in range(0, len(content), cut)]
    assert b"".join(map(pieces.compress, cuts)) + pieces.flush() == made
    if compression is Compression.GZIP:
        assert gzip.decompress(made) == content
    else:
        assert zstandard.ZstdDecompressor().decompressobj().decompress(made) == content


@given(st.binary(max_size=5000), st.binary(max_size=30), st.integers(0, 9), st.data())
def test_packed_bytes_are_what_was_said_of_them_or_refused(content, before, level, data):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    packed = bytearray(packer.compress(content) + packer.flush())
    spoilt = data.draw(st.booleans())
    if spoilt:
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    size = data.draw(st.just(len(content)) | st.integers(0, 6000))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "w")
        path.write_bytes(before + packed)
        stored = Stored(path=path, size=size, offset=len(before), packed=len(packed))
        try:
            found = read_stored(stored)
        except MismatchError:
            assert spoilt or size != len(content)
        else:
            assert len(found) == size
            assert spoilt or found == content


@settings(deadline=None)
@given(st.dictionaries(_any_path, st.binary(max_size=50), max_size=5))
@example({"0": b"", "0/0": b""})
def test_a_wheel_stays_in_its_environment_or_is_refused(files):
    with tempfile.TemporaryDirectory() as folder:
        try:
            entries, rows = wheel_entries(build_wheel(Path(folder), files), _PLACE)
        except MismatchError:
            return
        assert [row[0] for row in rows] == [entry.path for entry in entries]
        for entry in entries:
            assert entry.path.startswith("holdfast/environment/")
            assert not {"", ".", ".."} & set(entry.path.split("/"))
        assert _taken(entries) is not None


@settings(deadline=None)
@given(st.data())
def test_a_spoilt_wheel_gives_what_its_record_says_or_nothing(data):
    with tempfile.TemporaryDirectory() as folder:
        path = build_wheel(Path(folder), {"mine/a.py": b"a = 1\n", "mine/b.so": bytes(range(200))})
        with zipfile.ZipFile(path) as archive:
            honest = {name: archive.read(name) for name in archive.namelist()}
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        try:
            entries, _ = wheel_entries(path, _PLACE)
            found = {one.path.rpartition("/")[2]: one.content for one in entries}
            for name, said in honest.items():
                one = found.get(name.rpartition("/")[2])
                if isinstance(one, Stored) and name.startswith("mine/"):
                    # A digest that was spoilt too is another digest, which these bytes have not.
                    assert read_stored(one) == said
        except MismatchError:
            pass


_sizes = st.dictionaries(
    st.text("abcdefghij-", min_size=1, max_size=8), st.integers(0, 1 << 24), max_size=40
)


@given(_sizes, st.integers(1, 40))
def test_every_package_is_in_one_layer_and_there_are_not_too_many(sizes, most):
    groups = group(sizes, most)
    assert sorted(name for one in groups for name in one) == sorted(sizes)
    assert len(groups) <= most
    assert all(one and list(one) == sorted(one) for one in groups)


@given(_sizes, st.text("abcdefghij-", min_size=1, max_size=8), st.integers(0, 1 << 24))
def test_what_one_package_does_changes_the_layers_it_was_and_is_in(sizes, name, size):
    before = set(group({**sizes, name: sizes.get(name, 0)}, 100))
    after = set(group({**sizes, name: size}, 100))
    changed = before ^ after
    # Its pool, and its own layer where it grew into one or shrank out of it.
    assert sum(name in one for one in changed) <= len(changed) <= 3
