"""Pages of the handbook, read: which blocks there are, and what is done with each.

A ```sh block is run by bash; one with a file name (```python train.py) is that file. Comments
before a block say what else is to know of it:

- `<!-- not run: why -->`: it is only parsed.
- `<!-- needs: docker-registry -->`: it is run where there is such a program.
- `<!-- background: http://127.0.0.1:8000/ping -->`: it runs until the page ends; the next block
  waits for that address to answer.
- `<!-- after: log.md -->`, at a page's top: it begins in the folder that the other page left.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from kit import REPOSITORY

PAGES = REPOSITORY / "docs" / "handbook"
_SAID = re.compile(r"<!--\s*(not run|needs|background|after):\s*(.+?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is, and what is done with it."""

    page: str
    line: int
    language: str
    text: str
    file: str = ""
    not_run: str = ""
    needs: str = ""
    background: str = ""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def can_run(self) -> bool:
        if self.not_run or (self.needs and shutil.which(self.needs) is None):
            return False
        return bool(self.file) or self.language == "sh"


@dataclass(frozen=True)
class Page:
    """A page of the handbook, as far as it can be run."""

    name: str
    after: str
    blocks: tuple[Block, ...]

    @property
    def runs(self) -> tuple[Block, ...]:
        return tuple(one for one in self.blocks if one.language == "sh" and not one.not_run)


def read_page(path: Path) -> Page:
    """Parse a page; a block belongs to the comments that stand right before it."""
    text = path.read_text(encoding="utf-8")
    after, said = "", dict[str, str]()
    blocks = []
    for token in MarkdownIt().parse(text):
        if token.type == "html_block":
            said |= _SAID.findall(token.content)
            after = said.pop("after", after)
        elif token.type == "fence":
            blocks.append(_block(path.name, token, said))
            said = {}
        elif not token.type.startswith("list") and token.content:
            assert not said, f"{path.name}: {said} stands before no block"
    return Page(path.name, after, tuple(blocks))


def _block(page: str, token: Token, said: Mapping[str, str]) -> Block:
    language, _, file = token.info.strip().partition(" ")
    assert token.map is not None
    return Block(
        page=page,
        line=token.map[0] + 1,
        language=language,
        text=token.content,
        file=file.strip(),
        not_run=said.get("not run", ""),
        needs=said.get("needs", ""),
        background=said.get("background", ""),
    )


def all_pages() -> dict[str, Page]:
    """The handbook's pages, each after the one that it builds on."""
    found = {path.name: read_page(path) for path in sorted(PAGES.glob("*.md"))}
    waiting, ordered = dict(found), dict[str, Page]()
    while waiting:
        name = next(name for name, page in waiting.items() if page.after not in waiting)
        ordered[name] = waiting.pop(name)
    return ordered


def path_to(name: str, pages: Mapping[str, Page]) -> list[Page]:
    """A page and all that it builds on, the first one first."""
    page = pages[name]
    return [*(path_to(page.after, pages) if page.after else []), page]
