"""Who may come in: a file with names and Argon2 hashes, which nobody else may read.

    {"ada": {"hash": "$argon2id$…", "disabled": false}}

It is read again whenever it changes, so that who was disabled is out with the next request.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pwdlib import PasswordHash

SHORTEST_PASSWORD = 12
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_hasher = PasswordHash.recommended()


class UsersError(ValueError):
    """The file of users, or what should be written into it, is not right."""


@dataclass(frozen=True)
class User:
    """Somebody who may sign in, unless disabled."""

    name: str
    hash: str
    disabled: bool = False


class Users:
    """The file, as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._nobody = _hash_of_nobody()
        self._seen: tuple[int, ...] = ()
        self._users: dict[str, User] = {}
        self.find("")

    def find(self, name: str) -> User | None:
        """The user of that name.

        Raises:
            UsersError: The file cannot be read, or others can read it.
        """
        try:
            found = self._path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._users, self._seen = read_users(self._path), seen
        except OSError as error:
            raise UsersError(f"the users at {self._path} cannot be read: {error}") from error
        return self._users.get(name)

    def check(self, name: str, password: str) -> User | None:
        """The user of that name, if the password is theirs; as slow for a name nobody has."""
        user = self.find(name)
        right = _hasher.verify(password, user.hash if user else self._nobody)
        return user if right else None


@cache
def _hash_of_nobody() -> str:
    """What is compared where nobody has that name, so that it takes as long to say no."""
    return _hasher.hash(os.urandom(16))


def read_users(path: Path) -> dict[str, User]:
    """All users by name; none where there is no file.

    Raises:
        UsersError: It is not what `write_users` writes, or others can read it.
    """
    if not path.exists():
        return {}
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsersError(f"{path} can be read by others: chmod 600 {path}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: User(name, str(said["hash"]), bool(said.get("disabled", False)))
            for name, said in found.items()
        }
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise UsersError(f"{path} is no file of users: {error!r}") from error


def add_user(path: Path, name: str, password: str) -> None:
    """Write a user into the file, which is made if it is not there; a new password for an old one.

    Raises:
        UsersError: The name or the password will not do, or the file cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise UsersError(f"{name!r} is no name: up to 64 of a-z, 0-9, dots, hyphens, underscores")
    if len(password) < SHORTEST_PASSWORD:
        raise UsersError(f"the password is too short: {SHORTEST_PASSWORD} characters at least")
    user = User(name, _hasher.hash(password))
    write_users(path, read_users(path) | {name: user})


def write_users(path: Path, users: dict[str, User]) -> None:
    """Write the whole file anew, for its owner alone; whoever reads it sees the old or the new."""
    said = {
        name: {"hash": user.hash, "disabled": user.disabled} for name, user in sorted(users.items())
    }
    # mkstemp's files are their owner's alone from the start.
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(said, file, indent=2)
        file.write("\n")
    Path(unfinished).replace(path)
