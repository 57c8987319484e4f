"""What a project's own code imports, and what modules an installed package has."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from holdfast.project.discover import Project
from holdfast.project.installed import Installed
from holdfast.project.modules import is_environment

_LARGEST = 2 << 20
_MOST_FILES = 5000
_NOT_CODE = frozenset(("node_modules", "site-packages", "__pycache__", "mlruns", "mlartifacts"))
# They run in environments of their own, which the project's needs say nothing of.
_OF_TOOLS = frozenset(("setup.py", "noxfile.py"))
_OF_TESTS = re.compile(r"(test_.*|.*_test|conftest)\.py")
_SUFFIXES = (".py", ".pyd", ".so")


@lru_cache(maxsize=4)
def _imported(folder: Path, *, surely: bool) -> frozenset[str]:
    found: set[str] = set()
    for path in _files(folder):
        if surely and _OF_TESTS.fullmatch(path.name):
            continue
        for text in _code_in(path):
            found.update(_imports(text, surely=surely))
    return frozenset(found)


def imported_by(project: Project, *, surely: bool = False) -> frozenset[str]:
    """The top names of all modules that its scripts, packages and notebooks import.

    Args:
        project: Whose code is read.
        surely: Only what the code cannot do without: not what it tries to import, or what only its
            tests or a type checker do.
    """
    return _imported(project.folder, surely=surely)


def own_names(project: Project) -> frozenset[str]:
    """The top names that the project's own files may be imported by, from wherever it runs."""
    paths = [path.relative_to(project.folder) for path in _files(project.folder)]
    folders = {part for path in paths for part in path.parts[:-1]}
    return frozenset(folders | {path.stem for path in paths})


def modules_of(one: Installed) -> frozenset[str]:
    """The top names that an installed distribution brings, by its RECORD; empty where none is."""
    return _modules(one.dist_info / "RECORD")


@lru_cache(maxsize=4096)
def _modules(record: Path) -> frozenset[str]:
    try:
        with record.open(encoding="utf-8", newline="") as rows:
            paths = [row[0] for row in csv.reader(rows) if row]
    except (OSError, UnicodeDecodeError, csv.Error):
        return frozenset()
    tops = set()
    for path in paths:
        top, slash, rest = path.partition("/")
        if slash and rest.endswith(_SUFFIXES) and top.isidentifier():
            tops.add(top)
        elif not slash and top.endswith(_SUFFIXES):
            tops.add(top.partition(".")[0])
    return frozenset(tops - {"__pycache__"})


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for root, folders, names in os.walk(folder):
        here = Path(root)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _NOT_CODE
            and not is_environment(here / name)
            and not (here / name / "pyproject.toml").exists()  # a project of its own
        )
        for name in sorted(names):
            if name.endswith((".py", ".ipynb")) and name not in _OF_TOOLS and seen < _MOST_FILES:
                seen += 1
                yield here / name


def _code_in(path: Path) -> Iterator[str]:
    try:
        if path.stat().st_size > _LARGEST:
            return
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if path.suffix == ".py":
        yield text
        return
    try:
        for cell in json.loads(text).get("cells", ()):
            if cell.get("cell_type") == "code":
                lines = "".join(cell.get("source", ())).splitlines()
                # IPython's own words are no Python.
                yield "\n".join(line for line in lines if line.lstrip()[:1] not in ("%", "!", "?"))
    except (ValueError, AttributeError, TypeError):
        return


def _imports(text: str, *, surely: bool) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in somebody's strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in _sure(tree) if surely else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _sure(tree: ast.AST) -> Iterator[ast.AST]:
    """All that is neither tried nor for type checkers only."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo += node.orelse
        elif not isinstance(node, ast.Try):
            todo += ast.iter_child_nodes(node)
