"""Take docs/model-page.png and docs/serve-page.png: `uv run python docs/record_page.py`.

Needs a Chromium on PATH. What the pictures show is the page that `holdfast demo` has just sealed
into its model, and the page of `holdfast serve` in front of that model, under a little load.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from mlflow import MlflowClient
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))

from browser import FLAGS, chromium_program  # noqa: E402 - a neighbour of this folder
from serving import serving  # noqa: E402

WIDTH, HEIGHT = 900, 1110
SERVED_WIDTH, SERVED_HEIGHT = 1280, 1250
# Seconds between the requests of each client that make the figures worth looking at.
PAUSES = (0.004, 0.01, 0.03)


def main() -> None:
    """Run the demo, look at its model's page, serve it, look at that page."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "demo")
        command = [sys.executable, "-m", "holdfast", "demo", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        page = next(folder.rglob("holdfast/model.html"))  # a download is the same
        with open_tab(WIDTH, HEIGHT) as tab:
            tab.goto(page.as_uri())
            tab.screenshot(path=HERE / "model-page.png")
        # The demo spoils its copy; what MLflow keeps is as it was.
        pages = folder.rglob("holdfast/model.html")
        (kept,) = (one.parents[1] for one in pages if one.parents[1] != folder / "model")
        registry = f"sqlite:///{Path(scratch, 'mlflow.db')}"
        register(kept, registry)
        uri = "models:/demo@champion"
        with (
            serving(folder / "store", uri, MLFLOW_TRACKING_URI=registry) as server,
            loaded(kept, server.url),
        ):
            take_served(server.url)


def register(model: Path, uri: str) -> None:
    """Let `models:/demo@champion` mean `model`, in a registry of its own."""
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("demo")
    client.create_model_version("demo", str(model))
    client.set_registered_model_alias("demo", "champion", "1")


def take_served(url: str) -> None:
    """The page of the server at `url`, after half a minute."""
    with open_tab(SERVED_WIDTH, SERVED_HEIGHT) as tab:
        tab.goto(f"{url}/")
        tab.locator(".verdict").wait_for(timeout=120_000)
        tab.wait_for_timeout(30_000)
        tab.get_by_role("button", name="Predict").click()
        tab.wait_for_timeout(1_000)
        tab.screenshot(path=HERE / "serve-page.png")


@contextmanager
def loaded(model: Path, url: str) -> Iterator[None]:
    """Some clients that ask for the model's own example."""
    body = json.loads((model / "serving_input_example.json").read_text(encoding="utf-8"))
    over = threading.Event()

    def ask(pause: float) -> None:
        with httpx.Client() as client:
            while not over.wait(pause):
                client.post(f"{url}/invocations", json=body)

    clients = [threading.Thread(target=ask, args=(pause,)) for pause in PAUSES]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        over.set()
        for client in clients:
            client.join()


@contextmanager
def open_tab(width: int, height: int) -> Iterator[Page]:
    """A tab by day."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        yield browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        browser.close()


if __name__ == "__main__":
    main()
