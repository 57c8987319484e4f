"""The sections of the page, below its head; each is None where a model has nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast.page.examples import examples
from holdfast.page.markup import Markup, element, join, other, weight
from holdfast.page.packages import Package, picture, table
from holdfast.seal.golden import Golden
from holdfast.seal.seal import Seal

PAGE_FILE = "holdfast/model.html"

_FEW = 12  # a table of more packages is folded
_MOST_FILES = 12
_MOST_ROWS = 500
_NONE = "—"


def use(uri: str) -> Markup:
    """What to type."""
    ours = (
        f"holdfast verify {uri}",
        f"holdfast predict {uri} -i rows.csv -o answers.csv",
        f"holdfast restore {uri}",
    )
    stock = (f"mlflow models predict -m {uri} --env-manager uv -t csv -i rows.csv",)
    return _section(
        "Use it again",
        _said("Compare every byte and replay the predictions; predict; have just the environment:"),
        _commands(ours),
        _said("Where Holdfast is not installed, MLflow restores the same versions:"),
        _commands(stock),
    )


def environment(packages: Sequence[Package]) -> Markup:
    """The packages: a picture, and a table that is folded where it is long."""
    if not packages:
        return _section("Packages", _said("The seal names none."))
    listed = table(packages)
    if len(packages) > _FEW:
        summary = element("summary", f"All {len(packages)} packages")
        listed = element("details", summary, listed)
    return _section("Packages", picture(packages), listed)


def drift(seal: Seal) -> Markup | None:
    """Where installed and locked differed."""
    if not seal.drift:
        return None
    rows = (
        (other(one.name), _maybe(one.locked, "not in it"), _maybe(one.installed, "not there"))
        for one in seal.drift[:_MOST_ROWS]
    )
    return _section(
        "Drift",
        _said("What the model was trained with is not what the lockfile said."),
        _said("The installed versions are the ones that were sealed."),
        _table(("Package", "In the lock", "Installed"), rows),
    )


def predictions(seal: Seal, golden: Golden | None) -> Markup:
    """The golden ones, or why there are none."""
    known = seal.golden
    if not known.sha256:
        said = join("There are none: ", other(known.reason, 1000), ".")
    elif known.repeatable:
        said = join("Two predictions at log time were identical, so a replay must be, too.")
    else:
        said = join("A replay is compared by shape and type only: ", other(known.reason, 1000), ".")
    shown = examples(golden) if golden else None
    return _section("Golden predictions", element("p", said), shown)


def own_code(seal: Seal) -> Markup | None:
    """First-party code."""
    rows = [
        (
            other(wheel.name),
            other(wheel.version),
            weight(seal.files[wheel.path].size) if wheel.path in seal.files else Markup(_NONE),
            element("code", other(wheel.sha256[:16])),
        )
        for wheel in seal.wheels[:_MOST_ROWS]
    ]
    heads = ("Package", "Version", "Wheel", "SHA-256")
    return _section("Own code, sealed as wheels", _table(heads, rows)) if rows else None


def indexes(seal: Seal) -> Markup | None:
    """Where packages came from, beyond uv's default."""
    rows = [
        (
            other(index.name or _NONE),
            other(index.url or "a folder of the machine it was logged on"),
            other(", ".join(index.packages) or _NONE, 1000),
        )
        for index in seal.indexes[:_MOST_ROWS]
    ]
    heads = ("Index", "Address", "Packages bound to it")
    return _section("Package indexes", _table(heads, rows)) if rows else None


def python(seal: Seal) -> Markup:
    """The interpreter."""
    known = seal.python
    rows = (
        (Markup("Interpreter"), other(f"{known.implementation} {known.version}")),
        (Markup("Build"), other(known.build)),
        (Markup("Platform"), other(known.platform)),
        (Markup("C library"), other(known.libc or _NONE)),
        (Markup("ABI"), other(known.abi or _NONE)),
    )
    return _section("Python", _table((), rows))


def files(seal: Seal) -> Markup:
    """What is sealed: the largest files, since those are what somebody looks for."""
    # MLflow writes MLmodel once more after this page was made.
    known = {path: one for path, one in seal.files.items() if path not in {PAGE_FILE, "MLmodel"}}
    largest = sorted(known, key=lambda path: (-known[path].size, path))[:_MOST_FILES]
    rows = (
        (
            other(path),
            weight(known[path].size),
            element("code", other(known[path].sha256[:16])),
        )
        for path in largest
    )
    more = len(known) - len(largest)
    rest = f"{more} smaller ones, MLmodel and this page" if more else "MLmodel and this page"
    return _section(
        "What the seal covers",
        _said("Every file of the model, by digest: a byte that changes is found before anything "
              "is opened."),
        _table(("File", "Size", "SHA-256"), rows),
        element("p", f"And {rest}.", class_="soft"),
    )  # fmt: skip


def _section(name: str, *content: Markup | None) -> Markup:
    return element("section", element("h2", name), *content)


def _said(text: str) -> Markup:
    return element("p", text)


def _commands(lines: Iterable[str]) -> Markup:
    """Lines that a click selects whole; no script is needed for it."""
    return element("pre", *(element("span", other(line, 1000)) for line in lines))


def _maybe(text: str | None, instead: str) -> Markup:
    return other(text) if text is not None else element("span", instead, class_="soft")


def _table(heads: Sequence[str], rows: Iterable[Sequence[Markup]]) -> Markup:
    head = None
    if heads:
        names = (element("th", name, scope="col") for name in heads)
        head = element("thead", element("tr", *names))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in cells))
        for first, *cells in rows
    ]
    return element("div", element("table", head, element("tbody", *body)), class_="wide")
