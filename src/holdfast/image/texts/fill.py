"""Runs inside the build of a Dockerfile of ours, by the gateway's Python, as root.

    python -m holdfast.image.texts.fill environment RECIPE ACCOUNTS
    python -m holdfast.image.texts.fill slim RECIPE FINDING

The first restores the environment of a recipe into HOLDFAST_HOME, every byte checked as everywhere,
and leaves the store as images have it; into the folder ACCOUNTS goes what the base's `/etc` lacks.
The second notes which part of a model's lock it is that the golden predictions were replayed with.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from holdfast.environment.inventory import Row
from holdfast.environment.store import Environment, Store
from holdfast.errors import HoldfastError, InputError
from holdfast.home import home
from holdfast.image.inside.account import account_entries
from holdfast.image.inside.places import ENVIRONMENT, GATEWAY, MODEL, absolute
from holdfast.image.texts.recipe import LATE_LOCKS, read_recipe
from holdfast.model import open_model
from holdfast.restore.findings import read_finding, remember

# Builders keep whole seconds of a file's time, or none at all.
_TIME_NS = 0
# Of use to whoever builds further environments.
_NOT_FOR_IMAGES = ("building", "pythons", "trash", "wheels")


def fill(recipe: Path, accounts: Path) -> None:
    """Restore the environment of `recipe`, for an image.

    Raises:
        HoldfastError: It cannot be had, or is not what was sealed.
    """
    spec = read_recipe(recipe)
    store = Store.open()
    environment = store.restore(spec, on_progress=_say)
    _set_times(environment)
    _forget_python(store.layout.request(spec.digest()))
    _tidy(store)
    place = Path(absolute(ENVIRONMENT))
    name = store.layout.environment(environment.key)
    name.rename(place)
    name.symlink_to(place)
    if (recipe / LATE_LOCKS).is_dir():
        shutil.copytree(recipe / LATE_LOCKS, home() / LATE_LOCKS)
    _write_accounts(accounts)
    for folder in (Path(absolute(GATEWAY)), place, home(), accounts):
        _let_read(folder)


def note_slim(recipe: Path, finding: Path) -> None:
    """Note that the environment of `recipe` is the slim one of the model in the image.

    Raises:
        HoldfastError: It is not, or was not restored.
    """
    environment = Store.open().restore(read_recipe(recipe), offline=True)
    found = read_finding(finding)
    if found is None:
        raise InputError(f"{finding} is no finding of a slim environment")
    model = open_model(absolute(MODEL))
    remember(model, found.slim.included, replace(found, key=environment.key))
    _let_read(home())


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _set_times(environment: Environment) -> None:
    """A file whose time is another one than the inventory's is hashed at every start."""
    inventory = environment.inventory()
    for path, *_ in inventory.rows():
        os.utime(environment.path / path, ns=(_TIME_NS, _TIME_NS), follow_symlinks=False)
    distributions = (replace(one, files=_timeless(one.files)) for one in inventory.distributions)
    timeless = replace(inventory, distributions=tuple(distributions), own=_timeless(inventory.own))
    environment.inventory_path.write_text(timeless.to_json(), encoding="utf-8")


def _timeless(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple((path, size, _TIME_NS, digest) for path, size, _, digest in rows)


def _forget_python(request: Path) -> None:
    """In an image, an environment and its Python come and go together (`Store.restore`)."""
    known = json.loads(request.read_bytes())
    request.write_text(json.dumps({**known, "identity": None}), encoding="utf-8")


def _tidy(store: Store) -> None:
    for name in _NOT_FOR_IMAGES:
        shutil.rmtree(store.layout.home / name)
        (store.layout.home / name).mkdir()
    store.layout.ledger.unlink(missing_ok=True)


def _write_accounts(folder: Path) -> None:
    passwd, group = (_text(Path("/etc", name)) for name in ("passwd", "group"))
    folder.mkdir(parents=True)
    for entry in account_entries(passwd, group):
        assert isinstance(entry.content, bytes)  # noqa: S101 - made here
        (folder / Path(entry.path).name).write_bytes(entry.content)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _let_read(top: Path) -> None:
    """Whoever the image runs as may read what root has made, and write nothing."""
    for folder, _, files in os.walk(top):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                runs = path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runs else 0o644)


def main(arguments: Sequence[str]) -> None:
    """What the Dockerfile says."""
    what, first, second = arguments
    try:
        (fill if what == "environment" else note_slim)(Path(first), Path(second))
    except HoldfastError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
