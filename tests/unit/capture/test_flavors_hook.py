"""Every flavor that MLflow has, those that cannot be had here too, passes where Holdfast stands.

A flavor is sealed when it calls `_PythonEnv.to_yaml`: the model must be whole by then. What it
needs is asked of `infer_pip_requirements`. Both are read from the source of MLflow as installed.
"""

from __future__ import annotations

import ast
from pathlib import Path

import mlflow
import pytest

MLFLOW = Path(mlflow.__file__).parent
SAVES = {"save_model", "save_explainer"}
NO_FLAVOR = {
    "models/wheeled_model.py": "puts wheels into a model that was saved before",
}
WRITES_ON = {
    "johnsnowlabs/__init__.py": "jars and licences, which are no part of what Holdfast vouches for",
}
# These name their packages themselves; the lock is read when they are sealed.
WITHOUT_INFERENCE = {"diffusers/__init__.py", "johnsnowlabs/__init__.py", "prophet/__init__.py"}


def _writers():
    """Every module of MLflow that saves a model, with its syntax tree."""
    for path in sorted(MLFLOW.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(f"def {name}(" in text for name in SAVES):
            tree = ast.parse(text)
            if any(_saves(node) for node in ast.walk(tree)):
                yield path.relative_to(MLFLOW).as_posix(), tree


def _saves(node: ast.AST) -> bool:
    named = isinstance(node, ast.FunctionDef) and node.name in SAVES
    return named and any(argument.arg == "mlflow_model" for argument in _arguments(node))


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.args, *function.args.kwonlyargs]


def _is_last_file(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and "_PythonEnv.current().to_yaml(" in ast.unparse(node)


WRITERS = dict(_writers())


def test_there_are_flavors_to_look_at():
    modules = {name.split("/")[0] for name in WRITERS}
    assert {"sklearn", "pyfunc", "johnsnowlabs", "diffusers", "spark", "langchain"} <= modules
    assert len(WRITERS) >= 25


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in NO_FLAVOR])
def test_the_last_file_a_flavor_writes_is_where_it_is_sealed(name):
    functions = [node for node in ast.walk(WRITERS[name]) if isinstance(node, ast.FunctionDef)]
    sealing = [one for one in functions if any(map(_is_last_file, one.body))]
    assert sealing, f"{name} never comes to _PythonEnv.to_yaml"
    if name in WRITES_ON:
        return
    for function in sealing:
        place = next(at for at, node in enumerate(function.body) if _is_last_file(node))
        after = function.body[place + 1 :]
        assert all(isinstance(node, ast.Return) for node in after), ast.unparse(function.body[-1])


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in NO_FLAVOR])
def test_what_a_flavor_needs_is_asked_of_the_function_that_is_wrapped(name):
    called = {
        ast.unparse(node.func).split(".")[-1]
        for node in ast.walk(WRITERS[name])
        if isinstance(node, ast.Call)
    }
    assert "_process_pip_requirements" in called
    assert "infer_pip_requirements" in called or name in WITHOUT_INFERENCE


@pytest.mark.parametrize("name", sorted({*NO_FLAVOR, *WRITES_ON, *WITHOUT_INFERENCE}))
def test_an_exception_is_still_one(name):
    text = (MLFLOW / name).read_text(encoding="utf-8")
    inferred = "infer_pip_requirements(" in text
    assert name not in WITHOUT_INFERENCE or not inferred
    assert name not in NO_FLAVOR or "_PythonEnv.current().to_yaml" not in text
