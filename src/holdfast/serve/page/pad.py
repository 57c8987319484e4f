"""The pad to draw on, for a model that takes pictures: one tensor that has the shape of one.

It is empty here: `static/pad.js` takes what is drawn and makes the request of it. What it must know
of the tensor stands in `data-` attributes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape

from holdfast.page.markup import Markup
from holdfast.serve.protocol.schema import Schema, Tensor

# Cells along a side: fewer show nothing, and more are no drawing of one cell each.
_FEWEST, _MOST = 8, 64


@dataclass(frozen=True, slots=True)
class Picture:
    """A tensor of one grey picture a row: `height` x `width` cells, one channel at most."""

    tensor: Tensor
    height: int
    width: int


def picture_of(schema: Schema) -> Picture | None:
    """The picture that a model takes, of shape (-1, H, W), (-1, H, W, 1) or (-1, 1, H, W).

    None where it takes anything else, or where H or W is below 8 or above 64.
    """
    if len(schema.tensors) != 1:
        return None
    (tensor,) = schema.tensors
    if not tensor.kind.startswith(("int", "uint", "float")):
        return None
    match tensor.shape:
        case (-1, height, width) | (-1, height, width, 1) | (-1, 1, height, width):
            drawn = all(_FEWEST <= side <= _MOST for side in (height, width))
            return Picture(tensor, height, width) if drawn else None
        case _:
            return None


def pad(picture: Picture | None) -> Markup | None:
    """The pad, and all that is done with it; None without a picture."""
    if picture is None:
        return None
    tensor = picture.tensor
    about = {
        "height": picture.height,
        "width": picture.width,
        "shape": list(tensor.shape[1:]),
        "whole": not tensor.kind.startswith("float"),
        "name": tensor.name,
    }
    size = f"{picture.width}\xa0\N{MULTIPLICATION SIGN}\xa0{picture.height}"
    told = escape(json.dumps(about), quote=True)
    return Markup(
        f'<div id="pad" data-picture="{told}"><div class="drawing"><div class="sheet">'
        f'<canvas class="ink" tabindex="0" role="application" aria-label="Drawing pad, {size}"'
        ' aria-describedby="pad-help"></canvas><span class="cursor" hidden></span></div>'
        f'<figure><canvas class="seen" role="img" aria-label="Your drawing as {size} cells">'
        f"</canvas><figcaption>What the model gets: {size}"
        '<span class="range"></span></figcaption></figure></div>'
        '<fieldset class="modes"><legend>Draw with</legend>'
        '<label><input type="radio" name="tool" value="pen" checked> pen</label>'
        '<label><input type="radio" name="tool" value="eraser"> eraser</label></fieldset>'
        '<p class="buttons"><button type="button" class="undo">Undo</button>'
        '<button type="button" class="clear">Clear</button>'
        '<label class="file">or a PNG or JPEG file '
        '<input type="file" accept="image/png,image/jpeg"></label></p>'
        '<p class="fit"><label><input type="checkbox" name="fit"> brought to the size and the'
        " middle that ink has in the model's example</label></p>"
        '<p id="pad-help" class="soft">Draw, or drop a picture here. With the keyboard: arrow keys'
        " move, the space bar puts the pen down and lifts it. The first line takes the place of the"
        ' example.</p><p class="soft state" role="status"></p></div>'
    )
