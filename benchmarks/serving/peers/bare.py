"""The least a server can be: one process, the model loaded, predict called in the handler.

No queue, no schema, no limits: what one connection can reach at best.
"""

import importlib
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import numpy as np

Message = MutableMapping[str, Any]

MODEL = importlib.import_module(os.environ["FLAVOR"]).load_model(os.environ["MODEL"])


class Split(msgspec.Struct):
    """What `DataFrame.to_dict("split")` gives."""

    data: list[list[float]]


class Body(msgspec.Struct):
    """A request."""

    dataframe_split: Split


DECODER = msgspec.json.Decoder(Body)
ENCODER = msgspec.json.Encoder()
HEADERS = [(b"content-type", b"application/json")]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    del scope
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    rows = np.array(DECODER.decode(body).dataframe_split.data)
    answer = ENCODER.encode({"predictions": MODEL.predict(rows).tolist()})
    length = (b"content-length", b"%d" % len(answer))
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})
