"""A real Chromium for tests: the one on PATH, driven by Playwright; nothing is downloaded.

`page` is a tab in a fresh profile. Whatever goes wrong in it that a user would not see (an error in
the console, a request to another host) is kept in `watch(page)`, for the test to look at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # A container's root has no sandbox to give.
    *(() if os.getuid() else ("--no-sandbox",)),
]


def chromium_program() -> str | None:
    """The Chromium on PATH, None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, with a profile of its own; one for all tests of a process."""
    program = chromium_program()
    if program is None:
        pytest.skip("there is no Chromium on PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a tab: `new_page(color_scheme="dark", viewport={"width": 400, "height": 800})`."""
    contexts = []

    def open_page(**options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@dataclass
class Watched:
    """What a tab said and asked for."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def watch(page: Page) -> Watched:
    """Keep the errors and requests of `page` from now on, its frames included."""
    seen = Watched()
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: seen.requests.append(request.url))
    return seen
