"""A model that takes pictures is drawn for: by mouse, by finger, by keyboard, from a file."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from playwright.sync_api import expect

from browser import watch
from serving import serving

# Digits as one draws them, in shares of the pad's side: lines of points.
SEVEN = [[(0.25, 0.15), (0.75, 0.15), (0.45, 0.9)]]
CIRCLE = [(0.5 + 0.22 * math.sin(a / 3), 0.5 - 0.36 * math.cos(a / 3)) for a in range(20)]


@pytest.fixture(scope="module")
def server(served):
    """One server with both models, for all stories of this file."""
    with serving(served.home, *map(served.model, ("digits", "dark", "tensor"))) as server:
        yield server


@pytest.fixture
def show(server, new_page):
    """Open the page of a model; nothing may go wrong there that a user does not see."""
    seen = []

    def show(name, **options):
        tab = new_page(**options)
        seen.append(watch(tab))
        tab.goto(f"{server.url}/models/{name}/")
        expect(tab.get_by_role("button", name="Predict")).to_be_enabled()
        return tab

    yield show
    for one in seen:
        assert one.errors == [], one.errors
        assert all(url.startswith((server.url, "data:")) for url in one.requests), one.requests


def pad(tab):
    return tab.get_by_role("application", name="Drawing pad")


def draw(tab, lines):
    """With the mouse; the answer to the last prediction comes when it comes."""
    pad(tab).scroll_into_view_if_needed()
    box = pad(tab).bounding_box()
    for first, *others in lines:
        tab.mouse.move(box["x"] + first[0] * box["width"], box["y"] + first[1] * box["height"])
        tab.mouse.down()
        for x, y in others:
            tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        tab.mouse.up()


def sent(tab):
    """What the button sends, as an array; and the answer."""
    button = tab.get_by_role("button", name="Predict")
    # Pressed while what was drawn is still being predicted, it would have nothing to add.
    tab.wait_for_timeout(250)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    with tab.expect_response("**/invocations") as answer:
        button.click()
    assert answer.value.status == 200, answer.value.text()
    return np.array(answer.value.request.post_data_json["inputs"]), answer.value.json()


def highest(tab):
    return tab.locator("#answer .highest th")


def test_the_example_is_on_the_pad(show, served):
    tab = show("digits")
    example = json.loads((served.model("digits") / "serving_input_example.json").read_text())
    picture, answer = sent(tab)
    assert picture.tolist() == example["inputs"][:1]
    expect(highest(tab)).to_have_text("0")
    expect(tab.locator("#answer .bars tr")).to_have_count(10)
    (chances,) = answer["predictions"]
    expect(tab.locator("#said")).to_contain_text(f"0 is highest, with {chances[0]:.4g}")
    width = "getComputedStyle(document.querySelector('#answer tr:nth-child({}) .bar span')).width"
    assert float(tab.evaluate(width.format(1)).removesuffix("px")) > 100
    assert tab.evaluate(width.format(2)) == "0px"


@pytest.mark.parametrize("name", ["digits", "dark"])
def test_it_predicts_while_one_draws(show, name):
    tab = show(name)
    draw(tab, SEVEN)
    # Nobody pressed a button.
    expect(highest(tab)).to_have_text("7")
    picture, _ = sent(tab)
    if name == "digits":
        assert picture.shape == (1, 8, 8)
        assert picture.min() == 0
        assert 14 < picture.max() <= 16
    else:
        assert picture.shape == (1, 24, 24, 1)
        assert picture.dtype == np.int64  # bytes have no fractions
        assert (picture.min(), picture.max()) == (0, 255)
        assert picture[0, -3:, :3].min() == 255, "the paper is white"
    tab.get_by_role("button", name="Clear").click()
    expect(tab.locator("#answer")).to_be_empty()
    draw(tab, [CIRCLE])
    expect(highest(tab)).to_have_text("0")
    assert not np.array_equal(picture, sent(tab)[0])


def test_undo_and_eraser(show):
    tab = show("digits")
    example, _ = sent(tab)
    tab.get_by_label("brought to the size").uncheck()
    draw(tab, SEVEN)
    seven, _ = sent(tab)
    tab.get_by_label("eraser").check()
    draw(tab, [[(0, 0.75), (1, 0.75)], [(0, 0.9), (1, 0.9)]])
    less, _ = sent(tab)
    assert 0 < less.sum() < seven.sum()
    for _ in range(2):
        tab.get_by_role("button", name="Undo").click()
    assert np.array_equal(sent(tab)[0], seven)
    pad(tab).focus()
    tab.keyboard.press("Control+z")
    assert np.array_equal(sent(tab)[0], example)
    tab.get_by_role("button", name="Undo").click()
    expect(tab.locator("#pad .state")).to_have_text("There is nothing to undo.")
    tab.get_by_role("button", name="Clear").click()
    assert not sent(tab)[0].any()
    tab.get_by_role("button", name="Back to the example").click()
    assert np.array_equal(sent(tab)[0], example)


def test_ink_is_brought_where_the_example_has_it(show):
    tab = show("digits")
    small = [[(0.1 + 0.5 * x, 0.1 + 0.5 * y) for x, y in line] for line in SEVEN]
    draw(tab, small)
    expect(highest(tab)).to_have_text("7")
    brought, _ = sent(tab)
    assert brought[0, 7].any()
    tab.get_by_label("brought to the size").uncheck()
    as_drawn, _ = sent(tab)
    assert as_drawn[0, :5].any()
    assert not as_drawn[0, 6:].any()


def test_with_the_keyboard(show):
    tab = show("digits")
    pad(tab).focus()
    state = tab.locator("#pad .state")
    for key in ["ArrowUp"] * 9 + ["ArrowLeft"] * 2:
        tab.keyboard.press(key)
    expect(state).to_have_text("Pen up, column 3, row 1")
    steps = ["Space", *["ArrowRight"] * 3, *["ArrowDown", "ArrowDown", "ArrowLeft"] * 2]
    for key in [*steps, *["ArrowDown"] * 3]:
        tab.keyboard.press(key)
    expect(state).to_have_text("Pen down, column 4, row 8")
    expect(highest(tab)).to_have_text("7")
    before, _ = sent(tab)
    pad(tab).focus()
    tab.keyboard.press("ArrowUp")
    expect(state).to_have_text("Pen up, column 4, row 7")
    assert np.array_equal(sent(tab)[0], before)


def test_with_a_finger(show):
    tab = show("digits", has_touch=True)
    box = pad(tab).bounding_box()
    touch = tab.context.new_cdp_session(tab)
    (line,) = SEVEN
    points = [
        {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in line
    ]
    for kind, at in [
        ("touchStart", points[:1]),
        *(("touchMove", [one]) for one in points[1:]),
        ("touchEnd", []),
    ]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    expect(highest(tab)).to_have_text("7")
    assert tab.evaluate("scrollY") == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("light", [True, False])
def test_from_a_file(show, kind, light):
    from PIL import Image, ImageDraw

    paper, ink = ("white", "black") if light else ("black", "white")
    image = Image.new("RGB", (500, 300), paper)
    points = [(180 + 140 * x, 40 + 220 * y) for line in SEVEN for x, y in line]
    ImageDraw.Draw(image).line(points, ink, 24, joint="curve")
    file = io.BytesIO()
    image.save(file, kind)
    tab = show("dark")
    given = {"name": "seven", "mimeType": f"image/{kind.lower()}", "buffer": file.getvalue()}
    tab.get_by_label("PNG or JPEG").set_input_files(given)
    expect(highest(tab)).to_have_text("7")
    picture, _ = sent(tab)
    assert picture[0, -3:, :3].min() > 240, "paper is white, whatever the file's is"
    nothing = {"name": "none.png", "mimeType": "image/png", "buffer": b"no picture"}
    tab.get_by_label("PNG or JPEG").set_input_files(nothing)
    expect(tab.locator("#pad .state")).to_have_text("This is no PNG or JPEG picture.")
    assert np.array_equal(sent(tab)[0], picture)


def test_a_picture_of_the_right_size_stays_as_it_is(show, served):
    """Also one that is dropped."""
    from PIL import Image

    example = json.loads((served.model("dark") / "serving_input_example.json").read_text())
    three = np.array(example["inputs"][3], "uint8")[..., 0]
    file = io.BytesIO()
    Image.fromarray(three).save(file, "PNG")
    tab = show("dark")
    tab.get_by_label("brought to the size").uncheck()
    drop = """
    (canvas, bytes) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([new Uint8Array(bytes)], "seven", {type: "image/png"}));
      canvas.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
    }
    """
    pad(tab).evaluate(drop, list(file.getvalue()))
    expect(highest(tab)).to_have_text("3")
    assert np.abs(sent(tab)[0][0, ..., 0] - three).max() <= 1


def test_from_the_pad_to_json_and_back(show):
    tab = show("digits")
    draw(tab, SEVEN)
    drawn, _ = sent(tab)
    tab.get_by_label("JSON", exact=True).check()
    editor = tab.get_by_label("Request, as JSON")
    assert json.loads(editor.input_value()) == {"inputs": drawn.tolist()}
    for unfit in ('{"inputs": [[1]]}', json.dumps({"inputs": drawn.tolist() * 2}), "not JSON"):
        editor.fill(unfit)
        tab.get_by_label("drawing", exact=True).dispatch_event("click")
        expect(tab.get_by_label("JSON", exact=True)).to_be_checked()
        expect(editor).to_have_value(unfit)
        expect(tab.locator("#said")).to_contain_text("this JSON" if "]]]" in unfit else "stays")
    drawn[0, 0, 0] = 3
    editor.fill(json.dumps({"instances": drawn.tolist()}))
    tab.get_by_label("drawing", exact=True).check()
    assert np.array_equal(sent(tab)[0], drawn)


def test_how_pictures_are_written_is_read_from_the_example(show):
    tab = show("digits")
    manner = """
    async ([pictures, whole]) => {
      const { manner } = await import(new URL("../../static/picture.js", document.baseURI));
      const { paper, ink, fit } = manner(pictures, { width: 8, height: 8, whole });
      return [paper, ink, fit && [fit.x, fit.y, fit.side].map(one => Math.round(one))];
    }
    """

    def known(low, high, dot):
        """Of a picture with a square of 2 x 2 cells, of `dot` where all else is the other end."""
        picture = np.full((8, 8), high if dot == low else low, float)
        picture[3:5, 3:5] = dot
        return tab.evaluate(manner, [[picture.ravel().tolist()], True])

    middle = [4, 4, 2]
    assert known(0, 1, 1) == [0, 1, middle]
    assert known(0, 250, 250) == [0, 255, middle]
    assert known(0, 255, 0) == [255, 0, middle]
    assert known(0, 16, 16) == [0, 16, middle]
    assert known(-1, 1, -1) == [1, -1, middle]
    assert known(-0.42, 2.8, 2.8) == [-0.42, 2.8, middle]
    assert tab.evaluate(manner, [[], True]) == [0, 255, None]
    assert tab.evaluate(manner, [[], False]) == [0, 1, None]
    assert tab.evaluate(manner, [[[0] * 64], False]) == [0, 1, None]
    corner = [[255] * 3 + [0] * 61]
    assert tab.evaluate(manner, [corner, True]) == [0, 255, None]


def test_what_is_no_picture_has_no_pad(show):
    tab = show("tensor")
    expect(pad(tab)).to_have_count(0)
    expect(tab.get_by_label("Request, as JSON")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 360)])
def test_anybody_can_use_it(show, scheme, width):
    """By axe-core's rules; and nothing is off the screen."""
    from axe_playwright_python.sync_playwright import Axe

    tab = show("digits", color_scheme=scheme, viewport={"width": width, "height": 800})
    draw(tab, SEVEN)
    expect(highest(tab)).to_have_text("7")
    pad(tab).focus()
    tab.keyboard.press("ArrowUp")
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
