"""What is said of a slim environment, to people and to programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from holdfast.cli.render import Screen
from holdfast.units import size

if TYPE_CHECKING:
    from holdfast.restore.restored import Slim


def say_slim(screen: Screen, slim: Slim | None) -> None:
    """Sizes before and after; nothing where the environment is the whole one."""
    if slim is None:
        return
    screen.say(
        f"slim: {slim.packages} of {slim.whole_packages} packages, "
        f"{size(slim.bytes)} of {size(slim.whole_bytes)}"
    )
    if slim.unused:
        screen.say(
            f"note: without {', '.join(slim.unused)}: loaded where it is there, and not needed for "
            "the golden predictions"
        )


def slim_as_json(slim: Slim | None) -> dict[str, Any] | None:
    """As `--json` has it; null for a whole environment."""
    return asdict(slim) if slim else None
