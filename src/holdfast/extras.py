"""What is said where the packages of an extra are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.errors import ToolError


@contextmanager
def needed(extra: str, doing: str) -> Iterator[None]:
    """Around imports that need `holdfast[extra]`.

    Args:
        extra: Its name.
        doing: What it is needed for, as a sentence begins: "serving".

    Raises:
        ToolError: A package is not there; the hint installs the extra.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "holdfast":
            raise
        raise ToolError(
            f"{doing} needs a package that is not here: {error.name}",
            hint=f"uv tool install 'holdfast[{extra}]', or uv add 'holdfast[{extra}]'",
        ) from error
