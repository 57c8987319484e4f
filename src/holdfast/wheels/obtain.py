"""The one file of a package, from where its lock says, its bytes the locked ones."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.environment.plan import Package
from holdfast.environment.wheels import copy_hashed
from holdfast.errors import LockError, MismatchError
from holdfast.wheels.download import Wanted, download
from holdfast.wheels.network import Network
from holdfast.wheels.tally import Tally


def obtain(package: Package, partial: Path, network: Network, tally: Tally) -> None:
    """Have the file of a package at `partial`.

    Raises:
        LockError: The lock has no address that a file can be fetched from.
        HoldfastError: As of `download`.
    """
    chosen = package.chosen
    url = urlsplit(chosen.location)
    if url.scheme == "file":
        partial.unlink(missing_ok=True)
        found = copy_hashed(Path(unquote(url.path)), partial)
        if found != chosen.sha256:
            partial.unlink()
            raise MismatchError(
                f"{chosen.location} is not what was locked: sha256 {chosen.sha256} expected, "
                f"{found} found"
            )
    elif url.scheme in {"http", "https"}:
        wanted = Wanted(
            name=chosen.name,
            url=chosen.location,
            sha256=chosen.sha256 or "",
            size=locked_size(package),
        )
        download(wanted, partial, network, tally)
    else:
        raise LockError(f"{chosen.name}: {chosen.location!r} is no address to fetch a wheel from")


def locked_size(package: Package) -> int | None:
    """Bytes of the file; None where the lock does not say."""
    entries = [*package.table.get("wheels", ()), package.table.get(package.chosen.kind) or {}]
    sizes = [entry["size"] for entry in entries if isinstance(entry.get("size"), int)]
    return sizes[0] if sizes else None
