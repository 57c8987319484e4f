"""Asking the sealed model: in its own environment, whatever this one has become since."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import holdfast
import numpy as np
import numpy.typing as npt

from digits.data import Digits


def read(model: str, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Probabilities of the ten digits, (n, 10), for images, (n, 28, 28).

    Args:
        model: A model URI, or the path of a model.
        images: 0 is paper, 255 is ink.

    Raises:
        holdfast.HoldfastError: The model cannot be had as it was sealed, or failed.
    """
    answer: npt.NDArray[np.float32] = holdfast.predict(model, images)
    return answer


def ask(server: str, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The same of a model that `holdfast serve` serves.

    Args:
        server: Its address, "http://127.0.0.1:8000".
        images: As above.

    Raises:
        ValueError: It is no server's address, or the server does not answer as one of digits.
    """
    if not server.startswith(("http://", "https://")):
        raise ValueError(f"{server} is no address of a server; expected http:// or https://")
    request = urllib.request.Request(  # noqa: S310 - looked at above
        f"{server.rstrip('/')}/invocations",
        json.dumps({"inputs": images.tolist()}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found = np.array(json.load(answer)["predictions"], np.float32)
    except urllib.error.HTTPError as error:
        raise ValueError(f"{server} answered {error.code}: {error.read(500)!r}") from error
    except OSError as error:
        raise ValueError(f"{server} does not answer: {error}") from error
    if found.shape != (len(images), 10):
        raise ValueError(f"{server} answered with {found.shape}, not {(len(images), 10)}")
    return found


def accuracy(model: str, digits: Digits) -> float:
    """The share of `digits` that the sealed model reads right."""
    return float((read(model, digits.images).argmax(axis=1) == digits.labels).mean())
