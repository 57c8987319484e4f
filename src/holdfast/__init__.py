"""Holdfast keeps a machine-learning model and its exact environment together.

The public verbs, each imported when it is first used: `import holdfast` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from holdfast.diff.diff import diff
    from holdfast.errors import HoldfastError
    from holdfast.image.build import build_image
    from holdfast.model import open_model
    from holdfast.predict import predict
    from holdfast.restore.restore import restore
    from holdfast.score.ray_engine import ray
    from holdfast.score.score import score
    from holdfast.score.spark_engine import spark
    from holdfast.serve.serve import serve
    from holdfast.verify.verify import verify

__all__ = [
    "HoldfastError",
    "__version__",
    "build_image",
    "diff",
    "open_model",
    "predict",
    "ray",
    "restore",
    "score",
    "serve",
    "spark",
    "verify",
]

_HOMES = {
    "HoldfastError": "holdfast.errors",
    "build_image": "holdfast.image.build",
    "diff": "holdfast.diff.diff",
    "open_model": "holdfast.model",
    "predict": "holdfast.predict",
    "ray": "holdfast.score.ray_engine",
    "restore": "holdfast.restore.restore",
    "score": "holdfast.score.score",
    "serve": "holdfast.serve.serve",
    "spark": "holdfast.score.spark_engine",
    "verify": "holdfast.verify.verify",
}


class _Holdfast(ModuleType):
    """This package. A verb keeps its name, though the room that it lives in has the same one."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __setattr__(self, name: str, value: object) -> None:
        # What the import of a submodule does to its package.
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Holdfast
