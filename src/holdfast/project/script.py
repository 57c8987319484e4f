"""PEP 723: what a script says of itself, in comments, and the lock beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli
import tomli_w

from holdfast.errors import InputError

# The specification's own expression, for blocks of type "script" alone.
_BLOCK = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def read_block(script: Path) -> dict[str, Any] | None:
    """The inline metadata of a script; None where it has none.

    Raises:
        InputError: It has two, or one that is not TOML.
    """
    try:
        text = script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    found = list(_BLOCK.finditer(text)) if "# /// script" in text else []
    if not found:
        return None
    if len(found) > 1:
        raise InputError(f"{script} has {len(found)} blocks of script metadata; expected one")
    lines = found[0]["content"].splitlines()
    try:
        return tomli.loads("\n".join(line[2:] for line in lines))
    except tomli.TOMLDecodeError as error:
        raise InputError(f"the script metadata of {script} is not TOML: {error}") from error


def write_block(metadata: Mapping[str, Any]) -> str:
    """`metadata` as a script has it: a file of nothing else."""
    lines = tomli_w.dumps(metadata).splitlines()
    inner = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    return f"# /// script\n{inner}# ///\n"
