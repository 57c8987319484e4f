"""What a task raised, found again in the text that an engine makes of it."""

from __future__ import annotations

import re

from holdfast import errors
from holdfast.errors import HoldfastError

# Up to the JVM's frames, or to what was raised around it.
_RAISED = re.compile(
    r"holdfast\.errors\.(?P<name>\w+): (?P<said>.*?)"
    r"(?=\n\s*\n\s*at |\n\s+at |\n\n?JVM |\n\nThe above exception|\n\nDuring handling|\Z)",
    re.DOTALL,
)


def raised_in(text: str) -> HoldfastError | None:
    """The error of Holdfast's that `text` tells of; None where there is none."""
    # The last one names the node; those before it are its causes.
    for found in reversed(list(_RAISED.finditer(text))):
        kind = getattr(errors, found["name"], None)
        if isinstance(kind, type) and issubclass(kind, HoldfastError):
            message, _, hint = found["said"].strip().partition("\n\nhint: ")
            return kind(message, hint=hint or None)
    return None
