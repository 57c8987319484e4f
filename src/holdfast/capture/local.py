"""What was installed from a folder or a file of this machine (PEP 610): its wheel goes along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.capture.wheels import BuiltWheel, build_wheels, describe_wheel
from holdfast.project.installed import Installed
from holdfast.seal.digest import digest_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What is on this disk, by name.

    Attributes:
        sources: Folders and sdists that a wheel is built of.
        wheels: Wheels as they were installed.
        gone: What is no longer there, or no longer the same.
    """

    sources: Mapping[str, Path]
    wheels: Mapping[str, Path]
    gone: tuple[str, ...]

    def built(self) -> dict[str, BuiltWheel]:
        """A wheel of each.

        Raises:
            ToolError: A build failed.
        """
        ready = {name: describe_wheel(path) for name, path in self.wheels.items()}
        return build_wheels(self.sources) | ready


def local_ones(installed: Iterable[Installed]) -> Local:
    """Those of `installed` that came from this disk."""
    sources: dict[str, Path] = {}
    wheels: dict[str, Path] = {}
    gone = []
    for one in installed:
        path = _path_of(one)
        if path is None:
            continue
        if _is_still_it(one, path):
            (wheels if path.suffix == ".whl" else sources)[one.name] = path
        else:
            gone.append(one.name)
    return Local(sources=sources, wheels=wheels, gone=tuple(gone))


def _path_of(one: Installed) -> Path | None:
    url = str(one.direct_url.get("url", ""))
    is_local = "dir_info" in one.direct_url or "archive_info" in one.direct_url
    if not is_local or not url.startswith("file:"):
        return None
    return Path(unquote(urlsplit(url).path))


def _is_still_it(one: Installed, path: Path) -> bool:
    """Whether the folder is there, or the file with the bytes that were installed."""
    if "dir_info" in one.direct_url:
        return path.is_dir()
    about = one.direct_url["archive_info"]
    _, _, plain = str(about.get("hash", "")).partition("sha256=")
    wanted = about.get("hashes", {}).get("sha256") or plain
    return path.is_file() and (not wanted or digest_file(path.resolve()).sha256 == wanted)
