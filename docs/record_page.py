"""Take docs/model-page.png: `uv run python docs/record_page.py`, where a Chromium is on PATH.

What the picture shows is the page that `holdfast demo` has just sealed into its model.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))

from browser import FLAGS, chromium_program  # noqa: E402 - a neighbour of this folder

WIDTH, HEIGHT = 900, 1110


def main() -> None:
    """Run the demo, open its model's page, take the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "demo")
        command = [sys.executable, "-m", "holdfast", "demo", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        page = next(folder.rglob("holdfast/model.html"))  # a download is the same
        take(page, HERE / "model-page.png")


def take(page: Path, target: Path) -> None:
    """The head of `page`, by day."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main()
