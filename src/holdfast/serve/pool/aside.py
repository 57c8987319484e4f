"""Work that blocks, beside the event loop, in a thread that nobody waits for at the end.

What a registry or a package index keeps waiting must not keep the gateway from stopping.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


async def aside(function: Callable[..., T], *arguments: Any) -> T:
    """What `function` gives; it is run to its end even if this is cancelled, unless all ends."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - the one who waits gets it, whatever it is
            done.set_exception(error)

    threading.Thread(target=run, name=f"holdfast {function.__name__}", daemon=True).start()
    return await asyncio.wrap_future(done)
