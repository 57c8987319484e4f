"""About to run something in an environment: it is looked at, leased and activated."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from holdfast.errors import MismatchError
from holdfast.redact import printable

if TYPE_CHECKING:
    from holdfast.environment.store import Environment, Store

# A message names so many files.
_MOST_NAMED = 5
_OF_ANOTHER_PYTHON = ("PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX")


def refuse_changed(store: Store, environment: Environment) -> None:
    """Refuse an environment in which somebody has written, before its code runs.

    At a glance: a change that kept a file's size and time is what `verify` finds.

    Raises:
        MismatchError: A file came, went or was changed since the environment was built.
    """
    paths = store.glance(environment).paths
    if not paths:
        return
    named = ", ".join(map(printable, paths[:_MOST_NAMED]))
    if len(paths) > _MOST_NAMED:
        named += f" and {len(paths) - _MOST_NAMED} more"
    key = environment.key[:12]
    raise MismatchError(
        f"the environment {key} is not as it was built: {named}",
        hint=f"to have it built again: holdfast env prune --key {key}",
    )


def lasting_lease(store: Store, environment: Environment) -> int:
    """A file descriptor that leases `environment` for as long as any process holds it.

    Handed to a command, and by it to what it starts, it outlives this process. Take it under
    `Store.lease`.
    """
    from holdfast.environment.lease import acquire

    held = acquire(store.layout.lease_lock(environment.key), shared=True)
    assert held is not None  # noqa: S101 - shared, and waited for
    return held


def activated(environment: Environment) -> dict[str, str]:
    """This process's variables, as activating `environment` would set them."""
    kept = {name: text for name, text in os.environ.items() if name not in _OF_ANOTHER_PYTHON}
    bytecode = {"PYTHONDONTWRITEBYTECODE": "1"}
    if environment.pycache is not None:
        bytecode = {"PYTHONPYCACHEPREFIX": str(environment.pycache)}
    return kept | {
        "VIRTUAL_ENV": str(environment.path),
        "PATH": os.pathsep.join((str(environment.path / "bin"), kept.get("PATH", os.defpath))),
        **bytecode,
    }
