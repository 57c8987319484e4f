"""Drawings of all kinds become the one digit that they are of."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits.drawing import DrawingError, as_digit, read_drawing

LINES = [(90, 80), (220, 80), (150, 260)]


def seven(size=320, paper=255, ink=0, width=24, mode="L", offset=(0, 0)):
    image = Image.new(mode, (size, size), paper)
    places = [(x * size / 320 + offset[0], y * size / 320 + offset[1]) for x, y in LINES]
    ImageDraw.Draw(image).line(places, ink, width, joint="curve")
    return image


def shares(one, other):
    """How much of the ink of one is where the other has some: 1 for the same picture."""
    one, other = one.astype(float).ravel(), other.astype(float).ravel()
    return one @ other / np.sqrt((one @ one) * (other @ other))


PLAIN = as_digit(seven())
ON_PAPER = seven(paper=(250, 240, 220), ink=(30, 40, 120), mode="RGB")


def jpeg(image, quality=35):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def test_it_stands_as_mnists_do():
    rows, columns = np.nonzero(PLAIN)
    assert PLAIN.dtype == np.uint8
    assert PLAIN.shape == (28, 28)
    assert PLAIN.max() == 255
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        weights = PLAIN.sum(axis=1 - axis, dtype=float)
        middle = (weights * (np.arange(28) + 0.5)).sum() / weights.sum()
        assert abs(middle - 14) <= 0.5


@pytest.mark.parametrize(
    "image",
    [
        seven(paper=0, ink=255),
        seven(paper=200, ink=120),
        ON_PAPER,
        jpeg(ON_PAPER),
        jpeg(seven(paper=0, ink=255)),
        seven(offset=(60, 40)),
        seven(size=1600, width=120),
        seven(size=64, width=5),
        seven(paper=(0, 0, 0, 0), ink=(0, 0, 0, 255), mode="RGBA"),
        seven(paper=(0, 0, 0, 0), ink=(255, 255, 255, 255), mode="RGBA"),
        seven(paper=(255, 255, 255, 255), ink=(0, 0, 0, 255), mode="RGBA"),
        seven().convert("1"),
        seven().convert("P"),
    ],
)
def test_however_it_was_drawn(image):
    assert shares(as_digit(image), PLAIN) > 0.93


def test_a_thin_pen_on_a_large_canvas_is_not_lost():
    thin = as_digit(seven(size=1000, width=4))
    assert shares(thin, PLAIN) > 0.9
    assert (thin > 127).sum() > 0.6 * (PLAIN > 127).sum()


def test_speckles_of_a_camera_are_paper():
    noise = np.random.default_rng(0).normal(0, 8, (320, 320))
    image = np.clip(np.asarray(seven(paper=210, ink=40), float) + noise, 0, 255)
    assert shares(as_digit(Image.fromarray(image.astype(np.uint8))), PLAIN) > 0.93


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1"])
def test_nothing_is_drawn(mode):
    with pytest.raises(DrawingError, match="nothing is drawn"):
        as_digit(Image.new(mode, (50, 50)))


def test_one_pixel_is_a_drawing():
    image = Image.new("L", (1, 9), 255)
    image.putpixel((0, 4), 0)
    assert as_digit(image).max() == 255


@pytest.mark.parametrize("end", ["png", "jpg"])
def test_files(tmp_path, end):
    path = tmp_path / f"drawn.{end}"
    seven().save(path)
    assert shares(read_drawing(path), PLAIN) > 0.97


def test_what_is_neither_png_nor_jpeg(tmp_path):
    seven().save(tmp_path / "drawn.gif")
    (tmp_path / "text.png").write_text("no picture")
    whole = io.BytesIO()
    seven().save(whole, "PNG")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:200])
    Image.new("L", (30, 30)).save(tmp_path / "blank.png")
    for name in ("drawn.gif", "text.png", "cut.png", "blank.png", "none.png"):
        with pytest.raises(DrawingError, match=name):
            read_drawing(tmp_path / name)
