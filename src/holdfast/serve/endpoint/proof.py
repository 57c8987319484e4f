"""Proof: the receipt of what is being served.

Bytes are compared by a process of its own that stands back for all others: hashing an environment
takes seconds, and requests are not to notice. Python and the golden predictions are asked of the
very workers that answer requests, so that no model is loaded a second time.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import replace

from holdfast.errors import ModelError, ToolError
from holdfast.home import home
from holdfast.model import Model, read_golden
from holdfast.redact import redact_said
from holdfast.restore.restored import Restored
from holdfast.seal.agreement import compare
from holdfast.seal.golden import Payload
from holdfast.serve.pool.pool import Pool
from holdfast.serve.settings import Settings
from holdfast.verify import checks
from holdfast.verify.receipt import Check, Receipt, Status

# Where requests are being answered: about a tenth of what a worker gets of a busy core.
_PATIENT = 10
_COMPARED = {0, 1}


async def at_rest(restored: Restored, settings: Settings, *, patient: bool) -> Receipt:
    """A receipt of the bytes alone; Python and the predictions are left out.

    Args:
        restored: The model and its environment.
        settings: How it is served.
        patient: Stand back for whatever else runs here.

    Raises:
        ToolError: They could not be compared.
    """
    model = restored.model
    said = await _in_another_process(_verifying(model, settings), _PATIENT if patient else 0)
    try:
        receipt = Receipt.from_dict(json.loads(said))
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError(f"{model.uri} could not be verified: {error!r}") from error
    found = receipt.checks
    if model.registered is not None and model.registered.seal:
        found = (checks.registry(model), *found)
    return replace(receipt, model=model.uri, checks=found)


async def in_the_pool(pool: Pool, settings: Settings) -> tuple[Check, ...]:
    """Python and the golden predictions, as the workers that answer requests have them.

    Raises:
        HoldfastError: They could not be asked.
    """
    described, _ = await pool.ask({"op": "describe"})
    return checks.python(pool.restored, described), await replayed(pool, settings)


async def replayed(pool: Pool, settings: Settings) -> Check:
    """The golden predictions, replayed by a worker of the pool.

    Raises:
        HoldfastError: It could not be asked.
    """
    model = pool.restored.model
    if not model.seal.golden.sha256:
        return checks.unproven(model.seal)
    golden = await asyncio.to_thread(read_golden, model)
    request = {"op": "predict", "payload": dict(golden.given.header)}
    if golden.params is not None:
        request["params"] = dict(golden.params)
    try:
        header, buffers = await pool.ask(request, golden.given.buffers)
    except ModelError as error:
        return checks.not_predicted(error)
    answer = Payload(header=header.get("payload", {}), buffers=buffers)
    found = await asyncio.to_thread(compare, golden.answer, answer)
    return checks.compared(model.seal, found, settings.tolerance)


def completed(receipt: Receipt, found: tuple[Check, ...]) -> Receipt:
    """`receipt`, with `found` in the place of what it left out."""
    kept = tuple(one for one in receipt.checks if one.name not in checks.IN_THE_WORKER)
    return replace(receipt, checks=(*kept, *found))


def what_differs(receipt: Receipt) -> str:
    """The checks that do not match, in a line."""
    return "; ".join(
        f"{one.name}: {one.summary}" for one in receipt.checks if one.status is Status.MISMATCH
    )


def _verifying(model: Model, settings: Settings) -> list[str]:
    """The command; what it needs has just been restored, so that nothing is fetched."""
    command = [sys.executable, "-m", "holdfast", "verify", "--no-load", "--json", "--offline", "-q"]
    if settings.slim:
        command.append("--slim")
        for name in settings.slim_include:
            command += ["--slim-include", name]
    if settings.strict:
        command.append("--strict")
    return [*command, "--", str(model.path)]


async def _in_another_process(command: list[str], nice: int) -> bytes:
    """What a command of Holdfast's prints. It ends when nobody waits for it any more."""
    process = await asyncio.create_subprocess_exec(
        *command,
        # From nowhere in particular: a module in the working directory is none of Holdfast's.
        cwd=os.sep,
        env={**os.environ, "HOLDFAST_HOME": str(home())},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Ctrl-C in a terminal is for the gateway, which ends this process with itself.
        start_new_session=True,
    )
    if nice:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, nice)
    try:
        out, err = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode not in _COMPARED or not out:
        lines = redact_said(err.decode("utf-8", "replace"), os.environ).strip()
        raise ToolError(f"verifying ended with {process.returncode}: {lines[-2000:]}")
    return out
