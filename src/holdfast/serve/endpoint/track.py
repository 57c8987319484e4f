"""A track: what a URI names now, and the change to what it names next.

An alias may move at any time. The version it moves to is restored, started and proven beside the
one that answers, and takes its place only then; whatever goes wrong, the old one goes on, and why
is told once. One version is built at a time: where the alias moved again meanwhile, what was built
is dropped, so that the last word holds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.errors import HoldfastError, MismatchError
from holdfast.mlflow_store import is_moving, named_now
from holdfast.restore.restore import restore
from holdfast.restore.restored import Restored
from holdfast.serve.endpoint import proof
from holdfast.serve.endpoint.served import Served
from holdfast.serve.pool.aside import aside
from holdfast.serve.pool.pool import Pool
from holdfast.serve.pool.tally import Tally
from holdfast.serve.settings import Settings
from holdfast.verify.receipt import Receipt

# Seconds after which a version that could not be had is tried again, doubled each time.
_FIRST_PAUSE = 10.0
_LONGEST_PAUSE = 600.0
# Seconds after which a registry that has not answered is said to be silent.
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Failed:
    """A change that did not come about.

    Attributes:
        uri: The version that was wanted.
        why: Why it is not served.
        tries: How often it was tried.
        again: When it is tried again, on the monotonic clock.
    """

    uri: str
    why: str
    tries: int
    again: float


class Track:
    """What a URI names, being served. `start` it, `follow` it, `end` it.

    Args:
        label: What it is called where the operator reads it.
        uri: Any model URI or folder.
        settings: How it is served.
        tallies: Gets the counts of each version, by version; they outlive its workers.
        proving: Lets one track after the other make the receipt of what it serves already.
        on_change: Told of what the operator should know, in a line.

    Attributes:
        pool: The workers that answer; None before they do, and where `verify` refuses them.
        receipt: The last one of what is served, or of what was refused at the start.
        failed: The change that did not come about, as long as it is still wanted.
        silent: Why the registry could not be asked, as long as it cannot.
        changes: How often another version took over.
        failures: How often one should have and did not.
    """

    def __init__(
        self,
        label: str,
        uri: str,
        settings: Settings,
        tallies: dict[str, Tally],
        proving: asyncio.Semaphore,
        on_change: Callable[[str], None],
    ) -> None:
        self.label = label
        self.uri = uri
        self.moving = is_moving(uri)
        self.pool: Pool | None = None
        self.served: Served | None = None
        self.failed: Failed | None = None
        self.silent = ""
        self.changes = 0
        self.failures = 0
        self._refused: Receipt | None = None
        self._settings = settings
        self._tallies = tallies
        self._say = on_change
        self._told = asyncio.Event()
        self._one_by_one = proving
        self._proving: asyncio.Task[None] | None = None

    @property
    def receipt(self) -> Receipt | None:
        """The last receipt."""
        return self.served.receipt if self.served else self._refused

    @property
    def ready(self) -> bool:
        """Whether a request would be answered now."""
        return self.pool is not None and self.pool.ready

    async def start(self) -> None:
        """Serve what the URI names. Under `verify`, what does not match is not served.

        Raises:
            HoldfastError: It cannot be had, or does not start.
        """
        uri = await aside(named_now, self.uri) if self.moving else self.uri
        served = await self._restored(uri)
        try:
            if self._settings.verify:
                await served.start_proven(patient=False)
            else:
                await served.start()
        except BaseException as error:
            await served.end()
            receipt = served.receipt
            if not isinstance(error, MismatchError) or receipt is None or receipt.matches:
                raise
            self._refused = receipt
            self._fail(uri, error.message)
        else:
            self._take_over(served)

    def look(self) -> None:
        """Look now whether the URI names another version; what failed is tried again."""
        self._told.set()

    async def follow(self) -> None:
        """Serve whatever the URI comes to name, for ever."""
        while True:
            told = await self._pause()
            try:
                await self._look(told=told)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is looked again
                self._tell(_said(error))

    async def end(self) -> None:
        """End what is served."""
        if self._proving is not None:
            self._proving.cancel()
        self.pool = None
        if self.served is not None:
            await self.served.end()

    async def _pause(self) -> bool:
        """Until it is time to look; whether somebody said so: for ever, where nothing moves."""
        poll = self._settings.poll if self.moving else 0
        try:
            await asyncio.wait_for(self._told.wait(), poll or None)
        except asyncio.TimeoutError:
            return False
        self._told.clear()
        return True

    async def _look(self, *, told: bool) -> None:
        uri = await self._named_now()
        if uri == "":
            return
        if self.served is not None and uri == self.served.uri:
            self.failed = None
            return
        failed = self.failed if self.failed and self.failed.uri == uri else None
        if failed is None or told or time.monotonic() >= failed.again:
            await self._change(uri)

    async def _change(self, uri: str) -> None:
        self._tell(f"{self.uri} is {uri} now; bringing it up")
        try:
            served = await self._brought_up(uri)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old version goes on
            self._fail(uri, _said(error))
            return
        # Whatever came of it: the URI may name yet another version by now.
        self._told.set()
        if served is None:
            return
        old = self.served
        self._take_over(served)
        self.changes += 1
        self._tell(f"version {served.pool.version} answers now")
        if old is not None:
            try:
                await old.pool.drain()
            finally:
                await old.end()

    async def _brought_up(self, uri: str) -> Served | None:
        """A version that is as it was sealed, and answers; None where it is not wanted any more.

        Raises:
            HoldfastError: It is not, or does not: nothing is left running.
        """
        served = await self._restored(uri)
        try:
            if self._settings.verify:
                await served.start_proven(patient=self.pool is not None)
            else:
                await served.start_replayed()
            if await self._named_now() in {"", uri}:
                return served
        except BaseException:
            await served.end()
            raise
        await served.end()
        return None

    async def _restored(self, uri: str) -> Served:
        restored = await aside(self._restore, uri)
        served = Served(uri, restored, self._settings, self._tell)
        pool = served.pool
        pool.tally = self._tallies.setdefault(pool.version, pool.tally)
        return served

    def _restore(self, uri: str) -> Restored:
        settings = self._settings
        return restore(
            uri,
            slim=settings.slim,
            slim_include=settings.slim_include,
            offline=settings.offline,
            strict=settings.strict,
            on_progress=self._tell,
        )

    def _take_over(self, served: Served) -> None:
        self.served, self.pool = served, served.pool
        self.failed = self._refused = None
        if self._proving is not None:
            self._proving.cancel()
            self._proving = None
        if served.receipt is None:
            self._proving = asyncio.create_task(self._prove(served))

    async def _prove(self, served: Served) -> None:
        pause = _FIRST_PAUSE
        while not await self._proven(served):
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _proven(self, served: Served) -> bool:
        try:
            async with self._one_by_one:
                receipt = await served.prove()
        except Exception as error:  # noqa: BLE001 - whatever it is, what is served goes on
            self._tell(f"there is no receipt yet: {_said(error)}")
            return False
        if not receipt.matches:
            differs = proof.what_differs(receipt)
            self._tell(f"version {served.pool.version} DOES NOT MATCH its seal: {differs}")
        return True

    async def _named_now(self) -> str:
        """The version that the URI names now; "" where the registry does not say."""
        if not self.moving:
            return self.uri
        asking = asyncio.ensure_future(aside(named_now, self.uri))
        await asyncio.wait({asking}, timeout=_PATIENCE)
        if not asking.done():
            self._be_silent(f"no answer in {_PATIENCE:g} s")
        try:
            uri = await asking
        except HoldfastError as error:
            self._be_silent(error.message)
            return ""
        if self.silent:
            self._tell("the registry answers again")
        self.silent = ""
        return uri

    def _be_silent(self, why: str) -> None:
        if not self.silent:
            self._tell(f"{self.uri} cannot be looked up, what is served stays: {why}")
        self.silent = why

    def _fail(self, uri: str, why: str) -> None:
        before = self.failed if self.failed and self.failed.uri == uri else None
        tries = before.tries + 1 if before else 1
        pause = min(_FIRST_PAUSE * 2.0 ** (tries - 1), _LONGEST_PAUSE)
        self.failed = Failed(uri, why, tries, time.monotonic() + pause)
        self.failures += 1
        if before is None:
            stays = f"version {self.pool.version} stays" if self.pool else "nothing is served"
            self._tell(f"{uri} is not served, {stays}: {why}")

    def _tell(self, what: str) -> None:
        self._say(f"{self.label}: {what}")


def _said(error: Exception) -> str:
    """What went wrong; an error that is not Holdfast's by its kind, too."""
    return error.message if isinstance(error, HoldfastError) else f"{type(error).__name__}: {error}"
