"""What a gateway is told: one value for each thing that can be chosen."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of anything one request, one connection or one worker may take.

    Attributes:
        body: Bytes of a request's body; more is 413.
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
        verify: Answer no request before the receipt of its model matches.
        tolerance: Golden predictions may differ by this much.
        poll: Seconds between looks at what an alias means; 0 for looking only when told to.
        nice: How far workers stand back for other processes, 0 to 19.
    """

    workers: int = 1
    batch: bool | None = None
    slim: bool = False
    slim_include: tuple[str, ...] = ()
    offline: bool = False
    strict: bool = False
    memory: int | None = None
    verify: bool = False
    tolerance: float = 0.0
    poll: float = 10.0
    nice: int = 0
    limits: Limits = Limits()
