"""What an environment is restored from, as a folder: lock, wheels, and what a seal says of them.

The folder is the same for as long as the environment is: a build that has restored it once does not
do so again for another model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from holdfast.environment.spec import Spec
from holdfast.errors import InputError
from holdfast.seal.digest import LOCK_FILE
from holdfast.seal.store import to_json

LATE_LOCKS = "late-locks"  # as in Holdfast's folder
_FILE = "spec.json"


def write_recipe(spec: Spec, folder: Path) -> None:
    """Write all of `spec` into `folder`, but for the wheels."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LOCK_FILE).write_text(spec.pylock, encoding="utf-8")
    document = {
        "only": None if spec.only is None else sorted(spec.only),
        "python": spec.python,
        "implementation": spec.implementation,
        "indexes": spec.indexes,
        "records": spec.records,
        "recorded_on": spec.recorded_on,
    }
    (folder / _FILE).write_bytes(to_json(document))


def read_recipe(folder: Path) -> Spec:
    """The spec that was written into `folder`.

    Raises:
        InputError: There is none.
    """
    try:
        known: dict[str, Any] = json.loads((folder / _FILE).read_bytes())
        return Spec(
            pylock=(folder / LOCK_FILE).read_text(encoding="utf-8"),
            folder=folder,
            only=None if known["only"] is None else frozenset(known["only"]),
            python=known["python"],
            implementation=known["implementation"],
            indexes=tuple((name, url) for name, url in known["indexes"]),
            records=known["records"],
            recorded_on=known["recorded_on"] and tuple(known["recorded_on"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} holds no environment to restore: {error}") from error
