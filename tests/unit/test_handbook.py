"""The handbook, and pages that scripts make, are as they should be; nothing is run here."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
from pathlib import Path

import pytest
import tomli
import yaml

from handbook import BASH, PAGES, all_pages, path_to, read_page
from kit import REPOSITORY

DOCS = REPOSITORY / "docs"
BLOCKS = [block for page in all_pages().values() for block in page.blocks]
READ = {
    "sh": lambda text: subprocess.run(
        [*BASH, "-n"], input=text, text=True, check=True, capture_output=True
    ),
    "python": ast.parse,
    "toml": tomli.loads,
    "yaml": yaml.safe_load,
    "json": json.loads,
    "dockerfile": lambda text: re.search(r"^FROM \S+", text, re.MULTILINE)[0],
    "text": str,
}


@pytest.mark.parametrize("script", ["cli_reference"])
def test_a_page_is_as_its_script_writes_it(script):
    made = runpy.run_path(str(DOCS / f"{script}.py"), run_name="made")
    page, text = made["PAGE"], made["reference"]()
    assert page.read_text(encoding="utf-8") == text, f"run `python docs/{script}.py`"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_a_block_can_be_parsed_and_is_run_or_says_why_not(block):
    READ[block.language](block.text)
    runs = block.language in {"sh", "text"} or block.file
    assert runs or block.not_run, f"{block.where}: a file's name, or why it is not run"
    assert len(block.not_run) != 1


def test_every_page_begins_where_another_ends_or_in_an_empty_folder():
    pages = all_pages()
    for name, page in pages.items():
        first = path_to(name, pages)[0]
        assert not first.after
        assert page.blocks or name == "README.md", f"{name} shows nothing"


def test_links_of_the_handbook_lead_somewhere():
    for path in PAGES.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_readme_names_every_page():
    named = set(re.findall(r"\]\(([\w-]+\.md)\)", (PAGES / "README.md").read_text()))
    assert {path.name for path in PAGES.glob("*.md")} - {"README.md"} <= named


def test_a_block_belongs_to_the_comments_before_it(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- after: log.md -->\n# T\n\n<!-- not run: it\nneeds a cloud -->\n```sh\ncloud up\n```\n"
        "\n```python src/a.py\n1\n```\n\n1. so\n\n   ```sh\n   ls\n   ```\n"
    )
    read = read_page(page)
    assert read.after == "log.md"
    first, file, listed = read.blocks
    assert (first.language, first.not_run, first.line) == ("sh", "it\nneeds a cloud", 6)
    assert (file.file, file.not_run, file.text) == ("src/a.py", "", "1\n")
    assert listed.text == "ls\n"
    assert [block.text for block in read.runs] == ["ls\n"]


def test_a_comment_that_stands_before_no_block_is_an_error(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: why -->\nwords\n\nmore\n\n```sh\nls\n```\n")
    with pytest.raises(AssertionError, match="before no block"):
        read_page(page)
