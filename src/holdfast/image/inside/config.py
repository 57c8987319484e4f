"""How the image is run: the part of its config that is not about layers.

Pure: the same arguments give the same config (OCI image specification, config.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.image.inside.places import GATEWAY, HOME, MODEL, USER, absolute

PORT = 8000
# Where SageMaker expects an answer: it runs the image with "serve" in the place of the command.
SAGEMAKER_PORT = 8080
_PROGRAMS = absolute(f"{GATEWAY}/bin")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What of a base's variables would make the gateway's Python another one.
_OF_ANOTHER_PYTHON = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX"}
_SECOND = 1_000_000_000  # durations are in nanoseconds


def image_config(
    base: Mapping[str, Any],
    labels: Mapping[str, str],
    *,
    slim: bool = False,
    slim_include: Iterable[str] = (),
) -> dict[str, Any]:
    """What is run in the image, as whom and with which variables.

    Args:
        base: The same of the base: its variables stay, everything else is said anew.
        labels: What the image says of itself: see `labels.py`.
        slim: Whether its environment is a slim one.
        slim_include: Packages that it was told to have in any case.
    """
    variables = _inherited(base) | _variables(slim=slim, slim_include=slim_include)
    ports = sorted({PORT, SAGEMAKER_PORT})
    return {
        "User": f"{USER}:{USER}",
        "ExposedPorts": {f"{port}/tcp": {} for port in ports},
        "Env": [f"{name}={text}" for name, text in sorted(variables.items())],
        "Entrypoint": [f"{_PROGRAMS}/holdfast"],
        "Cmd": ["serve", "--port", str(PORT)],
        "WorkingDir": "/",
        "Labels": dict(sorted(labels.items())),
        "StopSignal": "SIGTERM",
        # Docker's own; the specification keeps the name for it.
        "Healthcheck": {
            "Test": ["CMD", f"{_PROGRAMS}/python", "-I", "-m", "holdfast.serve.ping"],
            "Interval": 30 * _SECOND,
            "Timeout": 5 * _SECOND,
            "StartPeriod": 120 * _SECOND,
            "Retries": 3,
        },
    }


def _inherited(base: Mapping[str, Any]) -> dict[str, str]:
    """The base's variables, with a PATH that finds `holdfast`; a base may be an image of ours."""
    pairs = (str(text).partition("=") for text in base.get("Env") or ())
    found = {
        name: text
        for name, given, text in pairs
        if given and name not in _OF_ANOTHER_PYTHON and not name.startswith("HOLDFAST_")
    }
    return {**found, "PATH": f"{_PROGRAMS}:{found.get('PATH', _PATH)}"}


def _variables(*, slim: bool, slim_include: Iterable[str]) -> dict[str, str]:
    """Holdfast's own; whoever runs the image may say otherwise."""
    included = ",".join(sorted(slim_include))
    return {
        "HOLDFAST_HOME": absolute(HOME),
        "HOLDFAST_MODEL": absolute(MODEL),
        "HOLDFAST_OFFLINE": "1",
        "HOLDFAST_SERVE_HOST": "0.0.0.0",  # noqa: S104 - a container's own network
        "HOLDFAST_SERVE_PORT": str(SAGEMAKER_PORT),
        # Of all that a user has here, this alone can be written.
        "HOME": "/tmp",  # noqa: S108 - the container's own
        **({"HOLDFAST_SLIM": "1"} if slim else {}),
        **({"HOLDFAST_SLIM_INCLUDE": included} if slim and included else {}),
    }
