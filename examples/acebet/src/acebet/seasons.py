"""Where a season's file comes from: its publisher, or a folder at hand. Cleans nothing.

A downloaded file must be the one that this package was written for: `checksums.txt` has the
SHA-256 of each, as `sha256sum` writes it. A season that it does not know is remembered at its first
download.
Files that a user brings are the user's to vouch for.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

# Jeff Sackmann, "Tennis databases, files, and algorithms", CC BY-NC-SA 4.0.
PUBLISHER = "https://raw.githubusercontent.com/JeffSackmann/tennis_atp/master/{name}"
_SCHEME = "https://"
_SHIPPED = Path(__file__).with_name("checksums.txt")


class DataError(ValueError):
    """A season could not be had, or is not what it should be; the message says what to do."""


def cache_folder() -> Path:
    """Where downloads and tables are kept: `ACEBET_CACHE`, else the user's cache folder."""
    from platformdirs import user_cache_path  # a model's environment does not have it

    named = os.environ.get("ACEBET_CACHE")
    return Path(named) if named else user_cache_path("acebet")


def season(year: int, data: Path | None = None, *, publisher: str = PUBLISHER) -> bytes:
    """A season's CSV, uncompressed.

    Args:
        year: Such as 2023.
        data: A folder with `atp_matches_<year>.csv` or `.csv.gz`; else it is downloaded, once.
        publisher: The address, with `{name}` in it.

    Raises:
        DataError: The file is not there, cannot be read, or is not the one that was expected.
    """
    name = f"atp_matches_{year}.csv"
    return _at_hand(data, name) if data else _downloaded(name, publisher)


def seasons_in(data: Path) -> list[int]:
    """The years of the seasons in a folder."""
    found = data.glob("atp_matches_[0-9][0-9][0-9][0-9].csv*")
    return sorted({int(path.name[12:16]) for path in found})


def _at_hand(data: Path, name: str) -> bytes:
    for path in (data / name, data / f"{name}.gz"):
        if path.is_file():
            try:
                content = path.read_bytes()
                return gzip.decompress(content) if path.suffix == ".gz" else content
            except (OSError, EOFError) as error:
                raise DataError(f"{path} cannot be read: {error}") from error
    there = ", ".join(map(str, seasons_in(data))) or "none"
    raise DataError(f"there is no {name} or {name}.gz in {data} (seasons there: {there})")


def _downloaded(name: str, publisher: str) -> bytes:
    folder = cache_folder()
    path, remembered = folder / name, folder / "checksums.txt"
    content = path.read_bytes() if path.is_file() else _fetched(publisher.format(name=name))
    found = hashlib.sha256(content).hexdigest()
    expected = _checksums((_SHIPPED, remembered)).get(name)
    if expected not in {None, found}:
        raise DataError(
            f"{name} has SHA-256 {found}, not {expected}: its publisher changed it, or the "
            f"download is damaged. Delete {path} if it is there and try again; to use a file as "
            "it is, put it in a folder and name that with --data"
        )
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    if expected is None:
        with remembered.open("a", encoding="utf-8") as file:
            file.write(f"{found}  {name}\n")
    return content


def _fetched(address: str) -> bytes:
    if not address.startswith(_SCHEME):
        raise DataError(f"{address} is no https address")
    try:
        with urlopen(address, timeout=60) as answer:  # noqa: S310 - https, looked at above
            content: bytes = answer.read()
    except (URLError, OSError) as error:
        raise DataError(
            f"{address} cannot be downloaded: {error}. With the files at hand, name their folder "
            "with --data"
        ) from error
    return content


def _checksums(files: Iterable[Path]) -> dict[str, str]:
    lines = [line for path in files if path.is_file() for line in path.read_text().splitlines()]
    return {name: digest for digest, name in (line.split() for line in reversed(lines) if line)}


def write_whole(path: Path, content: bytes) -> None:
    """Whoever sees the file under its name sees all of it."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
