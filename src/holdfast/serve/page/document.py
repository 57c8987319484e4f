"""The HTML of the page of one model."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from holdfast.page.markup import Markup, element, join, other, words
from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.page.form import fields
from holdfast.serve.page.identity import identity, version
from holdfast.serve.page.pad import pad, picture_of
from holdfast.serve.pool.pool import Pool

# A kelp on its rock, drawn in a line: a tab has an icon, and asks for none.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%230b7a57'/%3E"
    "%3Cpath d='M5 3v10M11 3v10M5 8h6' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"
)
# What `static/figures.js` makes of the counters.
_FIGURES = (
    ("requests", "Requests/s"),
    ("rows", "Rows/s"),
    ("p50", "Latency p50"),
    ("p95", "Latency p95"),
    ("p99", "Latency p99"),
    ("queue", "Waiting"),
    ("batch", "Rows per call"),
    ("errors", "Errors/s"),
)


def document(endpoint: Endpoint, names: Iterable[str], root: str, example: str) -> str:
    """The page of a model.

    Args:
        endpoint: Under which it is served.
        names: Of all models of the server.
        root: The way from the page's address to the server's root: "./" or "../../".
        example: A request to begin with, as JSON; "" for none.
    """
    pool = endpoint.pool
    grade = pool.restored.model.seal.grade.value if pool else ""
    head = _head(f"{endpoint.name} · Holdfast", root)
    body = element(
        "body",
        Markup('<a class="skip" href="#predict">To the form</a>'),
        element(
            "main",
            _header(endpoint, list(names), root),
            _parts(endpoint, pool, example) if pool else _absent(endpoint),
        ),
        class_=grade,
        data_root=root,
        data_model=endpoint.name,
        data_seal=pool.restored.model.digest if pool else "",
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def locked(root: str) -> str:
    """What is shown without an API key: a field for it, and nothing of any model."""
    form = Markup(
        '<form id="locked"><p>This server answers to those who have an API key.</p>'
        '<p><label for="secret">API key</label>'
        '<input id="secret" type="password" autocomplete="off" spellcheck="false" required> '
        "<small>Kept in this tab's memory only.</small></p>"
        '<p class="buttons"><button type="submit" class="main" disabled>Open</button></p>'
        '<p id="said" role="status"></p></form>'
    )
    body = element("body", element("main", element("h1", "Holdfast"), form))
    return f"<!doctype html>\n{element('html', _head('Holdfast', root), body, lang='en')}\n"


def _head(title: str, root: str) -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", words(title)),
        Markup(f'<link rel="icon" href="{_ICON}">'),
        element("link", rel="stylesheet", href=f"{root}static/style.css"),
        element("link", rel="stylesheet", href=f"{root}static/serve.css"),
        element("script", type_="module", src=f"{root}static/main.js"),
    )


def _header(endpoint: Endpoint, names: list[str], root: str) -> Markup:
    pool = endpoint.pool
    told = None
    if pool:
        seal = pool.restored.model.seal
        told = element(
            "p",
            element("strong", seal.grade.value, class_="pill"),
            " ",
            other(version(pool)),
            f" · Python {seal.python.version} · {len(seal.distributions)} packages",
            class_="soft",
        )
    return element(
        "header", _chooser(endpoint, names, root), element("h1", other(endpoint.name)), told
    )


def _chooser(endpoint: Endpoint, names: list[str], root: str) -> Markup | None:
    if len(names) == 1:
        return None
    links = (
        element(
            "li",
            element(
                "a",
                other(name),
                href=f"{root}models/{name}/",
                aria_current="page" if name == endpoint.name else "",
            ),
        )
        for name in names
    )
    return element("nav", element("ul", *links), aria_label="Models")


def _parts(endpoint: Endpoint, pool: Pool, example: str) -> Markup:
    receipt = element("div", element("p", "Asking for it …", class_="soft"), id="receipt")
    beside = element(
        "div",
        _section("Live", "live", *_live()),
        _section("Last receipt", "proof", receipt),
        class_="beside",
    )
    return element(
        "div",
        _section("Predict", "predict", *_predict(pool, example)),
        beside,
        _section("What answers", "identity", identity(endpoint, pool)),
        class_="parts",
    )


def _absent(endpoint: Endpoint) -> Markup:
    said = join(other(endpoint.refusal, 1000), ". The page comes when it is there.")
    return element("p", said, id="absent", role="status")


def _section(title: str, name: str, *content: Markup | None) -> Markup:
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *content, id=name, aria_labelledby=f"{name}-title")


def _predict(pool: Pool, example: str) -> list[Markup | None]:
    form = fields(pool.schema, _params(pool))
    own = form or pad(picture_of(pool.schema))
    # What sends is disabled until the script is there that does it.
    modes = Markup(
        '<fieldset class="modes"><legend>Request as</legend>'
        '<label><input type="radio" name="mode" value="own" checked> '
        f"{'form' if form else 'drawing'}</label>"
        '<label><input type="radio" name="mode" value="json"> JSON</label></fieldset>'
    )
    editor = Markup(
        f'<div id="json"{" hidden" if own else ""}><label for="editor">Request, as JSON</label>'
        f'<textarea id="editor" rows="12" spellcheck="false" autocomplete="off">\n'
        f"{escape(example)}</textarea></div>"
    )
    add = Markup('<button type="button" id="add">Add a row</button>') if form else None
    return [
        element(
            "form",
            modes if own else None,
            element("div", own, id="fields") if own else None,
            editor,
            element(
                "p",
                Markup('<button type="submit" id="send" class="main" disabled>Predict</button>'),
                add,
                Markup('<button type="button" id="again">Back to the example</button>'),
                class_="buttons",
            ),
            id="request",
        ),
        Markup('<p id="said" role="status"></p><div id="answer"></div>'),
        Markup(
            '<details id="command"><summary>The same with curl</summary>'
            '<pre tabindex="0" role="region" aria-label="Command"></pre>'
            '<p class="buttons"><button type="button" id="copy">Copy</button>'
            '<span id="copied" role="status"></span></p></details>'
        ),
    ]


def _live() -> list[Markup]:
    shown = (
        element(
            "div",
            element("dt", title),
            Markup('<dd class="now">—</dd><dd class="spark" aria-hidden="true"></dd>'),
            Markup('<dd class="most"></dd>'),
            data_figure=name,
        )
        for name, title in _FIGURES
    )
    return [
        Markup('<p id="state" role="status" class="soft">Asking for figures …</p>'),
        element("dl", *shown, class_="figures"),
        Markup('<p id="counts" class="soft"></p>'),
        Markup(
            '<details id="history"><summary>The last minutes as a table</summary>'
            '<div class="wide" tabindex="0" role="region" aria-label="Figures"></div></details>'
        ),
    ]


def _params(pool: Pool) -> list[dict[str, Any]]:
    signature = pool.loaded.get("signature") or {}
    params = signature.get("params")
    return [one for one in params if isinstance(one, dict)] if isinstance(params, list) else []
