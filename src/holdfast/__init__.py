"""Holdfast keeps a machine-learning model and its exact environment together.

The public verbs, each imported when it is first used: `import holdfast` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from holdfast.errors import HoldfastError
    from holdfast.model import open_model
    from holdfast.predict import predict
    from holdfast.restore import restore
    from holdfast.verify.verify import verify

__all__ = ["HoldfastError", "__version__", "open_model", "predict", "restore", "verify"]

_HOMES = {
    "HoldfastError": "holdfast.errors",
    "open_model": "holdfast.model",
    "predict": "holdfast.predict",
    "restore": "holdfast.restore",
    "verify": "holdfast.verify.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
