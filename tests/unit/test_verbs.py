"""The public verbs stay what they are, whichever of the rooms of their names is imported."""

from __future__ import annotations

import subprocess
import sys

ALL = """
import holdfast
from holdfast.errors import HoldfastError

for _ in range(2):
    verbs = [holdfast.verify, holdfast.predict, holdfast.restore, holdfast.open_model]
    verbs += [holdfast.serve]
    assert all(map(callable, verbs)), verbs
    import holdfast.predict, holdfast.restore, holdfast.verify.verify, holdfast.serve.serve
from holdfast import HoldfastError as other, predict, restore
assert callable(predict) and callable(restore) and other is HoldfastError
assert not hasattr(holdfast, "nothing")
"""
FREE = """
import sys
import holdfast
heavy = {name.split(".")[0] for name in sys.modules} & {"mlflow", "packaging", "yaml", "click"}
assert not heavy, heavy
assert not [name for name in sys.modules if name.startswith("holdfast.")]
"""


def test_a_verb_is_a_function_also_after_its_module_was_imported():
    subprocess.run([sys.executable, "-c", ALL], check=True)


def test_importing_holdfast_imports_nothing():
    subprocess.run([sys.executable, "-c", FREE], check=True)
