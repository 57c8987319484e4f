"""What a node of a cluster does once, before the first task there predicts.

It opens the model that the driver named, compares its seal with the one that the driver saw,
restores the environment into the node's own store (HOLDFAST_HOME), and verifies both, whatever
number of tasks land there: one does it, the others wait. What came of it is the node's receipt. A
node that does not match refuses, by name, and so its task fails before a row is predicted.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pyarrow import fs

from holdfast.environment.lease import alone
from holdfast.errors import HoldfastError, MismatchError
from holdfast.home import home
from holdfast.model import Model, open_model
from holdfast.redact import printable
from holdfast.restore.restore import restore
from holdfast.restore.restored import Restored
from holdfast.score.place import explained, place_of
from holdfast.seal.store import to_json, write_file
from holdfast.verify.receipt import Receipt, Status
from holdfast.verify.verify import verify

_KEPT_SECONDS = 30 * 86400
_REFUSED = ".refused.json"
# A message names so many files.
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a driver asks of its nodes. Plain values: each engine carries it in its own way.

    Attributes:
        model: The model's URI, or folder; never one that may come to name another version.
        seal: SHA-256 of its seal, as the driver has seen it.
        run: The run's name; a node is verified once in each.
        tracking: MLflow's tracking URI of the driver, for nodes that have none set; "" for none.
        receipts: A folder, or URI of one, that every node writes its receipt to; "" for none.
        keep: The columns of the input that stand before the predictions.
        slim: In an environment of only the packages that the model was seen to need.
        slim_include: Packages that this environment has in any case.
        offline: Fetch no package.
        strict: Refuse another patch release of Python than the sealed one.
        timeout: Seconds for loading, and for each batch.
        gap: What the model sees where text is null, as of a `BatchScorer`.
    """

    model: str
    seal: str
    run: str
    tracking: str = ""
    receipts: str = ""
    keep: tuple[str, ...] = ()
    slim: bool = False
    slim_include: tuple[str, ...] = ()
    offline: bool = False
    strict: bool = False
    timeout: float = 300.0
    gap: str = "None"


def make_ready(order: Order) -> tuple[Restored, dict[str, Any]]:
    """The model and its environment on this node, and the node's receipt.

    Raises:
        MismatchError: The model or the environment is not as it was sealed; names the node and the
            files.
        HoldfastError: The model is not there, or its environment cannot be had.
    """
    try:
        model = _open(order)
        with alone(_kept("locks", f"{order.run}.lock")):
            receipt = _made_before(order) or _make(order, model)
        restored = restore(
            model,
            slim=order.slim,
            slim_include=order.slim_include,
            offline=order.offline,
            strict=order.strict,
        )
    except HoldfastError as error:
        # The driver shows it: without a name nobody knows where to look.
        named = type(error)(f"node {node_name()}: {error.message}", hint=error.hint)
        if isinstance(error, MismatchError):
            _publish(order, _REFUSED, {"message": named.message})
        raise named from error
    return restored, receipt


def heed_refusals(order: Order) -> None:
    """Refuse where another node has: an engine would only give its task to the next one.

    Raises:
        MismatchError: What the other node has said.
    """
    if not order.receipts:
        return
    place = place_of(order.receipts)
    with explained(place.name, "read"):
        found = place.system.get_file_info(fs.FileSelector(place.path, allow_not_found=True))
        for info in found:
            if info.base_name.startswith(f"{order.run}-") and info.base_name.endswith(_REFUSED):
                with place.system.open_input_stream(info.path) as stream:
                    raise MismatchError(str(json.loads(stream.read())["message"]))


def node_name() -> str:
    """The machine, and the folder of Holdfast's there: what two nodes never share."""
    return printable(f"{socket.gethostname()} ({home()})")


def _open(order: Order) -> Model:
    if order.tracking:
        os.environ.setdefault("MLFLOW_TRACKING_URI", order.tracking)
    model = open_model(order.model)
    if model.digest != order.seal:
        raise MismatchError(
            f"{model.uri} has the seal {model.digest[:16]}… here, and {order.seal[:16]}… where "
            "the job was started",
            hint="every node has to see the same model: name it by its version in the registry",
        )
    return model


def _make(order: Order, model: Model) -> dict[str, Any]:
    start = time.monotonic()
    receipt = verify(
        model,
        slim=order.slim,
        slim_include=order.slim_include,
        offline=order.offline,
        strict=order.strict,
        timeout=order.timeout,
        on_progress=_say,
    )
    if not receipt.matches:
        _refuse(receipt)
    made = {
        **receipt.to_dict(),
        "node": node_name(),
        "run": order.run,
        "seconds": round(time.monotonic() - start, 3),
    }
    _publish(order, ".json", made)
    write_file(_receipt_file(order), to_json(made))
    return made


def _refuse(receipt: Receipt) -> NoReturn:
    wrong = [check for check in receipt.checks if check.status is Status.MISMATCH]
    lines = [line for check in wrong for line in (f"{check.name}: {check.summary}", *check.details)]
    if len(lines) > _MOST_NAMED:
        lines[_MOST_NAMED:] = [f"and {len(lines) - _MOST_NAMED} more"]
    message = f"{receipt.model} cannot be trusted here, and nothing was predicted"
    raise MismatchError("\n  ".join([message, *map(printable, lines)]))


def _made_before(order: Order) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        made = json.loads(_receipt_file(order).read_bytes())
        if isinstance(made, dict):
            return made
    return None


def _receipt_file(order: Order) -> Path:
    return _kept("receipts", f"{order.run}-{_short(node_name())}.json")


def _publish(order: Order, ending: str, said: dict[str, Any]) -> None:
    """Put it where the driver gathers receipts: no receipt, no predictions."""
    if not order.receipts:
        return
    place = place_of(order.receipts)
    with explained(place.name, "written"):
        place.system.create_dir(place.path, recursive=True)
        target = place / f"{order.run}-{_short(node_name())}{ending}"
        with place.system.open_output_stream(target.path) as out:
            out.write(to_json(said))


def _kept(kind: str, name: str) -> Path:
    """A file of Holdfast's on this node; those of runs long over are taken away."""
    folder = home() / "nodes" / kind
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        with suppress(FileNotFoundError):
            if old.stat().st_mtime < time.time() - _KEPT_SECONDS:
                old.unlink()
    return folder / name


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _say(line: str) -> None:
    """Into the engine's log of this node."""
    sys.stderr.write(f"holdfast: {line}\n")
    sys.stderr.flush()
