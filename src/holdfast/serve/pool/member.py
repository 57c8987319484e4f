"""A member of a pool: one place that is held by a worker, or by the wait for the next one.

It knows nothing of requests but which ones its worker is busy with. What it starts it ends,
whatever state it is in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from holdfast.errors import HoldfastError, ModelError
from holdfast.restore.restored import Restored
from holdfast.serve.pool.aside import aside
from holdfast.serve.pool.call import Call
from holdfast.serve.pool.version import Ready, start_worker
from holdfast.serve.settings import Settings
from holdfast.worker.channel import Channel
from holdfast.worker.client import Worker

logger = logging.getLogger("holdfast.serve")

# Seconds before a worker that died is started again: none the first time, then doubled each time.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
# A worker that has lived so many seconds was sound.
_SOUND = 30.0
# Starts that failed in a row, after which requests do not wait for the next one.
_HOPELESS = 3


class Owner(Protocol):
    """What a member tells its pool."""

    def came(self, member: Member, ready: Ready) -> None:
        """A worker is there, and has nothing to do."""

    def lost(self, member: Member) -> None:
        """The worker is gone; `member.calls` will not be answered by it."""

    def failed(self, member: Member) -> None:
        """A worker does not start; `member.broken` says why, once there is little hope."""


class Member:
    """One place in a pool.

    Args:
        number: What the operator knows it by.
        restored: The model and its environment.
        settings: How it is served.
        owner: Is told what happens here.
        on_change: Told of what the operator should know, in a line.

    Attributes:
        channel: The line to the worker; None while there is none.
        calls: What the worker is busy with.
        sent: When it was given that.
        broken: Why no worker has started the last few times; "" where there is hope.
        starts: Workers that have loaded the model here.
    """

    def __init__(
        self,
        number: int,
        restored: Restored,
        settings: Settings,
        owner: Owner,
        on_change: Callable[[str], None],
    ) -> None:
        self.channel: Channel | None = None
        self.calls: list[Call] = []
        self.sent = 0.0
        self.broken = ""
        self.starts = 0
        self._number = number
        self._restored = restored
        self._settings = settings
        self._owner = owner
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._since = 0.0
        self._failures = 0
        self._starting: Worker | None = None
        self._replacing: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def idle(self) -> bool:
        """Whether it can be given something to do."""
        return self.channel is not None and not self.calls

    async def start(self) -> None:
        """Start a worker and load the model.

        Raises:
            HoldfastError: It does not start.
            OSError: The system gives no process, descriptor or folder for it.
        """
        try:
            ready = await aside(start_worker, self._restored, self._settings, self._has_begun)
        finally:
            self._starting = None
        if self._closing:
            await aside(ready.worker.kill)
            return
        channel = await Channel.open(ready.worker, self._lost)
        if channel.over:
            raise ModelError(f"the worker {await channel.ended()}")
        self.channel = channel
        self._since = self._loop.time()
        self.broken = ""
        self.starts += 1
        self._owner.came(self, ready)

    def end(self, why: str) -> None:
        """End the worker now; another one takes its place."""
        if self.channel is not None:
            self.channel.kill(why)

    def trim_log(self) -> None:
        """Keep only the end of what the worker has written, once that is much."""
        if self.channel is not None:
            self.channel.trim_log()

    async def close(self) -> None:
        """End the worker, the one that is just being started too."""
        self._closing = True
        self.calls = []
        channel, self.channel = self.channel, None
        starting, self._starting = self._starting, None
        if starting is not None:
            await aside(starting.kill)
        if channel is not None:
            await channel.close()
        if self._replacing is not None:
            # It ends by itself: the worker that it looks after has been ended.
            self._replacing.cancel()
            await asyncio.wait([self._replacing])

    def _has_begun(self, worker: Worker) -> None:
        """The process runs and loads the model. Called in another thread."""
        self._starting = worker
        if self._closing:
            worker.kill()

    def _lost(self) -> None:
        channel, self.channel = self.channel, None
        if channel is not None and not self._closing:
            self._owner.lost(self)
            self.calls = []
            self._replacing = self._loop.create_task(self._replace(channel))

    async def _replace(self, channel: Channel) -> None:
        """Start another worker, with longer and longer pauses as long as they fail."""
        self._on_change(f"worker {self._number} {await channel.ended()}")
        sound = self._loop.time() - self._since > _SOUND
        self._failures = 0 if sound else self._failures + 1
        while not self._closing:
            if self._failures > 1:
                pause = _FIRST_PAUSE * 2.0 ** min(self._failures - 2, 20)
                await asyncio.sleep(min(pause, _LONGEST_PAUSE))
            try:
                await aside(self._restored.model.check_files)
                await self.start()
            # OSError and the like too: a machine without descriptors or disk has them again later.
            except Exception as error:  # noqa: BLE001
                self._has_failed(error)
            else:
                return

    def _has_failed(self, error: Exception) -> None:
        why = error.message if isinstance(error, HoldfastError) else f"{error!r}"
        self._failures += 1
        if self._failures > _HOPELESS:
            self.broken = why
        if not self._closing:
            self._on_change(f"worker {self._number} does not start: {why}")
            self._owner.failed(self)
