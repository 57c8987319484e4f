"""Making, changing and ending deployments. One at a time is done to each, whoever asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from holdfast.deployments import book, server
from holdfast.deployments.book import Record
from holdfast.deployments.config import Config, changed, options_of
from holdfast.errors import HoldfastError, InputError

# What `holdfast serve` gives requests to be answered, where the configuration does not say.
_DRAIN = 30.0
_OF_MODEL = ("version", "seal", "grade")


class AlreadyThereError(InputError):
    """A deployment of that name exists."""


class NotThereError(InputError):
    """There is no deployment of that name."""


def create(name: str, uri: str, given: Mapping[str, Any]) -> Record:
    """Serve a model under a name; it answers when this returns.

    Raises:
        AlreadyThereError: There is one of that name.
        HoldfastError: The name or the configuration is wrong, or the server did not come up.
    """
    config = changed({}, given)
    with book.changing(name):
        if book.read(name) is not None:
            raise AlreadyThereError(
                f"there is a deployment {name} already",
                hint=f"mlflow deployments update -t holdfast --name {name} -m {uri}",
            )
        record = _started(name, uri, config, after=None)
        book.write(record)
        return record


def update(name: str, uri: str | None, given: Mapping[str, Any]) -> Record:
    """Serve another model, or in another way; what runs goes on until the new server answers.

    On a port that the configuration names there cannot be two servers: there, the old one ends
    first, and comes back if the new one does not come up.

    Raises:
        NotThereError: There is none of that name.
        HoldfastError: As `create`; the old server goes on.
    """
    with book.changing(name):
        old = there(name)
        config = changed(old.config, given)
        alone = bool(config.get("port")) and config["port"] == old.config.get("port")
        if alone:
            _end(old)
        try:
            record = _started(name, uri or old.uri, config, after=old)
        except HoldfastError:
            if alone:
                book.write(_started(name, old.uri, old.config, after=old))
            raise
        book.write(record)
        if not alone:
            _end(old)
        return record


def delete(name: str) -> None:
    """End a deployment's server, which answers what it has begun, and forget it."""
    with book.changing(name):
        found = book.read(name)
        if found is not None:
            _end(found)
            if "uds" in found.config:
                Path(found.config["uds"]).unlink(missing_ok=True)
        book.remove(name)


def there(name: str) -> Record:
    """A deployment.

    Raises:
        NotThereError: There is none of that name.
    """
    record = book.read(name)
    if record is None:
        names = ", ".join(book.names()) or "none"
        raise NotThereError(f"there is no deployment {name}; there is {names}")
    return record


def runs(record: Record) -> bool:
    """Whether its server is there."""
    return server.alive(record.pid, record.born)


def seconds_of(config: Config, key: str, default: float) -> float:
    """A time that a configuration may say."""
    return float(config.get(key, default))


def _started(name: str, uri: str, config: Config, *, after: Record | None) -> Record:
    """A server, ready, on the deployment's address, where it had another one or none before."""
    generation = after.generation + 1 if after else 1
    where = [f"--port={config.get('port', 0)}"]
    socket = Path(f"{config['uds']}.{generation}") if "uds" in config else None
    if socket is not None:
        where = [f"--uds={socket}"]
    # The next update may be made in another folder.
    uri = str(Path(uri).absolute()) if Path(uri).exists() else uri
    words = server.command(name, uri, [*where, *options_of(config)])
    new = server.start(words, book.make_folder(name), _variables())
    url = str(new.said["url"])
    if socket is not None:
        url = _led_to(Path(config["uds"]), socket)
    (model,) = new.said["models"]
    now = _now()
    return Record(
        name=name,
        uri=uri,
        config=config,
        url=url,
        pid=new.pid,
        born=new.born,
        model={key: str(model[key]) for key in _OF_MODEL if key in model},
        created=after.created if after else now,
        updated=now,
        generation=generation,
    )


def _led_to(path: Path, socket: Path) -> str:
    """The URL of a path that leads to a server's socket; from one moment to the next, to another's.

    Raises:
        InputError: Something else lies there.
    """
    if path.exists() and not path.is_symlink():
        raise InputError(f"{path} is there already, and was not made by a deployment")
    fresh = socket.with_name(f"{socket.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(socket.name)
    fresh.replace(path)
    return f"http+unix://{path}"


def _end(record: Record) -> None:
    server.end(record.pid, record.born, seconds=seconds_of(record.config, "drain", _DRAIN))


def _variables() -> dict[str, str]:
    """The server's environment: stores that were chosen in this process count there, too."""
    import mlflow

    chosen = {
        "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(),
        "MLFLOW_REGISTRY_URI": mlflow.get_registry_uri(),
    }
    # HOLDFAST_SERVE_PORT and its like speak of servers that are started by hand.
    kept = {key: one for key, one in os.environ.items() if not key.startswith("HOLDFAST_SERVE_")}
    return {**kept, **{name: uri for name, uri in chosen.items() if uri}}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
