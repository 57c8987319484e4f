"""Golden predictions as a small table: what was given, and what the model answered."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.page.cells import Grid, read_grid
from holdfast.page.markup import Markup, element, join, other
from holdfast.seal.golden import Golden, Payload

_ROWS = 8
_GIVEN_COLUMNS = 10
_ANSWER_COLUMNS = 6
_CELL = 60


def examples(golden: Golden) -> Markup:
    """The first rows: side by side where each row has its answer, else one after the other."""
    given = read_grid(golden.given, _ROWS, _GIVEN_COLUMNS)
    answer = read_grid(golden.answer, _ROWS, _ANSWER_COLUMNS)
    if given and answer and given.of_rows == answer.of_rows:
        return _table([("Input", given, ""), ("Answer", answer, "answer")])
    return join(
        _table([("Input", given, "")]) if given else _described("input", golden.given),
        _table([("Answer", answer, "answer")]) if answer else _described("answer", golden.answer),
    )


def _table(sides: Sequence[tuple[str, Grid, str]]) -> Markup:
    groups = [
        element("th", _group(name, grid), scope="colgroup", colspan=str(len(grid.columns)),
                class_=kind)
        for name, grid, kind in sides
    ]  # fmt: skip
    names = [
        element("th", other(name, _CELL), scope="col", class_=_class(kind, numeric=numeric))
        for _, grid, kind in sides
        for name, numeric in zip(grid.columns, grid.numeric, strict=True)
    ]
    spans = [Markup(f'<colgroup span="{len(grid.columns)}"></colgroup>') for _, grid, _ in sides]
    first = sides[0][1]
    rows = [
        element("tr", *(cell for _, grid, kind in sides for cell in _cells(grid, row, kind)))
        for row in range(len(first.rows))
    ]
    caption = None
    if first.of_rows > len(first.rows):
        caption = element("caption", f"The first {len(first.rows)} of {first.of_rows} rows.")
    table = element(
        "table",
        caption,
        *spans,
        element("thead", element("tr", *groups), element("tr", *names)),
        element("tbody", *rows),
        class_="data",
    )
    # What scrolls must be reached without a mouse.
    return element(
        "div", table, class_="wide", tabindex="0", role="region", aria_label="Golden predictions"
    )


def _group(name: str, grid: Grid) -> str:
    hidden = grid.of_columns - len(grid.columns)
    return f"{name} ({hidden} more columns)" if hidden else name


def _cells(grid: Grid, row: int, kind: str) -> list[Markup]:
    return [
        element("td", other(cell, _CELL), class_=_class(kind, numeric=numeric))
        for cell, numeric in zip(grid.rows[row], grid.numeric, strict=True)
    ]


def _class(kind: str, *, numeric: bool) -> str:
    return f"{kind} num".strip() if numeric else kind


def _described(what: str, payload: Payload) -> Markup:
    """What does not fit in a table, by its shape."""
    header = payload.header
    tensors = header.get("tensors")
    shapes = [
        f"{spec.get('shape')} of {spec.get('type')}"
        for spec in (tensors if isinstance(tensors, list) else ())
        if isinstance(spec, dict)
    ]
    said = "; ".join(shapes[:_ROWS]) or f"{payload.size} bytes of {header.get('kind')}"
    return element("p", Markup(f"The {what}: {other(said)}"))
