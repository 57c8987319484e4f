"""Every command of the handbook's pages, run as a reader would run it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import tomli

import registries
from bases import make_quick_base
from handbook import PAGES as FOLDER
from handbook import all_pages, path_to, read_page
from indexes import PASSWORD, USER, free_port, make_wheel, serving
from kit import real_python
from terminal import Terminal, readers_terminal

PAGES = all_pages()
# What a default run goes through, from an empty folder to a sealed model.
QUICK = "log.md"
COMMANDS = tomli.loads((FOLDER / "commands.toml").read_text(encoding="utf-8"))
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
    """What pages of the slow run find beside: a base for images, an index, a registry."""
    base = make_quick_base(tmp_path / "base.tar")
    terminal.env["HOLDFAST_IMAGE_BASE"] = str(base)
    make_wheel(tmp_path / "index", {"ours_scoring.py": "WORD = 'ours'"}, name="ours_scoring")
    with ExitStack() as servers:
        index = servers.enter_context(serving(tmp_path / "index", user=USER, password=PASSWORD))
        terminal.instead["https://index.example/simple/"] = index.url
        if shutil.which("docker-registry"):
            registry = servers.enter_context(registries.serving(tmp_path / "registry"))
            terminal.instead["registry.example/"] = f"{registry.host}/"
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


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("place", COMMANDS["places"])
def test_every_command_of_the_guides(place, terminal):
    """In the form that the handbook names; and where the guide's own is said to fail, it does."""
    code, said = terminal.bash(COMMANDS["places"][place]["setup"])
    assert code == 0, said
    wrong = []
    for one in COMMANDS["command"]:
        if one.get("place") != place:
            continue
        form = one.get("run") or one.get("write") or one["guide"]
        code, said = terminal.bash(f"(\n{form}\n)")
        wrong += [f"{one['id']} ended with {code}: {form}\n{said}"] if code else []
        fails = one["guide"] if one.get("fails") is True else one.get("fails")
        if fails and terminal.bash(f"(\n{fails}\n)")[0] <= 0:
            wrong.append(f"{one['id']} does not fail: {fails}")
    assert not wrong, "\n".join(wrong)


def test_a_page_fails_at_the_line_that_fails_and_leaves_out_what_it_says(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# T\n\n<!-- not run: why -->\n```sh\nfalse\n```\n\n"
        "<!-- needs: no-such-program -->\n```sh\nfalse\n```\n\n"
        "```text sub/a.txt\nat https://index.example/simple/\n```\n\n"
        "```sh\ngrep 127 sub/a.txt\n```\n\n```sh\necho said; false\n```\n"
    )
    terminal = Terminal(tmp_path, tmp_path / "holdfast-1-py3-none-any.whl", env={"PATH": "/bin"})
    terminal.instead["https://index.example/simple/"] = "http://127.0.0.1/"
    with pytest.raises(AssertionError, match=r"page.md:21 ended with 1[\s\S]*said"):
        terminal.run_page(read_page(page))
    assert terminal.ran == ["page.md:13", "page.md:17"]


def test_what_runs_in_the_background_answers_and_ends_with_its_page(tmp_path):
    port = free_port()
    page = tmp_path / "page.md"
    page.write_text(
        f"<!-- background: http://127.0.0.1:{port} -->\n"
        f"```sh\necho $$ >pid\npython3 -m http.server {port} --bind 127.0.0.1\n```\n\n"
        f"```sh\npython3 -c 'import urllib.request as it; it.urlopen(\"http://127.0.0.1:{port}\")'\n```\n"
    )
    search = f"{Path(real_python()).parent}:/bin:/usr/bin"
    terminal = Terminal(tmp_path, tmp_path / "holdfast-1-py3-none-any.whl", env={"PATH": search})
    terminal.run_page(read_page(page))
    assert len(terminal.ran) == 2
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "reader" / "pid").read_text()), 0)


def test_a_terminal_keeps_its_folder_and_variables_and_says_what_failed(tmp_path):
    terminal = Terminal(tmp_path, tmp_path / "holdfast-1-py3-none-any.whl", env={"PATH": "/bin"})
    assert terminal.bash("mkdir sub; cd sub; export KEPT='a b'; LOST=1")[0] == 0
    assert terminal.bash('echo "$KEPT ${LOST-gone}" >"$PWD/said"')[0] == 0
    assert (tmp_path / "reader" / "sub" / "said").read_text() == "a b gone\n"
    code, said = terminal.bash("false | true; echo never")
    assert (code, said) == (1, "")
