"""From the command that MLflow computed to an argument list: no shell reads what parameters hold.

MLflow's own backend hands the command to `bash -c`. It quotes the parameters, but a placeholder
that stands in quotes in `MLproject` undoes that, and a parameter becomes a command. Here none can:
a command that wants a shell is refused, unless the caller asks for one.
"""

from __future__ import annotations

import re
import shlex

from holdfast.errors import InputError

_SINGLE_QUOTED = re.compile(r"'[^']*'")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)
_EXPANSION = re.compile(r"(?<!\\)[$`]")
# Operators, patterns of file names, a home folder, a comment.
_OPERATOR = re.compile(r"[|&;<>()\n*?\[\]]|(?:^|(?<=\s))[~#]")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def refuse_shell_words(command: str, entry_point: str) -> None:
    """Refuse a command, its parameters not fitted in yet, that only a shell can read.

    Raises:
        InputError: It has an operator, an expansion or an assignment; the message says which.
    """
    text = command.replace("\\\n", " ").strip()
    bare = _QUOTED.sub("", text)
    found = (
        _EXPANSION.search(_SINGLE_QUOTED.sub("", text))
        or _OPERATOR.search(bare)
        or _ASSIGNMENT.match(bare)
    )
    if found:
        raise InputError(
            f"the command of the entry point {entry_point!r} needs a shell, for {found[0]!r}: "
            f"{text}",
            hint="""quote it if it is meant as it stands, or put it into a script; or """
            """--backend-config '{"shell": true}', where you trust every parameter""",
        )


def words_of(command: str) -> list[str]:
    """The argument list of a command, parameters included.

    Raises:
        InputError: It is empty, or a quote is not closed.
    """
    try:
        words = shlex.split(command.replace("\\\n", " "))
    except ValueError as error:
        raise InputError(f"the command cannot be read: {error}: {command}") from error
    if not words:
        raise InputError("the entry point has no command")
    return words
