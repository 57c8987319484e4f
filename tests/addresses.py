"""Putting the files of a seal under other hosts, and its digests right again."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import tomli

from holdfast.seal.digest import digest_file, digest_folder
from holdfast.seal.store import to_json

# Of the index's pages, and of its files.
INVENTED = ("https://index.example", "https://files.example")


def addresses_of(model: Path) -> tuple[str, str]:
    """Scheme and host of the index that the lock of `model` names, and of its files."""
    with (model / "pylock.toml").open("rb") as file:
        packages = tomli.load(file)["packages"]
    package = next(one for one in packages if "index" in one and one.get("wheels"))
    return _origin(package["index"]), _origin(package["wheels"][0]["url"])


def readdress(model: Path, hosts: dict[str, str]) -> None:
    """Replace hosts in the lock of `model`, and its digests in the seal."""
    lock = model / "pylock.toml"
    text = lock.read_text(encoding="utf-8")
    for before, after in hosts.items():
        text = text.replace(f'"{before}/', f'"{after}/')
    lock.write_text(text, encoding="utf-8")
    path = model / "holdfast" / "seal.json"
    seal = json.loads(path.read_text(encoding="utf-8"))
    seal["lock"] = digest_file(lock).sha256
    seal["files"] = {
        name: {"size": found.size, "sha256": found.sha256}
        for name, found in digest_folder(model).items()
    }
    path.write_bytes(to_json(seal))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
