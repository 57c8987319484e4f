"""The form of a signature: one field a column, of the column's type.

The fields are empty: `static/form.js` fills them from the example in the JSON editor and makes the
request of them. Names stand in `data-name` as ASCII JSON, so that they come through HTML unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from holdfast.page.markup import Markup, element, other
from holdfast.serve.protocol.schema import Column, Schema

# More are no form any more.
_MOST_FIELDS = 100

# What a field of MLflow's type is; JSON for every type that is not here.
_FIELDS = {
    "boolean": '<input type="checkbox"',
    "integer": '<input type="number" step="1"',
    "long": '<input type="number" step="1"',
    "float": '<input type="number" step="any"',
    "double": '<input type="number" step="any"',
    "string": '<input type="text"',
    "datetime": '<input type="datetime-local" step="any"',
    "binary": '<input type="text" placeholder="base64"',
}
_CHOICE = (
    '<select{}><option value="">—</option><option value="true">true</option>'
    '<option value="false">false</option></select>'
)
# An empty field of these cannot be sent: JSON's null is no value of theirs.
_NEVER_NULL = {"integer", "long", "datetime"}


def fields(schema: Schema, params: Sequence[Mapping[str, Any]]) -> Markup | None:
    """A row of fields as a template, and the fields of `params`; None where JSON is the only way.

    Args:
        schema: The signature's inputs.
        params: Its parameters as MLflow has them: name, type, default, shape.
    """
    if not 0 < len(schema.columns) <= _MOST_FIELDS:
        return None
    row = "".join(map(_column, schema.columns))
    return Markup(
        '<template><fieldset class="row"><legend></legend>'
        f'<div class="fields">{row}</div></fieldset></template><div class="rows"></div>'
        f"{_params(params)}"
    )


def _params(params: Sequence[Mapping[str, Any]]) -> str:
    plain = [one for one in params if one.get("shape") is None and one.get("type") in _FIELDS]
    if not plain:
        return ""
    columns = (Column(name=str(one["name"]), kind=one["type"], required=False) for one in plain)
    shown = "".join(map(_column, columns))
    return (
        '<fieldset class="params"><legend>Parameters</legend>'
        f'<div class="fields">{shown}</div></fieldset>'
    )


def _column(column: Column) -> str:
    kind = column.kind if column.kind in _FIELDS else "json"
    said = column.kind or "JSON"
    note = f"{said}" if column.required else f"{said}, optional"
    # White space between the words, for those who hear them.
    label = element("span", other(column.name), " ", element("small", note), class_="name")
    return f"<label>{label}{_field(column, kind)}</label>"


def _field(column: Column, kind: str) -> str:
    name = escape(json.dumps(column.name), quote=True)
    told = f' data-name="{name}" data-kind="{kind}"'
    if kind == "json":
        return f'<textarea rows="2" spellcheck="false"{told}></textarea>'
    if kind == "boolean" and not column.required:
        return _CHOICE.format(told)
    if not column.required:
        told += ' data-optional=""'
    needed = " required" if column.required and kind in _NEVER_NULL else ""
    return f'{_FIELDS[kind]} autocomplete="off"{needed}{told}>'
