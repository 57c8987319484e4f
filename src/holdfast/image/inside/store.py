"""The image's Holdfast folder: a store that holds one environment, as if it had been built there.

What `environment/store.py` and `environment/build.py` write and read, written ahead. Nothing in it
depends on the model but through the environment, so that models that share one share its layer; a
slim environment's finding, which names the model, is to go where the model goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from holdfast.environment.layout import FOLDERS, Layout
from holdfast.image.inside.contents import Contents, inventory_of
from holdfast.image.inside.places import ENVIRONMENT, HOME, STORE, absolute
from holdfast.image.values import Entry
from holdfast.model import Model
from holdfast.restore.findings import Finding, as_file
from holdfast.restore.lock import late_lock_file
from holdfast.restore.restored import Slim


def store_entries(contents: Contents, model: Model) -> list[Entry]:
    """The image's Holdfast folder.

    Args:
        contents: The environment.
        model: One that has it; only for a lock that its seal does not hold.
    """
    layout, key = Layout(Path(absolute(STORE))), contents.key
    files = {
        layout.inventory(key): inventory_of(contents).to_json(),
        layout.request(contents.spec.digest()): json.dumps(_request(contents)),
        # To share a lock takes no more than to read its file.
        layout.lease_lock(key): "",
    }
    links = {layout.environment(key): absolute(ENVIRONMENT)}
    return [
        *(Entry(path=f"{STORE}/{name}") for name in FOLDERS),
        *(Entry(path=_relative(path), content=text.encode()) for path, text in files.items()),
        *(Entry(path=_relative(path), link=target) for path, target in links.items()),
        *_late_lock(model),
    ]


def finding_entries(
    contents: Contents, model: Model, slim: Slim, included: Iterable[str] = ()
) -> list[Entry]:
    """What a slim environment was proven by, for the layer of `model`.

    Args:
        contents: The slim environment.
        model: The model.
        slim: How the environment stands to the whole one.
        included: Packages that were asked for by name, besides those that the seal names.
    """
    names = frozenset(package.chosen.name for package in contents.packages)
    path, text = as_file(model, included, Finding(key=contents.key, names=names, slim=slim))
    return [Entry(path=f"{HOME}/{path}", content=text)]


def _request(contents: Contents) -> dict[str, Any]:
    """As `Store` writes it; without an identity, since the Python came with the image."""
    return {
        "key": contents.key,
        "python": contents.python,
        "identity": None,
        "version": contents.target.version,
        "exact": contents.target.version == contents.spec.python,
        "site_packages": contents.site_packages,
    }


def _late_lock(model: Model) -> list[Entry]:
    """The lock of a seal that has none, as it was made when the image was."""
    if model.seal.lock:
        return []
    kept = late_lock_file(model)
    return [Entry(path=f"{HOME}/late-locks/{kept.name}", content=kept.read_bytes())]


def _relative(path: Path) -> str:
    return path.relative_to("/").as_posix()
