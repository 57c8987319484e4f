"""This process's Python as markers see it (PEP 508), and what a lock has for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.markers import Marker, default_environment


def markers_here() -> dict[str, str]:
    """The marker environment of the Python that runs."""
    return {name: str(value) for name, value in default_environment().items()}


def versions_here(pylock: Mapping[str, Any]) -> dict[str, str | None]:
    """The versions that a PEP 751 lock has for this Python, by name.

    None where only the build says it.
    """
    here = markers_here()
    return {
        package["name"]: package.get("version")
        for package in pylock["packages"]
        if "marker" not in package or Marker(package["marker"]).evaluate(here)
    }
