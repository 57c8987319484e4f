"""What is said when `mlflow.pyfunc.load_model` opens a sealed model where its environment is not.

MLflow compares a few requirements, and Python in a warning of its own. Here it is one warning, with
what matters most first and the command that gives the right environment. It runs in every process
that loads models: what is quick is done first, and whatever goes wrong, the model is loaded.
"""

from __future__ import annotations

import logging
import re
import shlex
import sys
import sysconfig
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from holdfast.lock.diff import drift
from holdfast.project.installed import installed_distributions
from holdfast.redact import printable, redact
from holdfast.seal.digest import LOCK_FILE, SEAL_FILE
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Seal
from holdfast.seal.store import read_seal

_logger = logging.getLogger("holdfast")

# A message names so many differences.
_MOST_NAMED = 5
# What of a requirement is the name (PEP 508).
_NAME = re.compile(r"[A-Za-z0-9._-]*")
_PYPROJECT = Path("holdfast", "project", "pyproject.toml")

# What this process was told already.
_said: set[str] = set()


def warn_of_differences(uri: str, folder: Path) -> bool:
    """Warn, once, of what this process has otherwise than the model in `folder` was sealed with.

    Args:
        uri: What the user named the model by.
        folder: Where its files are.

    Returns:
        Whether the seal vouches for an environment: if not, MLflow's own words are all there is.
    """
    try:
        if not (folder / SEAL_FILE).is_file():
            return False
        seal, _ = read_seal(folder)
        if seal.grade is Grade.INFERRED:
            return False
        said = _warning(uri, _differences(seal, folder))
    except Exception:
        _logger.debug("holdfast: the environment could not be compared", exc_info=True)
        return False
    if said and said not in _said:
        _said.add(said)
        _logger.warning(said)
    return True


def _warning(uri: str, differences: list[str]) -> str:
    if not differences:
        return ""
    named = differences[:_MOST_NAMED]
    if len(differences) > len(named):
        named.append(f"and {len(differences) - len(named)} more")
    model = printable(redact(uri))
    word = shlex.quote(model)
    return (
        f"holdfast: {model} was sealed with another environment than this process has: "
        f"{'; '.join(named)}\n\n"
        f"hint: holdfast run {word} -- python …, or holdfast predict {word} -i FILE"
    )


def _differences(seal: Seal, folder: Path) -> list[str]:
    """Python, the project's own packages and those that it asks for, the rest; far ones first."""
    sealed = _sealed_versions(seal, folder)
    installed = {name: one.version for name, one in installed_distributions().items()}
    found = drift(sealed, {name: installed[name] for name in sealed if name in installed})
    if not found:
        return _python(seal)
    wanted = {wheel.name for wheel in seal.wheels} | _asked_for(folder)
    lines = [
        (_rank(name, "", wanted), f"{name} {version or ''}".rstrip() + " (not here)")
        for name, version in found.missing
    ] + [
        (_rank(one.name, _step(one.locked, one.installed), wanted),
         f"{one.name} {one.locked} (here {one.installed})")
        for one in found.changed
    ]  # fmt: skip
    return [*_python(seal), *(printable(line) for _, line in sorted(lines))]


def _python(seal: Seal) -> list[str]:
    here = ".".join(map(str, sys.version_info[:2]))
    sealed = ".".join(seal.python.version.split(".")[:2])
    if (seal.python.implementation, sealed) == (sys.implementation.name, here):
        return []
    ours, theirs = sys.implementation.name, seal.python.implementation
    if ours != theirs:
        return [printable(f"{theirs} {sealed} (here {ours} {here})")]
    return [printable(f"Python {sealed} (here {here})")]


def _sealed_versions(seal: Seal, folder: Path) -> Mapping[str, str | None]:
    """What the seal has for this machine, by name.

    A lock takes a tenth of a second to read. It has nothing to add where the seal lists all that
    was installed, on a machine and a Python like these.
    """
    like_here = not _python(seal) and seal.python.platform == sysconfig.get_platform()
    if not seal.lock or (like_here and seal.grade is Grade.LOCKED):
        return {name: one.version for name, one in seal.distributions.items()}
    from holdfast.capture.here import versions_here

    return versions_here(_toml(folder / LOCK_FILE))


def _asked_for(folder: Path) -> set[str]:
    """The packages that the project itself depends on; none where that is not known."""
    from packaging.utils import canonicalize_name

    path = folder / _PYPROJECT
    lines = _toml(path).get("project", {}).get("dependencies", []) if path.is_file() else []
    return {canonicalize_name(_NAME.match(line)[0]) for line in lines}  # type: ignore[index]


def _rank(name: str, step: str, wanted: Collection[str]) -> tuple[bool, str, str]:
    return name not in wanted, step, name


def _step(locked: str, installed: str) -> str:
    """How far two versions are apart, as text that sorts: another major release comes first."""
    from packaging.version import InvalidVersion, Version

    try:
        old, new = Version(locked), Version(installed)
    except InvalidVersion:
        return "0"
    if old.major != new.major:
        return "1"
    return "2" if old.minor != new.minor else "3"


def _toml(path: Path) -> dict[str, Any]:
    import tomli

    return tomli.loads(path.read_text(encoding="utf-8"))
