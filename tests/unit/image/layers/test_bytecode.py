"""Modules compiled ahead for an image."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path

import pytest

from holdfast.errors import MismatchError, ToolError
from holdfast.image.layers.bytecode import Compiler, bytecode_of
from holdfast.image.values import Entry, Stored
from kit import run

LIB = "holdfast/environment/lib/python3.11/site-packages"
MODULES = {
    "plain.py": b"def answer():\n    return 42\n",
    "sets.py": b"WORDS = {'a', 'b', 'c', 'd', 'e'}\ndef has(x):\n    return x in {'u', 'v', 'w'}\n",
    "where.py": b"def here():\n    return here.__code__.co_filename\n",
}
HERE = Compiler(python=Path(os.path.realpath(sys.executable)), version=platform.python_version())


def entries(modules: dict[str, bytes] = MODULES) -> list[Entry]:
    return [Entry(path=f"{LIB}/own/{name}", content=text) for name, text in modules.items()]


def compiled(name: str) -> str:
    return f"{LIB}/own/__pycache__/{name}.{HERE.tag}.pyc"


def test_each_module_has_its_bytecode_beside_it_and_a_row_of_it():
    made, rows = bytecode_of(entries(), HERE)
    assert [one.path for one in made] == [compiled(name) for name in ("plain", "sets", "where")]
    assert [path for path, *_ in rows] == [one.path for one in made]
    assert all(size == len(one.content) for one, (_, size, _) in zip(made, rows, strict=True))


def test_python_loads_it_whatever_the_source_says_now(tmp_path):
    for one in (*entries(), *bytecode_of(entries(), HERE)[0]):
        path = tmp_path / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.content)
    (tmp_path / LIB / "own" / "plain.py").write_text("raise SystemExit('compiled again')\n")
    command = [str(HERE.python), "-B", "-c", "from own import plain; print(plain.answer())"]
    ran = run(command, cwd=tmp_path / LIB)
    assert (ran.code, ran.out) == (0, "42\n"), ran


def test_the_same_bytes_each_time(monkeypatch, tmp_path):
    first, _ = bytecode_of(entries(), HERE)
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.chdir(tmp_path)
    assert bytecode_of(reversed(entries()), HERE)[0] == first


def test_what_does_not_compile_or_is_no_module_of_a_library_is_left_out():
    odd = entries({"old.py": b"print 'hello'\n", "nul.py": b"x = '\0'\n", "data.txt": b"1"})
    script = Entry(path="holdfast/environment/bin/tool.py", content=b"1", executable=True)
    link = Entry(path=f"{LIB}/own/link.py", link="plain.py")
    made, _ = bytecode_of([*odd, *entries(), script, link], HERE)
    assert [one.path for one in made] == [compiled(name) for name in ("plain", "sets", "where")]


def test_a_module_is_compiled_only_if_it_is_what_was_said(tmp_path):
    source = tmp_path / "plain.py"
    source.write_bytes(b"print('other')")
    stored = Stored(path=source, size=14, sha256=hashlib.sha256(b"x").digest())
    with pytest.raises(MismatchError, match="not what was said of it"):
        bytecode_of([Entry(path=f"{LIB}/plain.py", content=stored)], HERE)


def test_a_python_that_is_none(tmp_path):
    with pytest.raises(ToolError, match="does not compile modules"):
        bytecode_of(entries(), Compiler(python=tmp_path / "python", version="3.11.7"))
