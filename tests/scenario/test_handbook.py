"""Every command of the handbook's pages, run as a reader would run it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bases import make_quick_base
from handbook import BASH, Terminal, all_pages, path_to, readers_terminal
from indexes import PASSWORD, USER, make_wheel, serving

PAGES = all_pages()
# What a default run goes through, from an empty folder to a sealed model.
QUICK = "log.md"
_BEGUN = {page.name for page in path_to(QUICK, PAGES)}
ROOTS = [name for name, page in PAGES.items() if not page.after and page.runs]


@pytest.fixture
def terminal(tmp_path: Path, holdfast_wheel: Path, shared: Path) -> Terminal:
    return readers_terminal(tmp_path, holdfast_wheel, shared / "home")


def test_from_an_empty_folder_to_a_sealed_model(terminal):
    for page in path_to(QUICK, PAGES):
        terminal.run_page(page)
    ran = set(terminal.ran)
    for page in path_to(QUICK, PAGES):
        assert {block.where for block in page.runs} <= ran
    assert len(ran) > 8


@pytest.fixture
def furnished(terminal: Terminal, tmp_path: Path) -> Iterator[Terminal]:
    """What pages of the slow run find beside: a base for images, an index that wants a password."""
    base = make_quick_base(tmp_path / "base.tar")
    terminal.env["HOLDFAST_IMAGE_BASE"] = str(base)
    make_wheel(tmp_path / "index", {"ours_scoring.py": "WORD = 'ours'"}, name="ours_scoring")
    with serving(tmp_path / "index", user=USER, password=PASSWORD) as index:
        terminal.instead["https://index.example/simple/"] = index.url
        yield terminal


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("root", ROOTS)
def test_every_page_runs(root, furnished):
    """All pages that build on one, each after the one that it names, in one folder."""
    for page in PAGES.values():
        if path_to(page.name, PAGES)[0].name == root:
            furnished.run_page(page)
    assert furnished.ran


def test_a_terminal_keeps_its_folder_and_variables_and_says_what_failed(tmp_path):
    terminal = Terminal(tmp_path, tmp_path / "holdfast-1-py3-none-any.whl", env={"PATH": "/bin"})
    assert terminal.bash("mkdir sub; cd sub; export KEPT='a b'; LOST=1")[0] == 0
    assert terminal.bash('echo "$KEPT ${LOST-gone}" >"$PWD/said"')[0] == 0
    assert (tmp_path / "reader" / "sub" / "said").read_text() == "a b gone\n"
    code, said = terminal.bash("false | true; echo never")
    assert (code, said) == (1, "")
    assert BASH[0] == "bash"
