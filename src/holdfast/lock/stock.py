"""The lock as lines of a requirements file that stock pip and stock uv install, from any folder.

Pure. What the tools do with each form was found by trying them; docs/stock-mlflow.md says it all:

- A hash on one line makes pip want one on every line, and a git repository can have none. So a lock
  without git gives `name==version --hash=…`, and one with git gives the URL of the very file, whose
  fragment is a hash that pip and uv check too, and that pip allows beside a repository.
- A path is taken from the working directory, which is not the model's folder everywhere;
  `--find-links` is taken from the folder of the requirements file.
- Of two indexes that have a name, uv asks one and pip asks both. A URL asks neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from holdfast.lock.requirements import hashes_of, own_wheel, requirement_of

# What `redact` puts in the place of a token; such a URL leads nowhere.
_WITHHELD = "****"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Machines that a marker can tell from others, and the wheels that they take.

    Attributes:
        marker: "sys_platform == 'linux' and platform_machine == 'x86_64'".
        ranks: Wheel tags, and the place of each; the best is 0.
    """

    marker: str
    ranks: Mapping[Tag, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A requirement.

    Attributes:
        hashes: "sha256:…" of the files it may be.
        index: The index it has to be asked of, or "".
    """

    text: str
    hashes: tuple[str, ...] = ()
    index: str = ""

    def joined(self, separator: str = " ") -> str:
        """The line as text, `separator` before each hash."""
        return separator.join((self.text, *(f"--hash={one}" for one in self.hashes)))


def is_hashed(pylock: Mapping[str, Any]) -> bool:
    """Whether pip can ask for the hash of everything in this lock."""
    return not any("vcs" in package for package in pylock["packages"])


def own_files(pylock: Mapping[str, Any]) -> dict[str, str]:
    """Path and sha256 of the wheels that lie beside the lock."""
    wheels = (own_wheel(package) for package in pylock["packages"])
    return {wheel["path"]: wheel["hashes"]["sha256"] for wheel in wheels if wheel}


def stock_lines(
    pylock: Mapping[str, Any], *, elsewhere: Collection[str], families: Sequence[Family]
) -> tuple[Line, ...]:
    """The packages of a lock, each bound to its bytes.

    Args:
        pylock: What `to_pylock` makes, or `Pylock.to_dict()`.
        elsewhere: Indexes that stock tools would not ask, or not first: their packages are bound
            by URL.
        families: The machines that a URL is chosen for.
    """
    hashed = is_hashed(pylock)
    return tuple(
        line
        for package in pylock["packages"]
        for line in _lines(package, hashed, elsewhere, families)
    )


def _lines(
    package: Mapping[str, Any],
    hashed: bool,  # noqa: FBT001
    elsewhere: Collection[str],
    families: Sequence[Family],
) -> Sequence[Line]:
    marker = package.get("marker", "")
    if "vcs" in package or "archive" in package or (own_wheel(package) and not hashed):
        return (Line(text=_with_marker(requirement_of(package), marker)),)
    if not own_wheel(package) and (not hashed or package.get("index") in elsewhere):
        lines = tuple(_by_url(package, marker, families))
        if lines:
            return lines
    return (
        Line(
            text=_with_marker(f"{package['name']}=={package['version']}", marker),
            hashes=tuple(hashes_of(package)) if hashed else (),
            index=package.get("index", ""),
        ),
    )


def _by_url(package: Mapping[str, Any], marker: str, families: Sequence[Family]) -> Iterator[Line]:
    """A line for each file that some family takes; one for all where they take the same."""
    if _WITHHELD in repr(package):
        return
    chosen = {family.marker: _file_for(package, family) for family in families}
    urls = {_url(file) for file in chosen.values() if file}
    if len(urls) == 1 and all(chosen.values()):
        yield Line(text=_with_marker(f"{package['name']} @ {urls.pop()}", marker))
        return
    for family, file in chosen.items():
        if file:
            both = f"({marker}) and {family}" if marker else family
            yield Line(text=_with_marker(f"{package['name']} @ {_url(file)}", both))


def _file_for(package: Mapping[str, Any], family: Family) -> Mapping[str, Any] | None:
    ranked = []
    for wheel in package.get("wheels", ()):
        tags = parse_wheel_filename(_name(wheel))[3] & family.ranks.keys()
        if tags:
            ranked.append((min(family.ranks[tag] for tag in tags), _name(wheel), wheel))
    return min(ranked)[2] if ranked else package.get("sdist")


def _name(file: Mapping[str, Any]) -> str:
    return str(file.get("name") or file["url"].rpartition("/")[2])


def _url(file: Mapping[str, Any]) -> str:
    fragment = "&".join(f"{kind}={value}" for kind, value in sorted(file["hashes"].items()))
    return f"{file['url']}#{fragment}"


def _with_marker(text: str, marker: str) -> str:
    # The space before ";" is part of the syntax after a URL (PEP 508).
    return f"{text} ; {marker}" if marker else text
