from __future__ import annotations

import base64
import hashlib
import os

import pytest

from holdfast.environment.tree import Digests, digest_bytes, digest_file, scan


def _expected(content: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, content).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize("size", [0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3 << 18])
def test_a_digest_is_of_every_byte(tmp_path, size):
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert digest_file(str(path)) == digest_bytes(content) == _expected(content)
    assert digest_file(str(path), "sha512") == _expected(content, "sha512")
    assert Digests(str(tmp_path), {"file": size}).result() == {"file": _expected(content)}


def test_many_files(tmp_path):
    contents = {f"{number % 7}/{number}": os.urandom(number) for number in range(500)}
    for path, content in contents.items():
        tmp_path.joinpath(path).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(path).write_bytes(content)
    tree = scan(str(tmp_path))
    assert tree.files.keys() == contents.keys()
    sizes = {path: found.st_size for path, found in tree.files.items()}
    assert Digests(str(tmp_path), sizes).result() == {p: _expected(c) for p, c in contents.items()}


def test_links_are_never_followed(tmp_path):
    tmp_path.joinpath("outside").mkdir()
    tmp_path.joinpath("outside", "x").touch()
    root = tmp_path / "root"
    root.mkdir()
    root.joinpath("folder").symlink_to("../outside")
    root.joinpath("file").symlink_to("../outside/x")
    os.mkfifo(root / "pipe")
    tree = scan(str(root))
    assert tree.files == {}
    assert tree.links == {"folder": "../outside", "file": "../outside/x"}
    assert tree.odd == ["pipe"]
    with pytest.raises(OSError, match="symbolic"):
        digest_file(str(root / "file"))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Digests(str(tmp_path), {"gone": 1}).result()
