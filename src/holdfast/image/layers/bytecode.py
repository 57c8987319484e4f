"""Bytecode of modules, compiled ahead by a Python of this machine of the same minor release.

Unchecked and hash-based (PEP 552): nothing of the source's time is in it, and nothing compares it
with the source when it is loaded; in an image both are as they were made. The same Python gives the
same bytes: names in it are those in the image, hashes are not random, and each layer's modules are
compiled in one order by a process of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from posixpath import basename, dirname

from holdfast.environment.tree import digest_bytes
from holdfast.errors import ToolError
from holdfast.image.layers.contents import Contents
from holdfast.image.values import Entry, Row

# Reads a list of [source, name in the image, target]; what does not compile is left out: packages
# bring templates and tests of other Pythons.
_COMPILE = """
import json, py_compile, sys
for source, name, target in json.load(sys.stdin):
    try:
        py_compile.compile(
            source, target, name, doraise=True, quiet=2,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except (py_compile.PyCompileError, RecursionError, ValueError):
        pass
"""
_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A Python of this machine.

    Attributes:
        python: The program.
        version: Its full version; the image's Python has the same minor release.
    """

    python: Path
    version: str

    @property
    def tag(self) -> str:
        """What names of compiled files have in them (PEP 3147): "cpython-311"."""
        major, minor = self.version.split(".")[:2]
        return f"cpython-{major}{minor}"


def bytecode_of(
    entries: Iterable[Entry], compiler: Compiler
) -> tuple[tuple[Entry, ...], tuple[Row, ...]]:
    """The compiled form of each module among `entries`, and a row for each, both by path.

    Args:
        entries: Of one layer.
        compiler: What compiles them.

    Raises:
        MismatchError: A module is not what was said of it.
        ToolError: The Python fails.
        OSError: A module cannot be read, or the disk is full.
    """
    modules = sorted((one for one in entries if _is_module(one)), key=lambda one: one.path)
    with tempfile.TemporaryDirectory(prefix="holdfast-bytecode-") as scratch:
        jobs = list(_jobs(modules, Path(scratch)))
        _run(compiler, jobs, scratch)
        made = [
            Entry(path=_compiled(one.path, compiler.tag), content=Path(target).read_bytes())
            for one, (_, _, target) in zip(modules, jobs, strict=True)
            if Path(target).exists()
        ]
    return tuple(made), tuple(map(_row, made))


def _is_module(entry: Entry) -> bool:
    return entry.path.endswith(".py") and entry.content is not None and "/lib/" in entry.path


def _compiled(path: str, tag: str) -> str:
    return f"{dirname(path)}/__pycache__/{basename(path).removesuffix('.py')}.{tag}.pyc"


def _row(entry: Entry) -> Row:
    content = entry.content
    assert isinstance(content, bytes)  # noqa: S101 - made so above
    return entry.path, len(content), digest_bytes(content)


def _jobs(modules: Iterable[Entry], scratch: Path) -> Iterator[tuple[str, str, str]]:
    """Each module as a file: where it lies, what it is called in the image, where to compile it."""
    with ExitStack() as opened:
        contents = Contents(opened)
        for number, module in enumerate(modules):
            source = scratch / f"{number}.py"
            assert module.content is not None  # noqa: S101 - see _is_module
            _, pieces = contents.open(module.content)
            with source.open("xb") as file:
                file.writelines(pieces)
            yield str(source), f"/{module.path}", str(scratch / f"{number}.pyc")


def _run(compiler: Compiler, jobs: list[tuple[str, str, str]], scratch: str) -> None:
    # -I would not let it see the variable that makes the order of sets the same each time.
    command = [str(compiler.python), "-s", "-S", "-B", "-c", _COMPILE]
    try:
        subprocess.run(
            command,
            input=json.dumps(jobs),
            cwd=scratch,
            env={"PYTHONHASHSEED": "0", "PATH": os.defpath},
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{compiler.python} does not compile modules: {error}") from error
