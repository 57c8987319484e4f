"""The handbook, and pages that scripts make, are as they should be; nothing is run here."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli
import yaml

from handbook import PAGES, all_pages, path_to, read_page
from kit import REPOSITORY, run
from terminal import BASH

DOCS = REPOSITORY / "docs"
WRITE = """
import json, runpy, sys
made = runpy.run_path(sys.argv[1], run_name="made")
print(json.dumps([str(made["PAGE"]), made["reference"]()]))
"""
BLOCKS = [block for page in all_pages().values() for block in page.blocks]
_ALWAYS = {"id", "guide"}
_NOT_RUN = {"not_run", "test"}
WITHOUT_BLOCKS = {"README.md", "commands.md", "what-the-guides-get-wrong.md"}
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


@pytest.mark.parametrize("script", ["cli_reference", "guide_commands"])
def test_a_page_is_as_its_script_writes_it(script):
    # In a process of its own: click keeps the help option of whoever asked first.
    ran = run([sys.executable, "-c", WRITE, str(DOCS / f"{script}.py")], cwd=DOCS)
    assert ran.code == 0, ran
    page, text = json.loads(ran.out)
    assert Path(page).read_text(encoding="utf-8") == text, f"run `python docs/{script}.py`"


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
        assert page.blocks or name in WITHOUT_BLOCKS, f"{name} shows nothing"


def test_every_command_of_the_guides_is_run_or_says_why_not():
    data = tomli.loads((PAGES / "commands.toml").read_text(encoding="utf-8"))
    ids = [one["id"] for one in data["command"]]
    assert len(set(ids)) == len(ids) == 135
    for one in data["command"]:
        assert set(one) <= {*_ALWAYS, "write", "because", "place", "run", "fails"} | _NOT_RUN, one
        assert set(one) >= _ALWAYS, one
        assert ("place" in one) != ("not_run" in one), one
        assert one.get("place", "bare") in data["places"], one
        assert not {"run", "fails"} & set(one) or "place" in one, one


def test_every_test_that_runs_in_the_place_of_a_block_is_there():
    data = tomli.loads((PAGES / "commands.toml").read_text(encoding="utf-8"))
    reasons = [block.not_run for block in BLOCKS] + [one.get("test", "") for one in data["command"]]
    named = set(re.findall(r"\b(test_\w+\.py)(?:::(test_\w+))?", "\n".join(reasons)))
    assert len(named) > 5
    for file, function in named:
        text = (REPOSITORY / "tests" / "scenario" / file).read_text(encoding="utf-8")
        assert f"def {function}" in text, (file, function)


def test_the_site_has_every_page():
    config = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
    named = re.findall(r"[\w/-]+\.md", str(config["nav"]))
    assert sorted(named) == sorted(str(one.relative_to(DOCS)) for one in DOCS.rglob("*.md"))


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
