"""The page of a sealed model, looked at with a real browser: by itself, and in MLflow's own UI."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from browser import watch
from holdfast.page.page import render
from holdfast.seal.digest import digest_file
from indexes import free_port
from kit import seal_of, surroundings
from pages import EVIL, HOSTILE, SEAL, golden_of

# WCAG 2.2, 1.4.3: text against what is behind it.
CONTRAST = """
() => {
  // A canvas knows every notation of colours.
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const numbers = colour => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
  const light = colour => {
    const [r, g, b] = colour.map(part => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    if (!element) return [255, 255, 255];
    const own = numbers(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement));
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), back = behind(element);
    const ink = numbers(style.color);
    for (let one = element; one; one = one.parentElement) ink[3] *= getComputedStyle(one).opacity;
    const [a, b] = [light(over(ink, back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([walker.currentNode.data.trim(), ratio]);
  }
  return poor;
}
"""


@pytest.fixture
def shown(new_page, tmp_path):
    """Open a page from a file, as somebody does who downloaded it."""

    def show(text, **options):
        path = tmp_path / "model.html"
        path.write_text(text, encoding="utf-8")
        tab = new_page(**options)
        seen = watch(tab)
        tab.goto(path.as_uri())
        assert seen.errors == []
        assert seen.requests == [path.as_uri()]
        return tab

    return show


@pytest.fixture
def answered():
    frame = pd.DataFrame({"tenure": [3, 61], "contract": ["month", "year"]})
    return golden_of(frame, np.array([0.975, 0.25]))


@pytest.mark.parametrize("grade", ["locked", "frozen", "pinned", "inferred"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_day_and_by_night(shown, answered, scheme, grade):
    text = render(SEAL, answered, "models:/churn/3").replace('class="frozen"', f'class="{grade}"')
    tab = shown(text, color_scheme=scheme)
    assert tab.evaluate(CONTRAST) == []
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")


@pytest.mark.parametrize("width", [320, 400, 1400])
def test_it_fits_any_width(shown, answered, width):
    for seal in (SEAL, HOSTILE):
        tab = shown(render(seal, answered, "MODEL"), viewport={"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab = shown(render(SEAL, answered, "MODEL"), viewport={"width": width, "height": 900})
    # The picture names what is large, on a telephone too.
    expect(tab.locator(".map b", has_text="numpy")).to_be_visible()
    boxes = [tab.locator(".map div").nth(place).bounding_box() for place in range(2)]
    stacked = boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] + 1
    assert stacked is (width < 500)


def test_harm_that_somebody_meant_is_text(shown):
    frame = pd.DataFrame({"a": [EVIL.replace("\ud800", "")]})
    tab = shown(render(HOSTILE, golden_of(frame, frame), EVIL))
    assert tab.locator("script, img, iframe, a, link").count() == 0
    expect(tab.locator("h1")).to_contain_text("<script>alert('holdfast')</script>")


def test_what_is_folded_opens_without_a_script(shown):
    many = {f"package-{number}": SEAL.distributions["numpy"] for number in range(30)}
    text = render(replace(SEAL, distributions=many), None, "MODEL")
    tab = shown(text, java_script_enabled=False)
    row = tab.get_by_role("rowheader", name="package-29")
    expect(row).not_to_be_visible()
    tab.get_by_text("All 31 packages").click()
    expect(row).to_be_visible()


@contextmanager
def tracking_server(folder):
    """MLflow's own server, with a database and artifacts below `folder`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'runs.db'}", "--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=surroundings(MLFLOW_DISABLE_TELEMETRY="true"),
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"{url}/health").close()  # noqa: S310 - ours
                    break
                except OSError:
                    time.sleep(0.2)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


@pytest.mark.slow  # MLflow's server
def test_mlflows_ui_shows_it(
    small_project, small_script, holdfast, new_page, tmp_path, proven
):  # fmt: skip
    cell = proven("MLflow's doors", "the page in MLflow's UI")
    project = small_project()
    project.pyproject("mlflow-skinny", "pandas", packaged=True)
    project.write("src/trainer/__init__.py", "")
    tell = 'mlflow.pyfunc.log_model(name="m", python_model=Answer(), input_example=example)'
    project.write("train.py", small_script(call=f"print(({tell}).model_id)"))
    project.sync()
    with tracking_server(tmp_path) as url:
        ran = project.train("train.py", MLFLOW_TRACKING_URI=url)
        assert ran.code == 0, ran
        (model,) = re.findall(r"^m-[0-9a-f]+$", ran.out, re.MULTILINE)
        tab = new_page()
        tab.goto(f"{url}/#/experiments/0/models/{model}/artifacts")
        tab.get_by_text("holdfast", exact=True).click()
        entry = tab.get_by_text("model.html", exact=True)
        expect(entry).to_be_visible()
        seen = watch(tab)
        entry.click()
        frame = tab.frame_locator("iframe")
        expect(frame.get_by_role("heading", level=1)).to_have_text("trainer 1.0.0")
        expect(frame.locator(".grade strong")).to_have_text("locked")
        expect(frame.locator(".map b", has_text="pandas")).to_be_visible()
        expect(frame.locator("pre").first).to_contain_text(f"holdfast verify models:/{model}")
        expect(frame.locator("td.answer").first).to_have_text("2")
        assert "allow-scripts" in (tab.locator("iframe").get_attribute("sandbox") or "")
        assert seen.errors == []
        assert all(one.startswith((url, f"blob:{url}")) for one in seen.requests), seen.requests
        # What was shown is sealed, and is what `show` writes.
        again = tmp_path / "again.html"
        ran = holdfast("show", f"models:/{model}", "--html", again, MLFLOW_TRACKING_URI=url)
        assert ran.code == 0, ran
        kept = next((tmp_path / "artifacts").rglob("model.html"))
        assert again.read_bytes() == kept.read_bytes()
        sealed = seal_of(kept.parents[1])["files"]["holdfast/model.html"]
        assert sealed["sha256"] == digest_file(kept).sha256
    cell["note"] = "shown"


def test_a_seal_of_any_release_has_a_page(holdfast, new_page, tmp_path, request):
    for kept in sorted((request.config.rootpath / "tests" / "compat").glob("[0-9]*")):
        target = tmp_path / "page.html"
        ran = holdfast("show", kept, "--html", target)
        assert (ran.code, ran.out, ran.err) == (0, "", ""), ran
        tab = new_page()
        tab.goto(target.as_uri())
        expect(tab.locator(".grade strong")).to_have_text("locked")
        tab.get_by_text(re.compile("All .* packages")).click()
        expect(tab.get_by_role("rowheader", name="mlflow-skinny", exact=True)).to_be_visible()
