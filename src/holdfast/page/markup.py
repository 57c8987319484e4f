"""HTML made of elements: what is not markup is text, and is escaped.

Pure. Whatever is shown may be somebody else's words, so there is one way only for them to come in.
"""

from __future__ import annotations

from html import escape

from holdfast.redact import printable, redact
from holdfast.units import size

_LONGEST = 200  # characters of one piece of text; nobody reads more in a table

# Elements that have no end.
_VOID = frozenset({"link", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *content: str | None, **attributes: str) -> Markup:
    """The element `name`.

    Args:
        name: "p".
        content: Markup, or text, which is escaped; None for nothing.
        attributes: A trailing "_" is dropped ("class_"), "_" within is "-"; "" is left out.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{words(value, 1000)}"'
        for key, value in attributes.items()
        if value
    )
    if name in _VOID:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{join(*content)}</{name}>")


def join(*content: str | None) -> Markup:
    """One piece after the other."""
    return Markup(
        "".join(
            one if isinstance(one, Markup) else words(one) for one in content if one is not None
        )
    )


def words(text: str, most: int = _LONGEST) -> Markup:
    """`text` as text: no tag, no entity, no character that turns the others round, no secret."""
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    text = printable(redact(text)).encode("utf-8", "backslashreplace").decode()
    return Markup(escape(text, quote=True))


def other(text: str, most: int = _LONGEST) -> Markup:
    """Somebody else's words, kept apart from ours, whichever way they are written."""
    return Markup(f"<bdi>{words(text, most)}</bdi>")


def weight(number: int) -> Markup:
    """Bytes for people, in one piece."""
    return Markup(size(number).replace(" ", "&nbsp;"))
