"""What Docker and Podman know of us: their files of credentials, and helper programs.

Nothing is written, and no secret leaves this file but to the caller. Formats: docker-config(5),
containers-auth.json(5), and the protocol of docker-credential-helpers.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.errors import InputError, ToolError

_HELPER = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_SECONDS = 60
_MOST_BYTES = 1 << 20
# What a helper says where it knows nothing of a registry, and ends with 1.
_UNKNOWN = ("credentials not found", "no credentials server URL", "no credentials username")
# The user's name with which a helper hands out a token instead of a password.
_TOKEN_USER = "<token>"  # noqa: S105 - it is in the protocol


@dataclass(frozen=True, slots=True)
class Credential:
    """Who we are to a registry.

    Attributes:
        user: With `password`, for Basic authentication.
        password: "" where there is a token.
        identity_token: An OAuth2 refresh token, to be exchanged for others.
        registry_token: A bearer token, to be used as it is.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


def credential_for(host: str, repository: str) -> Credential | None:
    """What to say who we are with; None where nobody knows, so that we come as anybody.

    Args:
        host: The registry, with its port.
        repository: The path in it: Podman's files may name repositories of their own.

    Raises:
        InputError: A file of credentials cannot be read.
        ToolError: A helper failed.
    """
    for path in _files():
        document = _read(path)
        if document is not None:
            found = _in_file(document, host, repository, path)
            if found is not None:
                return found
    return None


def _files() -> Iterator[Path]:
    """The files, first the one to be asked first: what was named, Podman's, Docker's."""
    variables = os.environ
    if named := variables.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
        return
    if named := variables.get("DOCKER_CONFIG"):
        yield Path(named, "config.json")
    if folder := variables.get("XDG_RUNTIME_DIR"):
        yield Path(folder, "containers", "auth.json")
    elif os.geteuid() == 0:
        yield Path("/run/containers/0/auth.json")
    if home := variables.get("HOME"):
        settings = variables.get("XDG_CONFIG_HOME") or Path(home, ".config")
        yield Path(settings, "containers", "auth.json")
        yield Path(home, ".docker", "config.json")


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError(f"{path} is no JSON that can be read") from None  # it holds secrets
    if not isinstance(document, dict):
        raise InputError(f"{path} is no JSON object")
    return document


def _in_file(
    document: Mapping[str, Any], host: str, repository: str, path: Path
) -> Credential | None:
    """Helpers of this registry first, then what stands in the file, then the helper of all."""
    helper = _table(document, "credHelpers").get(host)
    if isinstance(helper, str) and helper:
        return _ask(helper, host)
    entries = {_bare(name): entry for name, entry in _table(document, "auths").items()}
    for name in _names(host, repository):
        entry = entries.get(name)
        if isinstance(entry, dict) and (found := _of_entry(entry, path)):
            return found
    helper = document.get("credsStore")
    return _ask(helper, host) if isinstance(helper, str) and helper else None


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _names(host: str, repository: str) -> Iterator[str]:
    """Under what names it may stand, the nearest first: `host/team/model`, `host/team`, `host`."""
    parts = [host, *repository.split("/")]
    for length in range(len(parts), 0, -1):
        yield "/".join(parts[:length])


def _bare(name: str) -> str:
    """A key of `auths`, which old Dockers wrote as the URL of an API."""
    _, scheme, rest = name.rpartition("://")
    return re.sub(r"/v[12]/?$", "", rest) if scheme else name.rstrip("/")


def _of_entry(entry: Mapping[str, Any], path: Path) -> Credential | None:
    tokens = [entry.get(key) or "" for key in ("identitytoken", "registrytoken")]
    user, password = entry.get("username") or "", entry.get("password") or ""
    if packed := entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(packed), validate=True).decode().partition(":")
        except ValueError:
            raise InputError(f"{path} holds a credential that cannot be read") from None
    if not (user or any(tokens)):
        return None
    # Old Dockers ended a password with a zero byte.
    return Credential(str(user), str(password).rstrip("\0"), *map(str, tokens))


def _ask(helper: str, host: str) -> Credential | None:
    """What the program `docker-credential-<helper>` knows of a registry."""
    program = f"docker-credential-{helper}"
    if _HELPER.fullmatch(helper) is None:
        raise InputError(f"{helper[:100]!r} is no name of a credential helper")
    found = shutil.which(program)
    if found is None:
        raise ToolError(f"{program}, which knows the credentials for {host}, is not on PATH")
    try:
        ran = subprocess.run(
            [found, "get"],
            input=host.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{program} could not be asked about {host}: {error}") from None
    if ran.returncode:
        if any(words in ran.stdout.decode("utf-8", "replace") for words in _UNKNOWN):
            return None
        # What it says may hold anything: it is not repeated.
        raise ToolError(
            f"{program} failed for {host} (exit {ran.returncode})",
            hint=f"echo {host} | {program} get",
        )
    return _answered(ran.stdout, program)


def _answered(said: bytes, program: str) -> Credential:
    try:
        answer = json.loads(said)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        raise ToolError(f"{program} gave no answer that can be read") from None
    if user == _TOKEN_USER:
        return Credential(identity_token=secret)
    return Credential(user, secret)
