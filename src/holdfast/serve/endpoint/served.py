"""What is served: one version of a model, its workers, its environment's lease, its receipt."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from holdfast.errors import MismatchError
from holdfast.restore.restored import Restored
from holdfast.serve.endpoint import proof
from holdfast.serve.pool.pool import Pool
from holdfast.serve.settings import Settings
from holdfast.verify.receipt import Receipt, Status


class Served:
    """One version of a model, from its start to its end.

    Args:
        uri: What names this version and no other.
        restored: The model and its environment.
        settings: How it is served.
        on_change: Told of what the operator should know, in a line.
    """

    def __init__(
        self, uri: str, restored: Restored, settings: Settings, on_change: Callable[[str], None]
    ) -> None:
        self.uri = uri
        self.restored = restored
        self.pool = Pool(restored, settings, on_change)
        self.receipt: Receipt | None = None
        self._settings = settings
        self._lease = ExitStack()
        self._lease.enter_context(restored.lease())

    async def start(self) -> None:
        """Start its workers.

        Raises:
            HoldfastError: One does not start: none is left running.
        """
        await self.pool.start()

    async def start_proven(self, *, patient: bool) -> None:
        """Start its workers once its bytes are proven; no worker runs if they do not match.

        Args:
            patient: Stand back for another version that answers meanwhile.

        Raises:
            MismatchError: The receipt, which is there, does not match.
            HoldfastError: It cannot be verified, or does not start.
        """
        self.receipt = await proof.at_rest(self.restored, self._settings, patient=patient)
        if self.receipt.matches:
            await self.start()
            found = await proof.in_the_pool(self.pool, self._settings)
            self.receipt = proof.completed(self.receipt, found)
        if not self.receipt.matches:
            raise MismatchError(f"it does not match its seal: {proof.what_differs(self.receipt)}")

    async def start_replayed(self) -> None:
        """Start its workers, and replay the golden predictions.

        Raises:
            MismatchError: They do not replay.
            HoldfastError: It does not start.
        """
        await self.start()
        check = await proof.replayed(self.pool, self._settings)
        if check.status is Status.MISMATCH:
            raise MismatchError(f"it does not match its seal: {check.name}: {check.summary}")

    async def prove(self) -> Receipt:
        """Make the receipt of what is already being served.

        Raises:
            HoldfastError: It cannot be verified.
        """
        receipt = await proof.at_rest(self.restored, self._settings, patient=True)
        found = await proof.in_the_pool(self.pool, self._settings)
        self.receipt = proof.completed(receipt, found)
        return self.receipt

    async def end(self) -> None:
        """End its workers; what they are busy with gets 503."""
        await self.pool.close()
        self._lease.close()
