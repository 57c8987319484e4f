"""Which Python or which libc a file is, told from its bytes: nothing is run."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import BinaryIO

from holdfast.image.base.elf import find_symbol

# The names that these files have in any distribution; `python3` is a link to one of them.
_PYTHON = re.compile(r"(?:python|libpython)(3\.[0-9]{1,2})t?(?:\.so(?:\.1\.0)?)?", re.ASCII)
_GLIBC_NAME = re.compile(r"libc(?:\.so\.6|-2\.[0-9]+\.so)", re.ASCII)
_MUSL_NAME = re.compile(r"(?:ld-musl-[a-z0-9_]+|libc\.musl-[a-z0-9_]+)\.so\.1|libc\.so", re.ASCII)

_GLIBC = re.compile(rb"GNU C Library [^\0\n]{0,80}release version (2\.[0-9]{1,3})")
_MUSL = re.compile(rb"\0(1\.[0-9]{1,3}\.[0-9]{1,3})(?:-git[^\0]{0,40})?\0")
# EXT_SUFFIX, which CPython compiles in (PEP 3149): ".cpython-311-x86_64-linux-gnu.so".
_SUFFIX = re.compile(rb"\.(cpython-3[0-9]{1,2}[a-z]{0,3}-[a-z0-9_]{1,20}-linux-[a-z]{3,10})\.so\0")
_WITHIN_NUMBERS = {b"%d" % digit for digit in range(10)} | {b"."}
_LEVELS = {0xA: "a", 0xB: "b", 0xC: "rc", 0xF: ""}
# Nothing that is identified is anywhere near; a debug build of libpython has 100 MB.
_MOST_BYTES = 256 << 20


def is_interesting(path: str) -> bool:
    """Whether a file of this name may be a Python or a libc."""
    name = PurePosixPath(path).name
    patterns = (_PYTHON, _GLIBC_NAME, _MUSL_NAME)
    return any(pattern.fullmatch(name) for pattern in patterns)


def identify(path: str, file: BinaryIO) -> str:
    """Which Python or libc a file is.

    Returns:
        "cpython 3.11.7 cpython-311-x86_64-linux-gnu", "glibc-2.36", "musl-1.2", or "" where it is
        neither, or a Python whose code is in its libpython.
    """
    name = PurePosixPath(path).name
    file.seek(0)
    content = file.read(_MOST_BYTES)
    python = _PYTHON.fullmatch(name)
    if python:
        return _python(file, content, python[1])
    if _GLIBC_NAME.fullmatch(name):
        found = _GLIBC.search(content)
        return f"glibc-{found[1].decode()}" if found else ""
    found = _MUSL.search(content) if b"musl libc" in content else None
    return f"musl-{found[1].decode().rpartition('.')[0]}" if found else ""


def _python(file: BinaryIO, content: bytes, minor: str) -> str:
    suffixes = set(_SUFFIX.findall(content))
    version = _exported(file) or _spelled(content, minor)
    if len(suffixes) != 1 or not version.startswith(f"{minor}."):
        return ""
    return f"cpython {version} {suffixes.pop().decode()}"


def _exported(file: BinaryIO) -> str:
    """`Py_Version`, which CPython exports since 3.11 (C API, "API and ABI Versioning")."""
    number = int.from_bytes(find_symbol(file, "Py_Version", 8), "little")
    major, minor, micro = number >> 24, number >> 16 & 0xFF, number >> 8 & 0xFF
    level, serial = _LEVELS.get(number >> 4 & 0xF), number & 0xF
    if major != 3 or level is None:  # noqa: PLR2004 - Python 3
        return ""
    return f"{major}.{minor}.{micro}" + (f"{level}{serial}" if level else "")


def _spelled(content: bytes, minor: str) -> str:
    """The full version as a text in the program, where only one can be meant."""
    # It begins with what cannot vary, which `re` finds fast among megabytes.
    release = rb"%s\.[0-9]{1,3}(?:(?:a|b|rc)[0-9]{1,3})?(?=\+?\0)" % re.escape(minor).encode()
    found = {
        one[0]
        for one in re.finditer(release, content)
        if content[one.start() - 1 : one.start()] not in _WITHIN_NUMBERS
    }
    return found.pop().decode() if len(found) == 1 else ""
