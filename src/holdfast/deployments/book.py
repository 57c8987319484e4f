"""The book of deployments: a private folder for each, and what is known of it.

`<home>/deployments/<name>/record.json` is replaced as a whole, never changed. What is done to one
deployment is done by one process at a time, under a lock.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from holdfast.deployments.config import Config
from holdfast.environment.lease import alone
from holdfast.errors import InputError, StoreError
from holdfast.home import home

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RECORD = "record.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One deployment.

    Attributes:
        name: Of the deployment, and of the endpoint in its server.
        uri: Of the model.
        config: How it is served.
        url: Where: `http://127.0.0.1:PORT` or `http+unix://PATH`.
        pid: Of the server.
        born: When that process was started, as the system counts; a pid alone may be anybody's.
        model: What the server said of the model when it was ready: version, seal, grade.
        created: When the deployment was made, UTC.
        updated: When its server was started, UTC.
        generation: Of the server, counted up.
    """

    name: str
    uri: str
    config: Config
    url: str
    pid: int
    born: str
    model: dict[str, str]
    created: str
    updated: str
    generation: int


def folder_of(name: str) -> Path:
    """A deployment's folder; it need not be there.

    Raises:
        InputError: The name is not one.
        StoreError: Holdfast's own folder cannot be used.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a deployment",
            hint="letters, digits, dots, dashes and underscores; a letter or digit first",
        )
    return _books() / name


def names() -> list[str]:
    """The names of all deployments."""
    return sorted(path.parent.name for path in _books().glob(f"*/{_RECORD}"))


def read(name: str) -> Record | None:
    """What is known of a deployment; None where there is none.

    Raises:
        InputError: The name is not one.
        StoreError: Its record cannot be read.
    """
    path = folder_of(name) / _RECORD
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"the deployment {name} cannot be read: {error}",
            hint=f"end its server, if it runs, and remove {path.parent}",
        ) from error


def write(record: Record) -> None:
    """Write a record down, in the place of the last one."""
    folder = folder_of(record.name)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
        json.dump(asdict(record), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(folder / _RECORD)


def make_folder(name: str) -> Path:
    """A deployment's folder, made for this user only."""
    folder = folder_of(name)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def remove(name: str) -> None:
    """Forget a deployment."""
    folder = folder_of(name)
    (folder / _RECORD).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def changing(name: str) -> Iterator[None]:
    """Only this process does anything to a deployment; others wait."""
    folder = folder_of(name)
    # The lock's file stays where the folder goes: removed, it would guard nothing.
    with alone(folder.with_name(f".{name}.lock")):
        yield


def _books() -> Path:
    folder = home() / "deployments"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
