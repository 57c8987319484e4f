"""What a caller may say to the backend: `--backend-config`, a JSON object."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import InputError

# What MLflow adds of its own, all in capitals.
_ENV_MANAGER, _SYNCHRONOUS, _DOCKER, _STORAGE = (
    "ENV_MANAGER",
    "SYNCHRONOUS",
    "DOCKER_ARGS",
    "STORAGE_DIR",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run an entry point.

    Attributes:
        extras: Optional dependencies of the project to have in the environment; None for those
            that `[tool.holdfast]` names.
        groups: Dependency groups, the same.
        python: The Python to take in the place of what the project says: "3.12".
        offline: Fetch nothing.
        shell: Give the command to a shell, as MLflow's own backend does.
        synchronous: MLflow waits for the end, and reports it.
        storage: Where files for parameters of the type `path` go; None for a temporary folder.
    """

    extras: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    python: str = ""
    offline: bool = False
    shell: bool = False
    synchronous: bool = True
    storage: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        """So that a model logged in the run is sealed with what it was trained with."""
        named = {"HOLDFAST_EXTRAS": self.extras, "HOLDFAST_GROUPS": self.groups}
        return {name: ",".join(value) for name, value in named.items() if value is not None}


_OURS = {"extras": tuple, "groups": tuple, "python": str, "offline": bool, "shell": bool}


def read_options(config: Mapping[str, Any]) -> Options:
    """The options in MLflow's backend configuration.

    Raises:
        InputError: A key that does not exist, or a value of the wrong kind; all of them at once.
    """
    ours = {key: value for key, value in config.items() if not _is_mlflows(key)}
    problems = [_unknown(key) for key in ours if key not in _OURS]
    problems += [
        f"{key} is {value!r}; expected {_expected(key)}"
        for key, value in ours.items()
        if key in _OURS and not _fits(key, value)
    ]
    if config.get(_ENV_MANAGER):
        problems.append("--env-manager has no meaning here: the environment is the lock's")
    if config.get(_DOCKER):
        problems.append("--docker-args has no meaning here: nothing runs in Docker")
    if problems:
        raise InputError(
            f"backend holdfast: {'; '.join(problems)}",
            hint=f"""--backend-config '{{"offline": true}}' takes {", ".join(_OURS)}""",
        )
    values: dict[str, Any] = {
        key: tuple(one) if isinstance(one, list) else one for key, one in ours.items()
    }
    return Options(
        **values,
        synchronous=bool(config.get(_SYNCHRONOUS, True)),
        storage=config.get(_STORAGE),
    )


def _is_mlflows(key: str) -> bool:
    return key.isupper() or key.startswith("_mlflow") or key in {"build_image", "docker_auth"}


def _fits(key: str, value: Any) -> bool:
    if _OURS[key] is tuple:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, _OURS[key])


def _expected(key: str) -> str:
    return {tuple: "a list of names", str: 'text, as "3.12"', bool: "true or false"}[_OURS[key]]


def _unknown(key: str) -> str:
    close = difflib.get_close_matches(key, _OURS, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"there is no key {key!r}{meant}"
