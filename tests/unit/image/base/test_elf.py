"""What ELF files say, told from real ones and from broken ones."""

import io
import json
import random
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

from holdfast.image.base.elf import Elf, read_elf
from holdfast.image.base.identity import identify

SSL = Path(str(find_spec("_ssl").origin))


def _read(content: bytes) -> Elf | None:
    return read_elf(io.BytesIO(content))


def test_an_extension_module_says_what_it_needs():
    elf = _read(SSL.read_bytes())
    assert elf.machine == sysconfig.get_platform().split("-")[1]
    assert any(name.startswith("libssl.so") for name in elf.needed)
    assert any(version.startswith("GLIBC_") for version in elf.requires["libc.so.6"])


def test_what_is_kept_of_it_says_the_same():
    elf = _read(SSL.read_bytes())
    assert Elf.from_json(json.loads(json.dumps(elf.as_json()))) == elf


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + bytes(200)])
def test_what_is_no_elf_file_is_none(content):
    assert _read(content) is None


def test_a_file_without_sections_says_what_it_needs_all_the_same():
    content = bytearray(SSL.read_bytes())
    content[40:48] = bytes(8)  # e_shoff
    content[60:64] = bytes(4)  # e_shnum, e_shstrndx
    stripped, whole = _read(bytes(content)), _read(SSL.read_bytes())
    assert stripped.needed == whole.needed
    assert stripped.requires == {}


def test_a_program_names_its_loader():
    content = Path(sys.executable).resolve().read_bytes()
    assert _read(content).loader.startswith("/lib")


def test_a_broken_file_raises_nothing_and_ends():
    whole = SSL.read_bytes()
    chance = random.Random(20)  # noqa: S311 - the same each time
    for _ in range(60):
        broken = bytearray(whole[: chance.randrange(100, len(whole))])
        for _ in range(20):
            # Headers are at both ends.
            at = chance.choice([chance.randrange(600), -1 - chance.randrange(3000)])
            broken[at % len(broken)] = chance.randrange(256)
        elf = _read(bytes(broken))
        assert elf is None or all("\0" not in name for name in elf.needed)


def test_names_that_are_none_are_left_out():
    content = SSL.read_bytes().replace(b"libc.so.6\0", b"l\nbc.so.6\0")
    assert not [name for name in _read(content).needed if "\n" in name]


def test_a_file_that_only_calls_itself_a_python_is_none():
    content = SSL.read_bytes()
    assert identify("usr/bin/python3.11", io.BytesIO(content)) == ""


def test_a_version_that_does_not_fit_the_name_is_not_believed(tmp_path):
    minor = "{}.{}".format(*sys.version_info)
    content = f"\0{minor}.1\0{minor}.2\0.cpython-311-x86_64-linux-gnu.so\0".encode()
    assert identify(f"usr/bin/python{minor}", io.BytesIO(content)) == ""


@pytest.mark.parametrize("name", ["lib/ld-musl-x86_64.so.1", "lib/x86_64-linux-musl/libc.so"])
def test_a_musl_says_so_whatever_it_is_called(name):
    content = b"\0musl libc (x86_64)\nVersion %s\n\0\x001.2.5\0"
    assert identify(name, io.BytesIO(content)) == "musl-1.2"
    assert identify(name, io.BytesIO(b"\x001.2.5\0")) == ""
