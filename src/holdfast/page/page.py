"""The page, from a seal and its golden predictions: `render` gives the whole HTML file."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from holdfast.page import sections
from holdfast.page.markup import Markup, element, join, other, words
from holdfast.page.packages import Package, packages_of
from holdfast.page.sections import PAGE_FILE
from holdfast.seal.golden import Golden
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Seal
from holdfast.units import size

_MEANS = {
    Grade.LOCKED: "The lockfile was fresh, what was installed equals it, the project's own code is "
    "here as wheels, and every package is bound to its hashes.",
    Grade.FROZEN: "Sealed from what was really installed: exact versions with hashes. The "
    "project's lockfile does not say the same, or there is none.",
    Grade.PINNED: "Exact versions are known, but hashes could not be had.",
    Grade.INFERRED: "MLflow guessed what the model needs; Holdfast vouches for nothing.",
}
# No script, no frame, nothing from anywhere: only the styles within.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MOST_REASONS = 100
_COMMIT = 12


def render(seal: Seal, golden: Golden | None, uri: str) -> str:
    """The page of a model.

    Args:
        seal: What it says is what the page says.
        golden: Its golden predictions, None where there are none or they cannot be read.
        uri: The model, as commands name it.
    """
    title = f"{seal.project.name} {seal.project.version}".strip() or "A sealed model"
    packages = packages_of(seal)
    body = element(
        "main",
        _header(seal, title, packages),
        sections.use(uri),
        sections.environment(packages),
        sections.drift(seal),
        sections.predictions(seal, golden),
        sections.own_code(seal),
        sections.indexes(seal),
        sections.python(seal),
        sections.files(seal),
        _footer(seal),
    )
    head = _head(f"{title} · {seal.grade.value} · Holdfast")
    document = element("html", head, element("body", body, class_=seal.grade.value), lang="en")
    return f"<!doctype html>\n{document}\n"


def _head(title: str) -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", words(title)),
        element("style", Markup(_style())),
    )


@cache
def _style() -> str:
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def _header(seal: Seal, title: str, packages: list[Package]) -> Markup:
    reasons = [element("li", other(reason, 1000)) for reason in seal.reasons[:_MOST_REASONS]]
    return element(
        "header",
        element("h1", other(title)),
        element("p", Markup(" · ".join(_origin(seal))), class_="soft"),
        element(
            "div",
            element("strong", seal.grade.value),
            element("p", _MEANS[seal.grade]),
            element("ul", *reasons) if reasons else None,
            class_="grade",
        ),
        element("dl", *_facts(seal, packages), class_="facts"),
    )


def _origin(seal: Seal) -> list[Markup]:
    project = seal.project
    parts = [join("Sealed ", other(_moment(seal.created)))]
    if project.commit:
        commit = element("code", other(project.commit[:_COMMIT]))
        changed = ", with changes that are in no commit" if project.dirty else ""
        parts.append(join("commit ", commit, changed))
    for word, names in (("extras", project.extras), ("groups", project.groups)):
        if names:
            parts.append(join(f"{word} ", other(", ".join(names))))
    return parts


def _moment(text: str) -> str:
    """A UTC time of ISO 8601 as people read it; anything else as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment.utcoffset() == timedelta() else text


def _facts(seal: Seal, packages: list[Package]) -> list[Markup]:
    """The four numbers that everybody wants."""
    installed = sum(one.size for one in packages)
    golden = seal.golden
    repeats = "repeatable to the bit" if golden.repeatable else "compared by shape and type"
    files = sum(one.size for path, one in seal.files.items() if path != PAGE_FILE)
    count = len(seal.files.keys() - {PAGE_FILE})
    return [
        _fact("Python", seal.python.version, seal.python.platform),
        _fact("Packages", str(len(packages)), f"{size(installed)} installed" if installed else ""),
        _fact(
            "Golden predictions",
            str(golden.rows) if golden.sha256 else "none",
            repeats if golden.sha256 else "cannot be replayed",
        ),
        _fact("Model", size(files), f"{count} files"),
    ]


def _fact(name: str, value: str, more: str) -> Markup:
    told = element("dd", other(value), element("small", other(more)) if more else None)
    return element("div", element("dt", name), told)


def _footer(seal: Seal) -> Markup:
    tools = ", ".join(f"{name} {version}" for name, version in sorted(seal.tools.items()))
    proof = (
        "This page says what the seal said when the model was logged. It proves nothing by itself: "
        "holdfast verify does."
    )
    made = join("Made by ", other(tools), ".")
    return element("footer", element("p", made), element("p", words(proof, 1000)))
