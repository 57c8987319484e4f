"""Sockets: taken before anything else is done, so that a port in use is said at once."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from holdfast.errors import InputError
from holdfast.serve.settings import Listening

_BACKLOG = 2048
_PROBE = 1.0
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


@contextmanager
def listening(where: Listening) -> Iterator[list[socket.socket]]:
    """Sockets that listen; a Unix socket's file is gone afterwards.

    Raises:
        InputError: The address is not this machine's, is in use, or needs more rights.
    """
    with ExitStack() as undo:
        if where.uds is not None:
            sockets = [_unix(where.uds)]
            undo.callback(_remove, where.uds, where.uds.lstat().st_ino)
        else:
            sockets = _tcp(where.host, where.port)
        for sock in sockets:
            undo.callback(sock.close)
            sock.listen(_BACKLOG)
            sock.settimeout(0)
        yield sockets


def url_of(where: Listening, sock: socket.socket) -> str:
    """What a client on this machine opens."""
    scheme = "https" if where.tls else "http"
    if where.uds is not None:
        return f"{scheme}+unix://{where.uds}{where.prefix}"
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"{scheme}://{host}:{sock.getsockname()[1]}{where.prefix}"


def _tcp(host: str, port: int) -> list[socket.socket]:
    """All addresses of a name: "localhost" has one of each family."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise InputError(f"{host} is no address: {error.strerror}") from error
    sockets: list[socket.socket] = []
    problems: list[OSError] = []
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            sockets.append(_bound(family, (address[0], port, *address[2:])))
        except OSError as error:  # noqa: PERF203 - two addresses at most
            problems.append(error)
        else:
            # A free port is the same for all.
            port = sockets[-1].getsockname()[1]
    if sockets:
        # A machine without IPv6 has only half of localhost.
        problems = [one for one in problems if one.errno not in _NO_SUCH_ADDRESS]
    if problems:
        for sock in sockets:
            sock.close()
        raise _refused(host, port, problems[0]) from problems[0]
    return sockets


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _refused(host: str, port: int, error: OSError) -> InputError:
    hints = {
        errno.EADDRINUSE: "another --port, or --port 0 for a free one",
        errno.EACCES: "a --port from 1024 on needs no special rights",
        errno.EADDRNOTAVAIL: "--host 127.0.0.1 for this machine only, 0.0.0.0 for the network",
    }
    number = error.errno or 0
    why = "is in use already" if number == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
    return InputError(f"port {port} of {host} {why}", hint=hints.get(number))


def _unix(path: Path) -> socket.socket:
    """A Unix socket that only its owner may use."""
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise InputError(f"{path} cannot be made: {error.strerror or error}") from error
    finally:
        os.umask(before)
    return sock


def _remove_stale(path: Path) -> None:
    """Remove a socket on which nobody listens any more.

    Raises:
        InputError: Somebody does, or it is no socket.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise InputError(f"{path} is there already, and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise InputError(f"{path} cannot be used: {error.strerror or error}") from error
    raise InputError(f"somebody listens on {path} already")


def _remove(path: Path, inode: int) -> None:
    try:
        if path.lstat().st_ino == inode:
            path.unlink()
    except OSError:
        return
