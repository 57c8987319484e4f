"""A drawing becomes a digit as MNIST has them.

MNIST's were scaled to fit a box of 20x20, grey where an edge cuts a pixel, and placed in 28x28 so
that their centre of mass is in the middle. A network that learned from those reads others badly, so
the same is done here to whatever a person drew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter, ImageOps

from digits.data import SIDE

_BOX = 20
# Of the greatest contrast: what is fainter is paper, its shadows, or JPEG's noise.
_FAINT = 0.3
_LEAST_CONTRAST = 40
# Lines in MNIST are two to three pixels wide; a pen's on a large canvas would vanish.
_LEAST_WIDTH = 2.2
# Enough to see how wide a line is.
_LOOKED_AT = 280


class DrawingError(ValueError):
    """There is no digit to be found in a picture."""


def read_drawing(path: Path) -> npt.NDArray[np.uint8]:
    """The digit in a PNG or JPEG file, of any size, dark on light or light on dark.

    Returns:
        uint8, (28, 28); 0 is paper, 255 is ink.

    Raises:
        DrawingError: It cannot be read, or nothing is drawn there.
    """
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            return as_digit(ImageOps.exif_transpose(image))
    except (OSError, Image.DecompressionBombError) as error:
        raise DrawingError(f"{path} cannot be read as PNG or JPEG: {error}") from error
    except DrawingError as error:
        raise DrawingError(f"{path}: {error}") from error


def as_digit(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The digit in a picture; see `read_drawing`."""
    ink = _ink(image)
    box = ink.getbbox()
    if box is None:
        raise DrawingError("nothing is drawn there: it is all of one colour")
    ink = ink.crop(box)
    ink.thumbnail((_LOOKED_AT, _LOOKED_AT), Image.Resampling.BOX)
    ink = _thick_enough(ink)
    scale = _BOX / max(ink.size)
    size = (max(1, round(ink.width * scale)), max(1, round(ink.height * scale)))
    small = np.asarray(ink.resize(size, Image.Resampling.BOX), np.float64)
    return _centred(small * (255 / small.max()))


def _ink(image: Image.Image) -> Image.Image:
    """How much each pixel differs from the background, which is what most of the edge shows."""
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        grey, alpha = np.asarray(image.convert("LA"), np.float64).transpose(2, 0, 1)
        visible = grey[alpha > 0]
        # What is transparent is taken for the colour that shows the rest.
        behind = 255.0 if not visible.size or visible.mean() < 128 else 0.0
        grey = grey * (alpha / 255) + behind * (1 - alpha / 255)
    else:
        grey = np.asarray(image.convert("L"), np.float64)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    contrast = np.abs(grey - np.median(edge))
    most = contrast.max()
    if most < _LEAST_CONTRAST:
        return Image.new("L", image.size)
    ink = np.clip((contrast / most - _FAINT) / (1 - _FAINT), 0, 1)
    return Image.fromarray((ink * 255).round().astype(np.uint8))


def _thick_enough(ink: Image.Image) -> Image.Image:
    """The same with lines that are still there when it is small."""
    drawn = np.pad(np.asarray(ink) > 127, 1)
    inner = drawn[:-2, 1:-1] & drawn[2:, 1:-1] & drawn[1:-1, :-2] & drawn[1:-1, 2:]
    drawn = drawn[1:-1, 1:-1]
    # A line has an edge on either side of it.
    width = 2 * drawn.sum() / max(1, (drawn & ~inner).sum())
    missing = round((_LEAST_WIDTH * max(ink.size) / _BOX - width) / 2)
    if missing < 1:
        return ink
    return ImageOps.expand(ink, missing).filter(ImageFilter.MaxFilter(2 * missing + 1))


def _centred(small: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """In the middle of 28x28, by its centre of mass, as far as nothing falls off the edge."""
    digit = np.zeros((SIDE, SIDE), np.uint8)
    corner = []
    for axis in (0, 1):
        weights = small.sum(axis=1 - axis)
        middle = (weights * (np.arange(len(weights)) + 0.5)).sum() / weights.sum()
        corner.append(int(np.clip(round(SIDE / 2 - middle), 0, SIDE - len(weights))))
    top, left = corner
    height, width = small.shape
    digit[top : top + height, left : left + width] = small.round()
    return digit
