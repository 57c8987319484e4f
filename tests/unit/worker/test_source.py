"""What runs in restored environments: no pickle, old grammar, standard library only."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import holdfast.worker

FOLDER = Path(holdfast.worker.__file__).parent
EVERY = sorted(FOLDER.glob("*.py"))
INSIDE = [path for path in EVERY if path.stem not in ("channel", "client", "process")]
UNPICKLERS = {"pickle", "_pickle", "marshal", "shelve", "cloudpickle", "dill", "joblib", "copyreg"}
# What the model brings, imported inside functions.
BROUGHT = {"mlflow", "numpy", "pandas", "scipy"}


def imported(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_nothing_here_can_unpickle(path):
    tree = ast.parse(path.read_text())
    assert not UNPICKLERS & set(imported(tree))
    words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not (UNPICKLERS | {"read_pickle", "eval", "exec", "loadtxt", "load_module"}) & words
    given = {
        word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords
    }
    assert "allow_pickle" not in given


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: path.name)
def test_what_runs_inside_is_python_3_8(path):
    ast.parse(path.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: path.name)
def test_what_runs_inside_imports_only_the_standard_library_at_first(path):
    tree = ast.parse(path.read_text())
    at_first = {name for node in tree.body for name in imported(node)
                if isinstance(node, (ast.Import, ast.ImportFrom))}  # fmt: skip
    assert at_first <= sys.stdlib_module_names
    assert set(imported(tree)) <= sys.stdlib_module_names | BROUGHT


def without_annotations(tree: ast.AST):
    """Every node that is evaluated when the module is used: annotations are only text there."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield node
                yield from without_annotations(node)


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: path.name)
def test_what_runs_inside_uses_no_newer_python(path):
    nodes = list(without_annotations(ast.parse(path.read_text())))
    generics = {
        node.value.id
        for node in nodes
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
    }
    assert not generics & {"dict", "list", "tuple", "set", "type"}
    called = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not called & {"removeprefix", "removesuffix", "pairwise", "waitstatus_to_exitcode"}
    words = {word.arg for node in nodes if isinstance(node, ast.Call) for word in node.keywords}
    assert not words & {"strict", "slots", "kw_only"}
