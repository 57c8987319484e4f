"""The page of a server, used as people do: by mouse, by keyboard, on a telephone, at night."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import playwright.sync_api
import pytest
from playwright.sync_api import expect

from browser import watch
from serving import RAISE, plain, serving

EVIL = "<img src=x onerror=alert(1)>"
# No tab of a headless browser is ever hidden.
LOOKED_AT = """
where => {
  Object.defineProperty(document, "hidden", {value: where === "away", configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}
"""
NAMES = ("numbers", "tensor", "temper", "odd")


@pytest.fixture(scope="module")
def server(served):
    """One server with several models, for all stories of this file."""
    with serving(served.home, *(served.model(name) for name in NAMES)) as server:
        yield server


@pytest.fixture
def show(server, new_page):
    """Open the page of a model; nothing may go wrong there that a user does not see."""
    seen = []

    def show(name="", **options):
        tab = new_page(**options)
        seen.append(watch(tab))
        tab.goto(f"{server.url}/models/{name}/" if name else f"{server.url}/")
        return tab

    yield show
    for one in seen:
        assert [said for said in one.errors if "status of 4" not in said] == []
        assert all(url.startswith((server.url, "data:")) for url in one.requests), one.requests
        assert not [url for url in one.requests if url.endswith("favicon.ico")]


def predict(tab):
    """Press the button; the answer's JSON."""
    with tab.expect_response("**/invocations") as answer:
        tab.get_by_role("button", name="Predict").click()
    return answer.value


def test_the_example_is_there_and_is_predicted(show, served):
    tab = show()
    expect(tab.get_by_role("heading", level=1)).to_have_text("numbers")
    example = json.loads((served.model("numbers") / "serving_input_example.json").read_text())
    first, second = example["dataframe_split"]["data"][:2]
    for at, value in enumerate(first):
        expect(tab.get_by_label(f"x{at} double")).to_have_value(str(value))
    answer = predict(tab)
    assert answer.request.post_data_json["dataframe_split"]["data"] == [first]
    (one,) = answer.json()["predictions"]
    expect(tab.locator("#answer .result")).to_have_text(str(one))
    expect(tab.locator("#said")).to_contain_text("200 in ")
    # The next row of the example, and no more rows than a form can hold.
    tab.get_by_role("button", name="Add a row").click()
    expect(tab.get_by_label("x0 double").nth(1)).to_be_focused()
    expect(tab.get_by_label("x0 double").nth(1)).to_have_value(str(second[0]))
    assert len(predict(tab).json()["predictions"]) == 2
    expect(tab.get_by_role("region", name="Predictions").locator("tbody tr")).to_have_count(2)
    for _ in range(6):
        tab.get_by_role("button", name="Add a row").click()
    expect(tab.get_by_role("button", name="Add a row")).to_be_disabled()
    expect(tab.get_by_role("group", name="Row 8")).to_be_visible()
    tab.get_by_role("button", name="Remove row 1").click()
    expect(tab.get_by_label("x0 double").first).to_have_value(str(second[0]))
    tab.get_by_role("button", name="Back to the example").click()
    expect(tab.get_by_label("x0 double")).to_have_value(str(first[0]))


def test_the_command_asks_for_the_same(show, tmp_path):
    tab = show("odd")
    tab.get_by_label("note string, optional").fill("O'Brien' $(touch made) `touch made` \\")
    tab.get_by_text("The same with curl").click()
    region = tab.get_by_role("region", name="Command")
    expect(region).to_contain_text("--data-raw")
    command = region.inner_text()
    ran = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(ran.stdout) == predict(tab).json()
    assert list(tmp_path.iterdir()) == []
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.get_by_role("button", name="Copy").click()
    expect(tab.locator("#copied")).to_have_text("Copied.")
    assert tab.evaluate("navigator.clipboard.readText()").strip() == command.strip()


def test_from_the_form_to_json_and_back(show):
    tab = show("odd")
    tab.get_by_label("note string").fill('O\'Brien "x"')
    tab.get_by_label("JSON", exact=True).check()
    editor = tab.get_by_label("Request, as JSON")
    written = json.loads(editor.input_value())
    assert written["dataframe_split"]["data"][0][-1] == 'O\'Brien "x"'
    record = {EVIL: "Bern", "when": "2026-03-04T05:06:07.500", "member": False, "count": -44}
    record |= {"weight": 70.25, "note": None}
    editor.fill(json.dumps({"dataframe_records": [record]}))
    assert predict(tab).status == 200
    tab.get_by_label("form", exact=True).check()
    expect(tab.get_by_label(f"{EVIL} string")).to_have_value("Bern")
    expect(tab.get_by_label("when datetime")).to_have_value("2026-03-04T05:06:07.5")
    expect(tab.get_by_label("member boolean")).not_to_be_checked()
    expect(tab.get_by_label("count long")).to_have_value("-44")
    assert predict(tab).request.post_data_json["dataframe_split"]["data"] == [[*record.values()]]
    # What has no place in the form stays JSON, and is not lost.
    tab.get_by_label("JSON", exact=True).check()
    for unfit in ('{"inputs": [1]}', '{"dataframe_records": [{"other": 1}]}', "not JSON"):
        editor.fill(unfit)
        tab.get_by_label("form", exact=True).dispatch_event("click")
        expect(tab.get_by_label("JSON", exact=True)).to_be_checked()
        expect(editor).to_have_value(unfit)
        expect(tab.locator("#said")).not_to_be_empty()
    assert predict(tab).status == 400
    expect(editor).to_be_focused()


def test_tensors_are_json(show):
    tab = show("tensor")
    expect(tab.get_by_label("form", exact=True)).to_have_count(0)
    answer = predict(tab)
    assert answer.status == 200
    rows = tab.get_by_role("region", name="Predictions").locator("tbody tr")
    expect(rows).to_have_count(len(answer.json()["predictions"]))


def test_an_error_says_which_field(show):
    tab = show("temper")
    field = tab.get_by_label("x double")
    field.fill(str(RAISE))
    field.press("Enter")
    expect(tab.locator("#said")).to_contain_text("x is out of temper")
    expect(tab.locator("#said")).to_contain_text("400 BAD_REQUEST")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("2")
    field.press("Enter")
    expect(tab.locator("#answer .result")).to_have_text("4.0")
    expect(field).not_to_have_attribute("aria-invalid", "true")


def test_what_a_model_says_is_text(show):
    tab = show("odd")
    tab.on("dialog", lambda _: pytest.fail("something of the model's ran"))
    expect(tab.get_by_label(f"{EVIL} string")).to_have_value(EVIL)
    expect(tab.get_by_label("when datetime")).to_have_attribute("type", "datetime-local")
    expect(tab.get_by_label("note string, optional")).to_have_value("two\nlines")
    answer = predict(tab)
    sent = answer.request.post_data
    # No digit is lost on the way: JavaScript's own numbers end at 2^53.
    assert json.loads(sent)["dataframe_split"]["data"][0][3] == 2**53 + 1
    said = answer.json()["predictions"]
    assert [said[0]["count"], said[0][EVIL], said[0]["said"]] == [2**53 + 1, EVIL, "<b>!</b>"]
    table = tab.get_by_role("region", name="Predictions")
    expect(table.get_by_role("columnheader", name=EVIL)).to_be_visible()
    expect(table.get_by_role("cell", name=EVIL)).to_be_visible()
    expect(table.get_by_role("cell", name=str(2**53 + 1))).to_be_visible()
    assert tab.locator("main img, main b b, main i").count() == 0
    # An optional field that is empty is no value.
    tab.get_by_label("weight double, optional").fill("")
    tab.get_by_label("note string, optional").fill("")
    assert predict(tab).json()["predictions"][0]["weight"] is None


def test_figures_are_live(show, server):
    tab = show("numbers")
    expect(tab.locator("#state")).to_contain_text("last five seconds")
    expect(tab.locator("#counts")).to_contain_text("1 worker · 0 restarts")
    body = {"instances": [[0.5] * 10] * 3}
    with httpx.Client() as client:
        for _ in range(40):
            client.post(f"{server.url}/models/tensor/invocations", json=body)
            client.post(f"{server.url}/models/numbers/invocations", content=b"nothing")
    figure = "[data-figure={}] .now"
    expect(tab.locator(figure.format("errors"))).not_to_have_text("0", timeout=5000)
    expect(tab.locator(figure.format("p95"))).to_contain_text("ms")
    expect(tab.locator("#counts")).to_contain_text("40 errors")
    assert tab.locator(".spark path").first.get_attribute("d").startswith("M")
    tab.get_by_text("The last minutes as a table").click()
    expect(tab.get_by_role("region", name="Figures").locator("tbody tr").first).to_be_visible()
    known = plain.get(f"{server.url}/live").json()["models"]["tensor"]
    assert sum(known["latency"]) == sum(known["answers"].values()) >= 40
    assert known["rows"] >= 120
    assert (known["ready"], known["alive"], known["waiting"]) == (True, 1, 0)


def test_nobody_asks_while_nobody_looks(show):
    tab = show("numbers")
    with tab.expect_response("**/live"):
        pass
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.evaluate(LOOKED_AT, "away")
    tab.wait_for_timeout(300)
    asked.clear()
    tab.wait_for_timeout(1500)
    assert asked == []
    with tab.expect_response("**/live"):
        tab.evaluate(LOOKED_AT, "here")


def test_quantiles_are_those_of_the_histogram(show):
    tab = show()
    quantile = (
        "async given => (await import(new URL('static/figures.js', document.baseURI)))"
        ".quantile(...given)"
    )
    bounds = [1.0, 2.0, 4.0]
    assert tab.evaluate(quantile, [bounds, [0, 10, 0, 0], 0.5]) == 1.5
    assert tab.evaluate(quantile, [bounds, [5, 0, 5, 0], 0.75]) == 3.0
    assert tab.evaluate(quantile, [bounds, [4, 0, 0, 0], 0.25]) == 0.25
    assert tab.evaluate(quantile, [bounds, [0, 0, 0, 9], 0.5]) == 4.0
    assert tab.evaluate(quantile, [bounds, [0, 0, 0, 0], 0.5]) is None


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 360)])
def test_anybody_can_use_it(show, scheme, width):
    """By axe-core's rules, in every state of the page; and nothing is off the screen."""
    from axe_playwright_python.sync_playwright import Axe

    viewport = {"width": width, "height": 800}
    for name in ("odd", "tensor", "temper"):
        tab = show(name, color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
        expect(tab.locator("#state")).to_contain_text("last five seconds")
        if name == "temper":
            tab.get_by_label("x double").fill(str(RAISE))
        elif name == "odd":
            tab.get_by_role("button", name="Add a row").click()
        predict(tab)
        tab.get_by_text("The same with curl").click()
        tab.get_by_text("The last minutes as a table").click()
        found = Axe().run(tab)
        assert found.violations_count == 0, found.generate_report()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_walked_through_by_keyboard(show):
    tab = show("temper")
    expect(tab.locator("#state")).to_contain_text("last five seconds")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="To the form")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("navigation", name="Models").get_by_role("link").first).to_be_focused()
    reached = []
    for _ in range(30):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.id || document.activeElement.name"))
        ring = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none" or reached[-1] is None, reached
    assert {"mode", "send", "add", "again"} <= set(reached)


def test_the_models_know_each_other(show):
    tab = show()
    chooser = tab.get_by_role("navigation", name="Models")
    expect(chooser.get_by_role("link")).to_have_text(list(NAMES))
    chooser.get_by_role("link", name="temper").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("temper")
    expect(chooser.locator("[aria-current=page]")).to_have_text("temper")
    chooser.get_by_role("link", name="odd").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("odd")


def test_it_says_what_answers(show, served):
    tab = show("numbers")
    seal = json.loads((served.model("numbers") / "holdfast" / "seal.json").read_text())
    table = tab.get_by_role("region", name="What answers")
    for known in (seal["grade"], seal["python"]["version"], str(served.model("numbers"))):
        expect(table).to_contain_text(known)
    expect(table).to_contain_text("predicted together")
    receipt = tab.get_by_role("region", name="Last receipt")
    expect(receipt.locator(".verdict")).to_have_text("matches", timeout=60_000)
    expect(receipt.get_by_role("row", name="predictions")).to_contain_text("match")


def test_it_works_behind_a_prefix(server, new_page):
    with prefixed(server.url, "/team/a") as url:
        tab = new_page()
        seen = watch(tab)
        tab.goto(f"{url}/")
        assert predict(tab).status == 200
        tab.get_by_role("link", name="tensor").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("tensor")
        assert predict(tab).status == 200
        expect(tab.locator("#state")).to_contain_text("last five seconds")
        assert all(one.startswith((f"{url}/", "data:")) for one in seen.requests), seen.requests


@contextmanager
def prefixed(target, prefix):
    """A proxy that takes `prefix` off and hands on the rest."""
    host = urlsplit(target).netloc

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.removeprefix(prefix) if self.path.startswith(prefix) else "/nothing"
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.request(self.command, path, body, dict(self.headers))
            answer = connection.getresponse()
            text = answer.read()
            self.send_response(answer.status)
            for name in ("content-type", "content-security-policy"):
                if answer.getheader(name):
                    self.send_header(name, answer.getheader(name))
            self.end_headers()
            self.wfile.write(text)
            connection.close()

        do_POST = do_GET  # noqa: N815 - the standard library's name

        def log_message(self, *_):
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}{prefix}"
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.parametrize(
    "path", ["/", "/models/odd/", "/static/main.js", "/static/style.css", "/live"]
)
def test_every_part_is_guarded(server, path):
    answer = plain.get(f"{server.url}{path}")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = plain.head(f"{server.url}{path}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == answer.headers["content-type"]
    if path == "/live":
        return
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_it_comes_when_the_model_is_there(served, new_page):
    with serving(served.home, served.model("temper"), ready=False) as server:
        tab = new_page()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(playwright.sync_api.Error):
                tab.goto(f"{server.url}/")
                break
        assert "temper is loading" in tab.content()
        expect(tab.get_by_role("heading", name="Predict")).to_be_visible(timeout=60_000)
        assert predict(tab).status == 200


@pytest.mark.slow
def test_another_version_is_noticed(served, new_page, tmp_path):
    """With MLflow's registry, whose database takes long to make."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("churn")
    for name in ("temper", "odd"):
        client.create_model_version("churn", str(served.model(name)))
    client.set_registered_model_alias("churn", "champion", "1")
    how = ("--poll", "0")
    with serving(served.home, "models:/churn@champion", *how, MLFLOW_TRACKING_URI=uri) as server:
        tab = new_page()
        tab.goto(f"{server.url}/")
        expect(tab.get_by_text("version 1 of churn")).to_be_visible()
        expect(tab.locator("#state")).to_contain_text("last five seconds")
        client.set_registered_model_alias("churn", "champion", "2")
        plain.post(f"{server.url}/models/churn/reload").raise_for_status()
        notice = tab.get_by_role("status").filter(has_text="Another version answers now")
        expect(notice).to_be_visible(timeout=120_000)
        tab.get_by_role("button", name="Show it").click()
        expect(tab.get_by_text("version 2 of churn")).to_be_visible()
        expect(tab.get_by_label("count long")).to_be_visible()
        assert predict(tab).status == 200


def test_with_keys_and_below_a_path_it_asks_for_one_first(served, new_page, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("a-key-of-forty-characters-0123456789abcd\n")
    keys.chmod(0o600)
    models = (f"one={served.model('temper')}", f"two={served.model('temper')}")
    how = ("--api-key-file", keys, "--root-path", "/team/a")
    with serving(served.home, *models, *how) as server:
        url = f"{server.url}/team/a"
        tab = new_page()
        seen = watch(tab)
        tab.goto(url)
        expect(tab).to_have_url(f"{url}/")
        tab.goto(f"{url}/models/two/")
        expect(tab.get_by_role("heading", level=1)).to_have_text("Holdfast")
        assert "temper" not in tab.content()
        tab.get_by_label("API key").fill("another")
        tab.keyboard.press("Enter")
        expect(tab.locator("#said")).to_have_text("The server does not know this key.")
        tab.get_by_label("API key").fill(keys.read_text().strip())
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("heading", level=1)).to_have_text("two")
        assert predict(tab).status == 200
        expect(tab.locator("#state")).to_contain_text("last five seconds")
        tab.get_by_role("link", name="one").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("one")
        expect(tab).to_have_url(f"{url}/models/one/")
        assert predict(tab).status == 200
        expect(tab.locator("#state")).to_contain_text("last five seconds")
        tab.get_by_text("The same with curl").click()
        expect(tab.get_by_role("region", name="Command")).to_contain_text("Bearer $API_KEY")
        assert keys.read_text().strip() not in tab.content()
        assert tab.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
        assert all("status of 40" in one for one in seen.errors), seen.errors
        for path in ("/page", "/models/one/page", "/live"):
            assert plain.get(f"{url}{path}").status_code == 401
        assert plain.post(f"{url}/").status_code == 401


@pytest.mark.parametrize(
    "path", ["/models/nobody/", "/static/none.js", "/static/..%2froutes.py", "/static/%2e%2e/x"]
)
def test_there_is_nothing_else(server, path):
    assert plain.get(f"{server.url}{path}").status_code == 404
