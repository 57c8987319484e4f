"""Everything that Holdfast raises on purpose.

One root and few leaves. Each leaf has a fixed `code`, for programs, and an `exit_code`, for shells:
1 it does not match, 2 wrong usage or input, 3 a tool, the store or the network failed. A bug has
neither: it is any other exception, and the command line ends with 4.
"""

from __future__ import annotations


class HoldfastError(Exception):
    """What went wrong, where, what was expected and found; `hint` names the next command.

    Args:
        message: One sentence; may go on to list every problem of one input, a line each.
        hint: What to do next, without the word "hint".
    """

    code = "holdfast"
    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message


class InputError(HoldfastError):
    """What was handed in cannot be used: a file, an option, a row."""

    code = "bad-input"
    exit_code = 2


class LockError(InputError):
    """A lockfile that cannot be read, or that does not cover what is asked of it."""

    code = "bad-lock"


class SealError(InputError):
    """Not a model, not sealed, or a seal that cannot be read."""

    code = "bad-seal"


class MismatchError(HoldfastError):
    """Bytes differ from what the seal says, found before they were used."""

    code = "mismatch"
    exit_code = 1


class ToolError(HoldfastError):
    """uv, git, the network, an index or a registry failed."""

    code = "tool-failed"


class StoreError(HoldfastError):
    """The environment store cannot be read or written."""

    code = "store-failed"


class ModelError(HoldfastError):
    """The model's own code failed, or its process died or ran out of time.

    Args:
        message: As of every HoldfastError.
        hint: As of every HoldfastError.
        missing: The module that it asked for and did not find; "" where that is not why.
    """

    code = "model-failed"

    def __init__(self, message: str, *, hint: str | None = None, missing: str = "") -> None:
        super().__init__(message, hint=hint)
        self.missing = missing
