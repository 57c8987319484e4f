"""Several blobs at once, and none any more when one of them fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from holdfast.image.oci.blobs import OnBytes

T = TypeVar("T")

_AT_ONCE = 4


def side_by_side(tasks: Sequence[Callable[[OnBytes], T]], on_bytes: OnBytes) -> list[T]:
    """What the tasks return, in their order.

    Args:
        tasks: Each is given what it must tell of its bytes, which ends it where another failed.
        on_bytes: Told how many more bytes there are.

    Raises:
        Exception: What the first to fail raised.
    """
    stop = Event()

    def heard(count: int) -> None:
        if stop.is_set():
            raise CancelledError
        on_bytes(count)

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        futures = [pool.submit(task, heard) for task in tasks]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for error in (one.exception() for one in futures if one in done):
            if error is not None:
                raise error
        return [one.result() for one in futures]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
