"""Files of digits: what is read, and what is refused."""

import gzip
import hashlib
import struct
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from digits import data
from digits.data import Digits, load
from digits.idx import DataError, read_idx


def idx(array, kind=8):
    header = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return header + array.tobytes()


def made(count=30, seed=0):
    numbers = np.random.default_rng(seed)
    return (
        numbers.integers(0, 256, (count, 28, 28), np.uint8),
        numbers.integers(0, 10, count, np.uint8),
    )


def write(folder, images, labels, part="train", pack=gzip.compress, end=".gz"):
    (folder / f"{part}-images-idx3-ubyte{end}").write_bytes(pack(idx(images)))
    (folder / f"{part}-labels-idx1-ubyte{end}").write_bytes(pack(idx(labels)))


@pytest.mark.parametrize(("pack", "end"), [(gzip.compress, ".gz"), (bytes, ""), (bytes, ".gz")])
def test_what_is_written_is_read_packed_or_not(tmp_path, pack, end):
    images, labels = made()
    write(tmp_path, images, labels, "t10k", pack, end)
    digits = load("test", tmp_path)
    assert (digits.images == images).all()
    assert (digits.labels == labels).all()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no IDX file: it has 0 bytes"),
        (b"\x00\x00\x08", "no IDX file: it has 3 bytes"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "begins with 00 00 0d 01; expected 00 00 08 01"),
        (idx(np.zeros((2, 2), np.uint8)), "begins with 00 00 08 02"),
        (b"\x00\x00\x08\x01\x00\x00", "ends within its header"),
        (idx(np.zeros(5, np.uint8))[:-1], "has 4 values; its shape (5,) has 5"),
        (idx(np.zeros(5, np.uint8)) + b"x", "has 6 values"),
        (gzip.compress(idx(np.zeros(500, np.uint8)))[:-9], "cannot be read"),
        (b"\x1f\x8bno gzip", "cannot be read"),
    ],
)
def test_what_is_no_idx_file_of_bytes_is_refused(tmp_path, content, said):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_idx(path, dimensions=1)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images, labels: (images[:-1], labels), "expected (30, 28, 28), for 30 labels"),
        (lambda images, labels: (images[:, :27], labels), "has the shape (30, 27, 28)"),
        (lambda images, labels: (images, labels + 10), "0 to 9"),
        (lambda images, labels: (images[:0], labels[:0]), "at least one"),
    ],
)
def test_what_are_no_digits_is_refused(tmp_path, change, said):
    write(tmp_path, *change(*made()))
    with pytest.raises(DataError) as raised:
        load("train", tmp_path)
    assert said in str(raised.value)


def test_a_folder_without_them(tmp_path):
    with pytest.raises(DataError, match="has no train-images-idx3-ubyte"):
        load("train", tmp_path)


def test_a_split_is_a_split_and_the_same_one_each_time():
    digits = Digits(*made(100))
    kept, apart = digits.split(0.25, seed=3)
    assert (len(kept), len(apart)) == (75, 25)
    both = np.concatenate([kept.images, apart.images])
    assert sorted(map(bytes, both)) == sorted(map(bytes, digits.images))
    assert (digits.split(0.25, seed=3)[1].labels == apart.labels).all()
    assert not (digits.split(0.25, seed=4)[0].images == kept.images).all()


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    """A server of files; what it was asked for; downloads go to a folder of the test's."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(data, "ADDRESS", address + "/{name}-ubyte.gz")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield asked
    server.shutdown()
    server.server_close()


def test_a_download_is_checked_kept_and_not_fetched_again(tmp_path, publisher, monkeypatch):
    images, labels = made()
    write(tmp_path, images, labels)
    for name in ("train-images-idx3", "train-labels-idx1"):
        found = hashlib.sha256((tmp_path / f"{name}-ubyte.gz").read_bytes()).hexdigest()
        monkeypatch.setitem(data.SHA256, name, found)
    for _ in range(2):
        assert (load("train").images == images).all()
    assert len(publisher) == 2


@pytest.mark.usefixtures("publisher")
def test_another_file_than_the_one_that_was_published_is_not_kept(tmp_path):
    write(tmp_path, *made())
    with pytest.raises(DataError, match="is not what it was: SHA-256 "):
        load("train")
    assert not list(data.cache().glob("*"))


@pytest.mark.usefixtures("publisher")
def test_nothing_there():
    with pytest.raises(DataError, match="--data names a folder"):
        load("test")
