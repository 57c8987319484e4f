"""The templates that come with Holdfast, and the files of each.

A template is a folder of `templates/`: `about.txt` is one sentence; `copier.yml` asks its own
questions; `project/` is what a project gets, by copier's rules; `pieces/` is what those files
include. `_common` has the same, for all templates: its files stand once, and a template's file of
the same name takes the place of the common one. Nothing is run here, nor by a template.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from holdfast.errors import InputError

_TEMPLATES = Path(__file__).parent / "templates"
_COMMON = "_common"
_QUESTIONS = "copier.yml"


def list_templates() -> dict[str, str]:
    """The names of all templates, and what each is, in a sentence."""
    return {
        folder.name: (folder / "about.txt").read_text(encoding="utf-8").strip()
        for folder in sorted(_TEMPLATES.iterdir())
        if not folder.name.startswith(("_", "."))
    }


def read_template(name: str) -> dict[str, bytes]:
    """The files of a template put together with the common ones, by their paths.

    Raises:
        InputError: There is no such template.
    """
    known = list_templates()
    if name not in known:
        raise InputError(
            f"there is no template {name!r}; expected {', '.join(known)}",
            hint="holdfast init --list",
        )
    common, own = (_files(_TEMPLATES / folder) for folder in (_COMMON, name))
    questions = common[_QUESTIONS] + own.get(_QUESTIONS, b"")
    return {**common, **own, _QUESTIONS: questions}


def read_questions(name: str) -> tuple[str, ...]:
    """What a template asks: the keys of `--data`.

    Raises:
        InputError: There is no such template.
    """
    asked: dict[str, Any] = yaml.safe_load(read_template(name)[_QUESTIONS])
    return tuple(key for key in asked if not key.startswith("_"))


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "about.txt" and "__pycache__" not in path.parts
    }
