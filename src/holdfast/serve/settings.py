"""What a gateway is told: one value for each thing that can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.serve.beside import Beside

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of anything one request, one connection or one worker may take.

    Attributes:
        body: Bytes of a request's body; more is 413.
        bodies: Bytes of all bodies whose requests have no answer yet; more is 503.
        inline: Bytes up to which the gateway decodes a body itself; the rest is the worker's work,
            so that no request holds up the others.
        batch_rows: Rows that go into one predict call.
        queue: Requests of one model that wait; more is 503.
        timeout: Seconds from a request's arrival to its answer; then 504.
        slow: Seconds in which a client must have sent its request; then 408.
        idle: Seconds that a connection may be open without a request.
        connections: Connections at once; None for what the system's file limit allows.
        start: Seconds that a worker may take to load its model.
        drain: Seconds that requests have to be answered once the gateway was told to stop.
    """

    body: int = 64 * _MIB
    bodies: int = 256 * _MIB
    inline: int = _MIB
    batch_rows: int = 8192
    queue: int = 4096
    timeout: float = 60.0
    slow: float = 30.0
    idle: float = 75.0
    connections: int | None = None
    start: float = 600.0
    drain: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What HTTPS is spoken with: files in PEM.

    Attributes:
        cert: The certificate, and those between it and a root.
        key: Its key; None where that is in the certificate's file.
        client_ca: Who signs the certificates that clients must show; None where they need none.
    """

    cert: Path
    key: Path | None = None
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where requests come in.

    Attributes:
        host: A name or address of this machine's.
        port: 0 for a free one.
        uds: A Unix socket, instead of host and port.
        prefix: A path before all paths, "/models"; a proxy may have taken it away or not.
        proxies: Addresses of proxies, whose word is taken for where a request comes from.
        tls: HTTPS; None for HTTP.
        user: Whom the process becomes once it listens, where it was started as root.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    uds: Path | None = None
    prefix: str = ""
    proxies: tuple[str, ...] = ()
    tls: Tls | None = None
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Who may come in.

    Attributes:
        key_file: A key a line, of which every request must have one; None where it needs none.
        hosts: Further names that clients may call this server by; ("*",) for any.
        origins: Of web pages that may read answers; ("*",) for any.
    """

    key_file: Path | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How models are served.

    Attributes:
        workers: Processes for each model.
        batch: Whether requests that wait together may be predicted together; None for what is
            known of the model's flavor.
        slim: In environments of only the packages that the models were seen to need.
        slim_include: Packages that slim environments have in any case.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        memory: Bytes of private memory that each worker may have.
        cpus: Cores that each worker may use; None for all of them.
        access_log: "off", "text" or "json".
        verify: Answer no request before the receipt of its model matches.
        tolerance: Golden predictions may differ by this much.
        poll: Seconds between looks at what an alias means; 0 for looking only when told to.
        nice: How far workers stand back for other processes, 0 to 19.
        beside: Canaries and shadows, by the name of the model that they stand beside.
    """

    workers: int = 1
    batch: bool | None = None
    slim: bool = False
    slim_include: tuple[str, ...] = ()
    offline: bool = False
    strict: bool = False
    memory: int | None = None
    cpus: int | None = None
    access_log: str = "off"
    verify: bool = False
    tolerance: float = 0.0
    poll: float = 10.0
    nice: int = 0
    beside: Mapping[str, Beside] = field(default_factory=dict)
    limits: Limits = Limits()
    listening: Listening = Listening()
    guard: Guard = Guard()
